"""The one connection a process keeps to its OpenD: opened on first use, shared by all calls, reopened when it drops.

    async with anyio.create_task_group() as tasks:      # the server's lifespan
        opend = OpenD(tasks, "127.0.0.1", 11111)
        ...
        answer = await opend.call(Protocol.GET_DAILY_SHORT_VOLUME, {...})      # from any task
        ...
        await opend.aclose()

The task group given is where the tasks live that read and keep alive; there is none before the first call and after
`aclose`. Calls need no task group of their own.
"""

import contextvars
import random
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import SocketStream, TaskGroup

from mcp_shortvol.sources.opend.cipher import RsaCipher
from mcp_shortvol.sources.opend.failures import Dropped, MalformedAnswer, Reason, Refusal
from mcp_shortvol.sources.opend.link import Link
from mcp_shortvol.sources.opend.messages import GLOBAL_STATE_QUESTION, GlobalState, Json, Protocol
from mcp_shortvol.sources.opend.wording import Wording, predates

__all__ = ["Answer", "OpenD", "Slot"]

_LONGEST_PAUSE = 0.25

Slot = Callable[[], AbstractAsyncContextManager[None]]
"""Gives the place in the vendor's quota that one request is sent in."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The content (`s2c`) of an answer, and whether it came from our sandbox."""

    content: Json
    sandbox: bool


class OpenD:
    """An OpenD at an address.

    `timeout` is in seconds, for each time a request is sent, with the connecting that may be needed first.
    """

    def __init__(
        self,
        tasks: TaskGroup,
        host: str = "127.0.0.1",
        port: int = 11111,
        *,
        rsa_key_file: Path | None = None,
        timeout: float = 12.0,
    ) -> None:
        self._tasks = tasks
        self._host = host
        self._port = port
        self._rsa_key_file = rsa_key_file
        self._rsa: RsaCipher | None = None
        self._timeout = timeout
        # OpenD is on this machine or near it: what does not connect, or greet, in a third of the time is not going to.
        self._patience = timeout / 3
        self._opening = anyio.Lock(fast_acquire=True)
        self._link: Link | None = None
        self._closed = False
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        # What is kept of it, and what is counted, stands under this: two names of one gateway are one.
        self.upstream = f"opend {self.address.lower()}".replace("localhost:", "127.0.0.1:")
        self.wording = Wording(self.address)

    async def aclose(self) -> None:
        """End the connection and its tasks, for good; calls under way fail."""
        self._closed = True
        if self._link is not None:
            self._link.close()
            await self._link.ended.wait()

    async def state(self) -> GlobalState:
        """How OpenD is doing now; raises the error that says what to do where it is absent or logged out."""
        try:
            answer = await self.call(Protocol.GET_GLOBAL_STATE, GLOBAL_STATE_QUESTION)
        except Refusal:
            raise self.wording.malformed() from None
        state = GlobalState.read(answer.content)
        if not state.logged_in:
            raise self.wording.logged_out(state.program_status)
        return state

    async def call(self, protocol: int, c2s: Json, *, slot: Slot = nullcontext) -> Answer:
        """Ask, and ask once more after what can pass, such as a dropped connection or silence: every call is a read.

        A `slot` is entered for each time the request is sent; waiting for it is outside the time-out. Raises Refusal
        where OpenD refuses, for the caller to word, and otherwise errors of `mcp_shortvol.domain.errors`.
        """
        try:
            return await self._ask(protocol, c2s, slot)
        except (Dropped, MalformedAnswer, TimeoutError):
            pass
        except Refusal as refusal:
            if refusal.reason is not Reason.BACKEND_TIMEOUT:
                raise
        await anyio.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - apart from others who lost it together
        try:
            return await self._ask(protocol, c2s, slot)
        except Dropped as dropped:
            if not dropped.greeted:
                raise self.wording.no_greeting(encrypted=self._rsa is not None) from None
            raise self.wording.lost(dropped) from None
        except MalformedAnswer:
            raise self.wording.malformed() from None
        except TimeoutError:
            raise self.wording.no_answer(self._timeout) from None

    async def _ask(self, protocol: int, c2s: Json, slot: Slot) -> Answer:
        # Opened first: a slow greeting must not age the start that the quota counts.
        with anyio.fail_after(self._timeout):
            await self._opened()
        async with slot():
            return await self._ask_now(protocol, c2s)

    async def _ask_now(self, protocol: int, c2s: Json) -> Answer:
        link: Link | None = None
        heard = 0
        try:
            with anyio.fail_after(self._timeout):
                link = await self._opened()
                heard = link.answers
                return Answer(await link.exchange(protocol, c2s), link.sandbox)
        except Refusal as refusal:
            if refusal.reason is Reason.OTHER and link is not None:
                await self._explain(link, protocol)
            raise
        except TimeoutError:
            if link is not None and link.answers == heard:
                link.close()  # Not one answer in all that time: what is asked next gets a new connection.
            if link is not None and predates(link.version, protocol):
                raise self.wording.outdated(protocol) from None
            raise

    async def _explain(self, link: Link, protocol: int) -> None:
        """Raise what makes an OpenD refuse in words of its own: it was logged out, or it is too old."""
        with anyio.move_on_after(self._timeout):
            try:
                state = await link.global_state()
            except (Dropped, Refusal, MalformedAnswer):
                return
            if not state.logged_in:
                raise self.wording.logged_out(state.program_status)
        if predates(link.version, protocol):
            raise self.wording.outdated(protocol)

    async def _opened(self) -> Link:
        if self._link and self._link.ready:
            return self._link
        async with self._opening:
            if self._link and self._link.ready:
                return self._link
            rsa = self._rsa = self._rsa or await self._read_key()
            stream = await self._connect()
            if self._closed:
                await anyio.aclose_forcefully(stream)
                raise self.wording.closed()
            link = self._link = Link(stream, rsa=rsa, timeout=self._timeout)
            # In a context of its own: it outlives the call that comes first, and must not hold on to its things.
            contextvars.Context().run(self._tasks.start_soon, link.run)
            try:
                await self._greet(link)
            except BaseException:
                link.close()
                raise
            return link

    async def _greet(self, link: Link) -> None:
        try:
            with anyio.fail_after(self._patience):
                state = await link.greet()
        except Dropped as dropped:
            if dropped.damaged and not link.answers:
                raise self.wording.not_opend() from None
            raise Dropped(damaged=dropped.damaged, greeted=False) from None
        except (TimeoutError, Refusal):
            raise self.wording.no_greeting(encrypted=self._rsa is not None) from None
        if not state.logged_in:
            raise self.wording.logged_out(state.program_status)

    async def _connect(self) -> SocketStream:
        try:
            with anyio.fail_after(self._patience):
                return await anyio.connect_tcp(self._host, self._port)
        except (socket.gaierror, UnicodeError):
            raise self.wording.no_such_host() from None
        except OSError:
            raise self.wording.not_running() from None

    async def _read_key(self) -> RsaCipher | None:
        if self._rsa_key_file is None:
            return None
        try:
            return RsaCipher(await anyio.Path(self._rsa_key_file).read_bytes())
        except (OSError, ValueError):
            raise self.wording.bad_key_file() from None
