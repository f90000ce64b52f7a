"""Single flight: equal calls at the same time share one fetch, each with its own deadline and its own progress.

The fetch runs in a task of its own. It continues while any caller waits, and is cancelled when the last one gives up.
"""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from mcp_shortvol.domain.progress import Progress

__all__ = ["SharedCall", "SingleFlight"]

T = TypeVar("T")


class SharedCall(Generic[T]):
    """The `work` that fills `subject` for all callers. The work gets a function to report its progress to."""

    def __init__(self, subject: T, work: Callable[[Progress], Awaitable[None]]) -> None:
        self.subject = subject
        self.done = False
        self._work = work
        self._scope = anyio.CancelScope()
        self._deadlines: list[float] = []
        self._changed = anyio.Event()
        self._reported: tuple[float, float | None, str] | None = None
        self._error: Exception | None = None

    @property
    def ending(self) -> bool:
        """Whether the work is done or is being cancelled: nobody waits, or the time of all callers is over."""
        return self.done or self._scope.cancel_called or anyio.current_time() >= self._scope.deadline

    async def run(self) -> None:
        """Work until all is done, or fails, or nobody waits; raises nothing."""
        try:
            with self._scope:
                await self._work(self._report)
        except Exception as error:  # noqa: BLE001 - every caller raises it
            self._error = error
        finally:
            self.done = True
            self._changed.set()

    async def wait(self, deadline: float, progress: Progress | None) -> None:
        """Return when the work is done; raises what it raised, or TimeoutError at `deadline`, a time of the loop."""
        self._deadlines.append(deadline)
        # Nothing that the work waits for may take longer than the most patient caller waits.
        self._scope.deadline = max(self._deadlines)
        try:
            with anyio.fail_after(deadline - anyio.current_time()):
                await self._follow(progress)
        finally:
            self._deadlines.remove(deadline)
            if not self._deadlines:
                self._scope.cancel()
        if self._error is not None:
            raise self._error
        if self._scope.cancelled_caught:
            raise TimeoutError

    async def _follow(self, progress: Progress | None) -> None:
        passed_on = None
        while not self.done:
            changed = self._changed
            if progress is not None and self._reported is not None and self._reported is not passed_on:
                passed_on = self._reported
                await progress(*passed_on)
            await changed.wait()

    async def _report(self, done: float, total: float | None, message: str) -> None:
        self._reported = done, total, message
        self._changed.set()
        self._changed = anyio.Event()


class SingleFlight:
    """The shared calls under way, by key; their tasks live in `tasks`."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._by_key: dict[Hashable, SharedCall[Any]] = {}

    def join(self, key: Hashable, begin: Callable[[], SharedCall[T]]) -> SharedCall[T]:
        """The call under way for `key`, or the new one that `begin` makes."""
        under_way: SharedCall[Any] | None = self._by_key.get(key)
        if under_way is not None and not under_way.ending:
            return under_way  # a key stands for one type of subject
        call = self._by_key[key] = begin()
        self._tasks.start_soon(self._run, key, call)
        return call

    async def _run(self, key: Hashable, call: SharedCall[Any]) -> None:
        await call.run()
        if self._by_key.get(key) is call:
            del self._by_key[key]
