"""A proxy that the environment names, spoken to over real sockets."""

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.sources.http import HttpClient

pytestmark = pytest.mark.anyio


class SocksProxy:
    """A SOCKS 5 proxy (RFC 1928, CONNECT without authentication) that leads every name to one port of this machine."""

    def __init__(self, port: int) -> None:
        self.asked_for: list[tuple[str, int]] = []
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        stream = peer.makefile("rb")
        _, methods = stream.read(2)
        stream.read(methods)
        peer.sendall(b"\x05\x00")
        assert stream.read(4) == b"\x05\x01\x00\x03"  # CONNECT to a name
        name = stream.read(stream.read(1)[0]).decode()
        (port,) = struct.unpack(">H", stream.read(2))
        self.asked_for.append((name, port))
        with socket.create_connection(("127.0.0.1", self._target)) as target:
            peer.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            threading.Thread(target=_pump, args=(target, peer), daemon=True).start()
            _pump(peer, target)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        return


@pytest.fixture
def proxy(environment: dict[str, str], gateway: LongbridgeGateway) -> Iterator[SocksProxy]:
    running = SocksProxy(int(environment["LONGBRIDGE_HTTP_URL"].rpartition(":")[2]))
    yield running
    running.close()


@pytest.mark.parametrize("scheme", ["socks", "socks5"])
async def test_gnome_s_socks_proxy_is_socks_5(proxy: SocksProxy, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:{proxy.port}/")
    client = HttpClient("Longbridge", "http://gateway.example:8080", timeout=5)
    try:
        answer = await client.get("/v1/quote/short-trades/hk", {}, None)
    finally:
        await client.aclose()
    assert proxy.asked_for == [("gateway.example", 8080)]
    assert answer.status >= 200
