"""The vendors' rate limits, kept by waiting instead of being refused.

A quota counts the starts of calls in a sliding window and the calls under way; callers are served in the order they
came. One quota stands for one upstream and one interface, within this process.
"""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import NamedTuple

import anyio

__all__ = ["OnWait", "Quota", "Rate"]

OnWait = Callable[[float], Awaitable[None]]
"""Told the seconds a caller is about to wait, so that a long wait can be reported as progress."""


class Rate(NamedTuple):
    """So many requests within any so many seconds."""

    requests: int
    seconds: float


class Quota:
    """At most `rate` starts, where a rate is given, and at most `concurrent` calls at once."""

    def __init__(self, rate: Rate | None, *, concurrent: int) -> None:
        self._rate = rate
        self._starts: deque[float] = deque(maxlen=rate.requests if rate else 0)
        self._turn = anyio.Lock(fast_acquire=True)
        self._waiting = 0
        self._places = anyio.Semaphore(concurrent, fast_acquire=True)

    @asynccontextmanager
    async def slot(self, on_wait: OnWait | None = None) -> AsyncIterator[None]:
        """A place to make one call in; waits for it, and may be cancelled while waiting without using one up."""
        async with self._places:
            if self._rate is not None:
                await self._take_a_start(self._rate, on_wait)
            yield

    async def _take_a_start(self, rate: Rate, on_wait: OnWait | None) -> None:
        ahead, self._waiting = self._waiting, self._waiting + 1
        try:
            if on_wait is not None and (wait := self._wait(rate, ahead)) > 0:
                await on_wait(wait)
            async with self._turn:  # held while waiting: the next in line starts after this one
                if (wait := self._wait(rate, 0)) > 0:
                    await anyio.sleep(wait)
                self._starts.append(monotonic())
        finally:
            self._waiting -= 1

    def _wait(self, rate: Rate, ahead: int) -> float:
        """Seconds until a start is free for whoever has so many others ahead."""
        windows, place = divmod(ahead + len(self._starts) - rate.requests, rate.requests)
        if windows < 0:
            return 0.0
        return self._starts[min(place, len(self._starts) - 1)] + (windows + 1) * rate.seconds - monotonic()
