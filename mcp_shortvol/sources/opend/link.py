"""One TCP connection to OpenD: many exchanges at once, each answer to the call that waits for it.

A single reader takes every frame off the wire and hands it to the exchange with its protocol id and serial number.
Pushes go first, by protocol id, because their serial numbers can equal one waited for; what nobody waits for any more,
because its call was cancelled, is dropped. Decrypting, checking and parsing happen in the task that asked.
"""

import time
from itertools import count

import anyio
from anyio.abc import SocketStream

from mcp_shortvol.sources.opend.cipher import AesCbcCipher, Cipher, RsaCipher
from mcp_shortvol.sources.opend.failures import Dropped, MalformedAnswer, Refusal
from mcp_shortvol.sources.opend.frame import BadFrame, BodyFormat, Frame, FrameDecoder
from mcp_shortvol.sources.opend.messages import (
    GLOBAL_STATE_QUESTION,
    PUSHES,
    GlobalState,
    Greeting,
    Json,
    Protocol,
    greet,
    read_answer,
    request,
)

__all__ = ["Link"]

_CHUNK = 65536
_DEFAULT_KEEP_ALIVE_SECONDS = 10.0
_LEAST_KEEP_ALIVE_SECONDS = 0.1


class _Waiting:
    """An exchange whose answer has not come yet; `frame` stays None where the connection ended first."""

    __slots__ = ("done", "frame")

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.frame: Frame | None = None


class Link:
    """A connection and the exchanges under way on it. `run` must be running in a task of the owner's."""

    def __init__(self, stream: SocketStream, *, rsa: RsaCipher | None, timeout: float) -> None:
        self._stream = stream
        self._rsa = rsa
        self._cipher: Cipher | None = None
        self._timeout = timeout
        self._serials = count(1)
        self._waiting: dict[tuple[int, int], _Waiting] = {}
        self._sending = anyio.Lock(fast_acquire=True)
        self._greeted = anyio.Event()
        self._keep_alive_seconds = _DEFAULT_KEEP_ALIVE_SECONDS
        self._scope = anyio.CancelScope()
        self._damaged = False
        self.closed = False
        self.ended = anyio.Event()
        self.answers = 0
        self.version: int | None = None
        self.sandbox = False

    async def run(self) -> None:
        """Read until the connection ends or `close` is called, keeping it alive meanwhile; raises nothing."""
        try:
            with self._scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._keep_alive)
                    await self._read()
                    tasks.cancel_scope.cancel()
        finally:
            self.close()
            await anyio.aclose_forcefully(self._stream)
            self.ended.set()

    @property
    def ready(self) -> bool:
        """Whether OpenD has been greeted, so that it takes questions, and the connection still stands."""
        return self._greeted.is_set() and not self.closed

    def close(self, *, damaged: bool = False) -> None:
        """End the connection; every exchange under way raises Dropped."""
        self._damaged = self._damaged or damaged
        self.closed = True
        self._scope.cancel()
        for waiting in self._waiting.values():
            waiting.done.set()

    async def greet(self) -> GlobalState:
        """The first two exchanges: InitConnect, and how OpenD is doing. Raises what `exchange` raises."""
        greeting = Greeting.read(await self.exchange(Protocol.INIT_CONNECT, greet(encrypted=self._rsa is not None)))
        if self._rsa:
            try:
                self._cipher = AesCbcCipher(greeting.aes_key, greeting.aes_initial_vector)
            except ValueError as error:
                raise MalformedAnswer("no AES key in the answer to InitConnect") from error
        self.version = greeting.version
        self._keep_alive_seconds = max(greeting.keep_alive or _DEFAULT_KEEP_ALIVE_SECONDS, _LEAST_KEEP_ALIVE_SECONDS)
        state = await self.global_state()
        self.sandbox = state.sandbox
        self._greeted.set()
        return state

    async def global_state(self) -> GlobalState:
        """How OpenD is doing now."""
        return GlobalState.read(await self.exchange(Protocol.GET_GLOBAL_STATE, GLOBAL_STATE_QUESTION))

    async def exchange(self, protocol: int, c2s: Json) -> Json:
        """Ask and wait for the answer; raises Dropped, Refusal or MalformedAnswer. Cancelling it harms no other."""
        serial = next(self._serials)
        cipher = self._rsa if protocol == Protocol.INIT_CONNECT else self._cipher
        frame = Frame.of(protocol, serial, request(c2s), encrypt=cipher.encrypt if cipher else None)
        waiting = self._waiting[protocol, serial] = _Waiting()
        try:
            await self._send(frame.encode())
            await waiting.done.wait()
        finally:
            del self._waiting[protocol, serial]
        if waiting.frame is None:
            raise Dropped(damaged=self._damaged)
        if waiting.frame.body_format != BodyFormat.JSON:
            raise MalformedAnswer("not JSON")
        try:
            return read_answer(waiting.frame.plain(cipher.decrypt if cipher else None))
        except BadFrame:
            self.close(damaged=True)
            raise Dropped(damaged=True) from None

    async def _send(self, packet: bytes) -> None:
        async with self._sending:
            if self.closed:
                raise Dropped(damaged=self._damaged)
            # Half a packet would garble all that follow, so that a call which is cancelled still sends all of its own.
            with anyio.move_on_after(self._timeout, shield=True) as sending:
                try:
                    await self._stream.send(packet)
                except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
                    self.close()
            if sending.cancelled_caught:
                self.close()
            if self.closed:
                raise Dropped(damaged=self._damaged)

    async def _read(self) -> None:
        decoder = FrameDecoder()
        try:
            while True:
                for frame in decoder.feed(await self._stream.receive(_CHUNK)):
                    self._deliver(frame)
        except BadFrame:
            self.close(damaged=True)
        except (OSError, anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self.close()

    def _deliver(self, frame: Frame) -> None:
        if frame.protocol in PUSHES:
            return
        self.answers += 1
        if waiting := self._waiting.get((frame.protocol, frame.serial)):
            waiting.frame = frame
            waiting.done.set()

    async def _keep_alive(self) -> None:
        """Say that we are here, at four fifths of the interval OpenD asks for; end a connection that is dead."""
        await self._greeted.wait()
        while True:
            await anyio.sleep(self._keep_alive_seconds * 4 / 5)
            try:
                with anyio.fail_after(self._timeout):
                    await self.exchange(Protocol.KEEP_ALIVE, {"time": int(time.time())})
            except (TimeoutError, Dropped):
                self.close()
            except (Refusal, MalformedAnswer):
                pass  # An answer it is: the connection lives.
