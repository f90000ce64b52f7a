"""An OpenD of a few lines, on loopback: it answers what a test scripts, and remembers what it was asked."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.abc import SocketAttribute, SocketStream

from mcp_shortvol.sources.opend import OpenD
from mcp_shortvol.sources.opend.frame import BodyFormat, Frame, FrameDecoder
from mcp_shortvol.sources.opend.messages import Json, Protocol

GOLDEN = Path(__file__).parents[2] / "wire" / "golden"


def golden(folder: str) -> dict[str, bytes]:
    """The recorded packets of a folder, by file name."""
    return {path.stem: bytes.fromhex(path.read_text()) for path in sorted((GOLDEN / folder).glob("*.hex"))}


def ok(content: Json) -> bytes:
    return json.dumps({"retType": 0, "retMsg": "", "errCode": 0, "s2c": content}).encode()


def refused(text: str, return_type: int = -1) -> bytes:
    return json.dumps({"retType": return_type, "retMsg": text, "errCode": 0}, ensure_ascii=False).encode()


class Peer:
    """One client of the fake, and what can be done to it."""

    def __init__(self, stream: SocketStream) -> None:
        self.stream = stream
        self._sending = anyio.Lock()

    async def answer(self, question: Frame, body: bytes) -> None:
        await self.send(Frame.of(question.protocol, question.serial, body, body_format=question.body_format).encode())

    async def push(self, protocol: int, serial: int) -> None:
        await self.send(Frame.of(protocol, serial, b'{"s2c":{"event":1}}').encode())

    async def send(self, data: bytes) -> None:
        async with self._sending:
            await self.stream.send(data)

    async def hang_up(self) -> None:
        await self.stream.aclose()


Script = Callable[[Peer, Frame, Json], Awaitable[None]]


class FakeOpenD:
    """Answers upkeep by itself and leaves the questions to `script`; everything can be replaced by a test."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.open_connections = 0
        self.asked: list[tuple[int, Json]] = []
        self.logged_in = True
        self.program_status: Json = {"type": 10, "strExtDesc": ""}
        self.greeting: Json = {
            "serverVer": 1011,
            "loginUserID": "19088743",
            "connID": "7459212711696991004",
            "connAESKey": "0123456789ABCDEF",
            "keepAliveInterval": 10,
        }
        self.scripts: dict[int, Script] = {
            Protocol.INIT_CONNECT: self._greet,
            Protocol.GET_GLOBAL_STATE: self._state,
            Protocol.KEEP_ALIVE: self._alive,
        }

    def asked_of(self, protocol: int) -> list[Json]:
        return [content for asked, content in self.asked if asked == protocol]

    async def serve(self, stream: SocketStream) -> None:
        self.connections += 1
        self.open_connections += 1
        decoder = FrameDecoder()
        peer = Peer(stream)
        try:
            async with stream, anyio.create_task_group() as tasks:
                async for chunk in stream:
                    for frame in decoder.feed(chunk):
                        assert frame.body_format == BodyFormat.JSON
                        content = json.loads(frame.plain())["c2s"]
                        self.asked.append((frame.protocol, content))
                        tasks.start_soon(self._play, frame, content, peer)
                tasks.cancel_scope.cancel()
        except* (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        finally:
            self.open_connections -= 1

    async def _play(self, frame: Frame, content: Json, peer: Peer) -> None:
        await self.scripts[frame.protocol](peer, frame, content)

    async def _greet(self, peer: Peer, frame: Frame, _content: Json) -> None:
        await peer.answer(frame, ok(self.greeting))

    async def _state(self, peer: Peer, frame: Frame, _content: Json) -> None:
        await peer.answer(frame, ok({"qotLogined": self.logged_in, "programStatus": self.program_status}))

    async def _alive(self, peer: Peer, frame: Frame, _content: Json) -> None:
        await peer.answer(frame, ok({"time": "1795169837"}))


@asynccontextmanager
async def played(fake: FakeOpenD) -> AsyncIterator[FakeOpenD]:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        fake.port = listener.extra(SocketAttribute.local_port)
        tasks.start_soon(listener.serve, fake.serve)
        yield fake
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def opend_at(fake: FakeOpenD, *, seconds: float = 2.0, rsa_key_file: Path | None = None) -> AsyncIterator[OpenD]:
    """Our side of it, as the server's lifespan would hold it."""
    async with anyio.create_task_group() as tasks:
        opend = OpenD(tasks, "127.0.0.1", fake.port, timeout=seconds, rsa_key_file=rsa_key_file)
        try:
            yield opend
        finally:
            await opend.aclose()
