"""A small HTTP/1.1 server on loopback that can also send its responses wrongly.

It knows no vendor. A handler turns a `Request` into a `Response`; the response's `sender` writes the bytes to the
socket: at once, late, in small pieces, truncated, or not at all. Ordinary servers hide the socket, and could not
simulate such faults.
"""

import asyncio
import logging
import socket
import struct
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import parse_qs

import h11

__all__ = ["SANDBOX_HEADER", "HttpServer", "Request", "Response", "Sender", "Wire", "send_all"]

SANDBOX_HEADER = "X-Shortvol-Sandbox"
"""The response header by which the sandbox identifies itself."""

_CHUNK = 64 * 1024
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A received request: `path` and `raw_query` undecoded, header names in lower case, `at` in monotonic seconds."""

    method: str
    path: str
    raw_query: str
    headers: Mapping[str, str]
    body: bytes = b""
    at: float = field(default_factory=time.monotonic)

    @property
    def query(self) -> dict[str, str]:
        """The decoded query; of a repeated name the last value."""
        return _last_values(self.raw_query)

    @property
    def form(self) -> dict[str, str]:
        """The decoded body of an HTML form."""
        return _last_values(self.body.decode("utf-8", "replace"))


class Wire:
    """The sending side of one connection, with access to the socket itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def is_open(self) -> bool:
        """Whether a further answer can be sent."""
        return not self._writer.is_closing()

    async def send(self, data: bytes) -> None:
        """Send bytes unchanged, and wait until the peer has received most of them."""
        self._writer.write(data)
        await self._writer.drain()

    async def wait_closed(self) -> None:
        """Wait until the peer closes its side."""
        while await self._reader.read(_CHUNK):
            pass
        self.close()

    def close(self) -> None:
        """Close the connection after the bytes already sent."""
        self._writer.close()

    def reset(self) -> None:
        """Abort the connection with a TCP reset, as a crash does."""
        raw: socket.socket = self._writer.get_extra_info("socket")
        # Lingering for zero seconds makes the kernel send RST instead of FIN; Windows counts in 16 bits.
        raw.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        )
        self._writer.transport.abort()


Sender = Callable[[Wire, bytes], Awaitable[None]]
"""Sends a serialised response. One that sends fewer bytes than the head announces also closes the wire."""


async def send_all(wire: Wire, response: bytes) -> None:
    """Send the whole response at once."""
    await wire.send(response)


@dataclass(frozen=True, slots=True)
class Response:
    """A response and how it is sent; the server adds the content-length header."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    sender: Sender = send_all


class HttpServer:
    """Serves one handler on 127.0.0.1, over any number of kept-alive connections."""

    def __init__(self, handler: Callable[[Request], Response]) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, port: int = 0) -> int:
        """Listen and return the port: `port`, or any free one for 0. OSError where it is in use."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        address: tuple[str, int] = self._server.sockets[0].getsockname()
        return address[1]

    async def stop(self) -> None:
        """Stop listening and drop every connection, also in the middle of a response."""
        if self._server:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        # A peer that never reads would block an orderly close for ever, so `_serve` aborts a cancelled connection.
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        protocol = h11.Connection(h11.SERVER)
        try:
            while request := await _read_request(protocol, reader):
                response = self._answer(request)
                await response.sender(wire, _serialise(protocol, response))
                if not wire.is_open or protocol.our_state is not h11.DONE:
                    break
                protocol.start_next_cycle()
        except (ConnectionError, h11.RemoteProtocolError) as error:
            logger.debug("connection ended: %s", error)
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        finally:
            writer.close()

    def _answer(self, request: Request) -> Response:
        try:
            return self._handler(request)
        except Exception:
            logger.exception("the sandbox failed to answer %s %s", request.method, request.path)
            return Response(500, b"the sandbox itself failed; its log says why", {"content-type": "text/plain"})


async def _read_request(protocol: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    """The next request on a connection, or None at its end."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            protocol.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head:
            path, _, raw_query = head.target.decode("ascii").partition("?")
            headers = {name.decode("ascii"): value.decode("latin-1") for name, value in head.headers}
            return Request(head.method.decode("ascii"), path, raw_query, headers, bytes(body))
        else:
            return None


def _serialise(protocol: h11.Connection, response: Response) -> bytes:
    headers = {
        "content-type": "application/json",
        "date": formatdate(usegmt=True),
        **response.headers,
        "content-length": str(len(response.body)),
    }
    parts = (
        h11.Response(status_code=response.status, headers=list(headers.items())),
        h11.Data(data=response.body),
        h11.EndOfMessage(),
    )
    return b"".join(protocol.send(part) or b"" for part in parts)


def _last_values(text: str) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}
