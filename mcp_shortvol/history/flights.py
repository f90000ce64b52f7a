"""Equal calls in flight share one fetch, each with its own deadline and its own progress.

A fetch belongs to nobody who waits for it: it runs in a task of its own, goes on while anyone waits, and ends with the
last of them.
"""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from mcp_shortvol.domain.progress import Progress

__all__ = ["Flight", "Flights"]

T = TypeVar("T")


class Flight(Generic[T]):
    """The `work` of filling `subject`, for all who wait for it. The work is given what to report its progress to."""

    def __init__(self, subject: T, work: Callable[[Progress], Awaitable[None]]) -> None:
        self.subject = subject
        self.over = False
        self._work = work
        self._scope = anyio.CancelScope()
        self._deadlines: list[float] = []
        self._changed = anyio.Event()
        self._told: tuple[float, float | None, str] | None = None
        self._error: Exception | None = None

    @property
    def landing(self) -> bool:
        """Whether the work is done, or will not go on: nobody waits, or the time of all who did is over."""
        return self.over or self._scope.cancel_called or anyio.current_time() >= self._scope.deadline

    async def fly(self) -> None:
        """Work until all is done, or fails, or nobody waits; raises nothing."""
        try:
            with self._scope:
                await self._work(self._tell)
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            self._error = error
        finally:
            self.over = True
            self._changed.set()

    async def wait(self, deadline: float, progress: Progress | None) -> None:
        """Return when the work is done; raises what it raised, or TimeoutError at `deadline`, a time of the loop."""
        self._deadlines.append(deadline)
        # Nothing that the work waits for may outlast the most patient of those who wait for it.
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
        told = None
        while not self.over:
            changed = self._changed
            if progress is not None and self._told is not None and self._told is not told:
                told = self._told
                await progress(*told)
            await changed.wait()

    async def _tell(self, done: float, total: float | None, message: str) -> None:
        self._told = done, total, message
        self._changed.set()
        self._changed = anyio.Event()


class Flights:
    """The flights under way, by what they are for; their tasks live in `tasks`."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._by_key: dict[Hashable, Flight[Any]] = {}

    def join(self, key: Hashable, begin: Callable[[], Flight[T]]) -> Flight[T]:
        """The flight under way for `key`, or the new one that `begin` gives."""
        under_way: Flight[Any] | None = self._by_key.get(key)
        if under_way is not None and not under_way.landing:
            return under_way  # a key stands for one type of subject
        flight = self._by_key[key] = begin()
        self._tasks.start_soon(self._fly, key, flight)
        return flight

    async def _fly(self, key: Hashable, flight: Flight[Any]) -> None:
        await flight.fly()
        if self._by_key.get(key) is flight:
            del self._by_key[key]
