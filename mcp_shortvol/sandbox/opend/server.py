"""The TCP server of the simulated OpenD: the vendor's frames in JSON and protobuf, in plain text or encrypted."""

import asyncio
import json
import os
import secrets
from pathlib import Path

from mcp_shortvol.domain.errors import NotConfigured
from mcp_shortvol.sandbox.http import Wire
from mcp_shortvol.sandbox.opend.bodies import Values, from_json, from_protobuf, to_json, to_protobuf
from mcp_shortvol.sandbox.opend.faults import Fault
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway, OpenDRequest
from mcp_shortvol.sandbox.opend.messages import REQUESTS, RESPONSES
from mcp_shortvol.sources.opend.cipher import AesCbcCipher, Cipher, RsaCipher
from mcp_shortvol.sources.opend.frame import BadFrame, BodyFormat, Frame, FrameDecoder
from mcp_shortvol.sources.opend.messages import Protocol

__all__ = ["OpenDService"]

_CHUNK = 65536
_AES_CBC, _NO_ENCRYPTION = 2, -1


class OpenDService:
    """Serves an OpenD gateway on a port, 0 for any free one; with `rsa_key_file` handshakes must be encrypted."""

    def __init__(self, gateway: OpenDGateway, port: int = 0, *, rsa_key_file: Path | None = None) -> None:
        self._gateway = gateway
        self._port = port
        self._rsa_key_file = rsa_key_file
        self._rsa: RsaCipher | None = None
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._accepted = 0

    async def start(self) -> None:
        """Listen on the port; NotConfigured where the port is in use, or the key file cannot be used."""
        try:
            self._rsa = RsaCipher(self._rsa_key_file.read_bytes()) if self._rsa_key_file else None
        except (OSError, ValueError) as unusable:
            raise NotConfigured(
                "The OpenD sandbox cannot use its RSA key file.", "Give it a PEM file with a key of 1024 bits."
            ) from unusable
        try:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        except (OSError, OverflowError) as refused:
            reason = os.strerror(refused.errno or 0) if isinstance(refused, OSError) else "ports go from 0 to 65535"
            raise NotConfigured(
                f"The OpenD sandbox cannot listen on port {self._port} of this machine: {reason}.",
                "Choose another with --opend-port, or 0 for any free one.",
            ) from refused
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop every connection, also in the middle of a response."""
        if self._server:
            self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def environment(self) -> dict[str, str]:
        """The environment variables that configure a program for this OpenD."""
        key = {"FUTU_OPEND_RSA_KEY_FILE": str(self._rsa_key_file)} if self._rsa_key_file else {}
        return {"FUTU_OPEND_HOST": "127.0.0.1", "FUTU_OPEND_PORT": str(self._port), **key}

    @property
    def connections(self) -> int:
        """The number of connected clients."""
        return len(self._clients)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.create_task(self._serve(reader, writer))
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._accepted += 1
        client = _Client(self._gateway, self._accepted, Wire(reader, writer), self._rsa)
        try:
            async with asyncio.TaskGroup() as answering:
                await client.listen(reader, answering)
        except* (_Disconnected, BadFrame, ConnectionError):
            pass
        finally:
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()


class _Client:
    """One client connection: its handshake, its cipher and its responses."""

    def __init__(self, gateway: OpenDGateway, number: int, wire: Wire, rsa: RsaCipher | None) -> None:
        self._gateway = gateway
        self._number = number
        self._wire = wire
        self._rsa = rsa
        self._aes: AesCbcCipher | None = None
        self._handshake_done = False
        self._sending = asyncio.Lock()
        self._handshake: Values = {
            "connID": secrets.randbits(62),
            "connAESKey": secrets.token_hex(8),
            "aesCBCiv": secrets.token_hex(8),
        }

    async def listen(self, reader: asyncio.StreamReader, answering: asyncio.TaskGroup) -> None:
        """Answer every frame in its own task, so that a slow response delays no other; raises _Disconnected."""
        decoder = FrameDecoder()
        while chunk := await reader.read(_CHUNK):
            for frame in decoder.feed(chunk):
                answering.create_task(self._answer(frame))
        raise _Disconnected

    async def _answer(self, frame: Frame) -> None:
        """Answer one frame. An unreadable frame ends the connection, as does any frame before the handshake."""
        is_handshake = frame.protocol == Protocol.INIT_CONNECT
        cipher: Cipher | None = self._rsa if is_handshake else self._aes
        try:
            c2s = _read(frame, frame.plain(cipher.decrypt if cipher else None))
        except ValueError:  # a BadFrame, or neither JSON nor protobuf
            raise _Disconnected from None
        if is_handshake:
            self._accept_handshake(c2s)
        if not self._handshake_done:
            raise _Disconnected
        normal = self._gateway.answer(OpenDRequest(frame.protocol, c2s, self._number), self._handshake)
        fault = self._gateway.faults.next(frame.protocol)
        body = _write(frame, normal, fault, c2s)
        encrypt = cipher.encrypt if cipher else None
        reply = Frame.of(frame.protocol, frame.serial, body, body_format=frame.body_format, encrypt=encrypt)
        packet = fault.encode_frame(reply) if fault.encode_frame else reply.encode()
        async with self._sending:
            await (fault.sender(self._wire, packet) if fault.sender else self._wire.send(packet))

    def _accept_handshake(self, c2s: Values) -> None:
        """Agree on a cipher; the ECB modes are not supported."""
        algorithm = c2s.get("packetEncAlgo", 0)
        if self._rsa and algorithm == _AES_CBC:
            key, vector = str(self._handshake["connAESKey"]), str(self._handshake["aesCBCiv"])
            self._aes = AesCbcCipher(key.encode(), vector.encode())
        self._handshake_done = self._rsa is None or algorithm in {_AES_CBC, _NO_ENCRYPTION}


class _Disconnected(Exception):
    """The connection must end: the client has disconnected, or has sent something that OpenD does not accept."""


def _read(frame: Frame, body: bytes) -> Values:
    """The content (`c2s`) of a request, empty for an unknown protocol; ValueError where the body cannot be read."""
    if frame.body_format == BodyFormat.JSON:
        content = from_json(body).get("c2s")
    else:
        content = from_protobuf(REQUESTS.get(frame.protocol, {}), body).get("c2s")
    return content if isinstance(content, dict) else {}


def _write(frame: Frame, normal: Values, fault: Fault, c2s: Values) -> bytes:
    answer = normal if fault.replacement is None else fault.replacement
    message = RESPONSES.get(frame.protocol, RESPONSES[Protocol.KEEP_ALIVE])
    if frame.body_format != BodyFormat.JSON:
        return to_protobuf(message, answer)
    document = to_json(message, answer) if answer is normal else dict(answer)
    content = document.get("s2c")
    if fault.edit and isinstance(content, dict):
        fault.edit(content, c2s)
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return fault.rewrite_body(body) if fault.rewrite_body else body
