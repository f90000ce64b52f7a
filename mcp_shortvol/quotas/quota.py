"""The vendors' rate limits, kept by waiting: a request waits here, so that the vendor does not refuse it.

A quota stands for one upstream and one interface. Its bucket counts the starts of requests in a sliding window; a
shared bucket counts those of all processes of this machine. The quota itself counts the requests under way in this
process. Callers are served in the order they came. A wait is reported to the caller. It can be cancelled without using
anything up, and it does not begin where it would last longer than the call's deadline.

Only the monotonic clock is used, which all processes of a machine share: a change of the time of day changes nothing.
"""

import math
import random
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import NamedTuple, Protocol, TypeVar

import anyio
import anyio.lowlevel

from mcp_shortvol import telemetry
from mcp_shortvol.domain.errors import RateLimited

__all__ = ["LONGEST_PAUSE", "Bucket", "LocalBucket", "OnWait", "Quota", "Rate", "time_until_free"]

OnWait = Callable[[float], Awaitable[None]]
"""Called with the seconds that a caller is about to wait, so that a long wait can be reported as progress."""

T = TypeVar("T")

_MOST_REFUSALS = 4  # in a row, before a call gives up
_SHORTEST_PAUSE = 0.25
LONGEST_PAUSE = 600.0
_JITTER = 0.1


class Rate(NamedTuple):
    """At most `requests` requests in any `seconds` seconds."""

    requests: int
    seconds: float


class Bucket(Protocol):
    """Counts the starts of requests that share a rate limit."""

    async def claim(self, rate: Rate) -> float:
        """Count a start now and return 0; or count none, and return the seconds until one is free."""

    async def expected(self, rate: Rate, ahead: int) -> float:
        """Seconds until a start is free for a caller behind `ahead` others; 0 where one is free now."""

    async def give_back(self) -> None:
        """Take back the start that was counted last here: no request was made."""

    async def back_off(self, seconds: float) -> None:
        """Give no start for `seconds` seconds: the upstream refused."""


class LocalBucket:
    """A bucket of this process alone."""

    def __init__(self) -> None:
        self._starts: deque[float] = deque()
        self._closed_until = 0.0

    def reset(self, starts: Sequence[float], closed_until: float) -> None:
        """Set all the starts there were, oldest first, and the time before which none is given."""
        self._starts = deque(starts)
        self._closed_until = closed_until

    async def claim(self, rate: Rate) -> float:
        """See Bucket."""
        wait = await self.expected(rate, 0)
        if not wait:
            self._starts.append(monotonic())
        return wait

    async def expected(self, rate: Rate, ahead: int) -> float:
        """See Bucket."""
        now = monotonic()
        while self._starts and self._starts[0] <= now - rate.seconds:
            self._starts.popleft()
        return time_until_free(self._starts, rate, ahead, self._closed_until, now)

    async def give_back(self) -> None:
        """See Bucket."""
        self._starts.pop()

    async def back_off(self, seconds: float) -> None:
        """See Bucket."""
        self._closed_until = max(self._closed_until, monotonic() + seconds)


def time_until_free(starts: Sequence[float], rate: Rate, ahead: int, closed_until: float, now: float) -> float:
    """Seconds until a start is free, given those in the window, oldest first."""
    refused = max(closed_until - now, 0.0)
    line = deque(starts, maxlen=rate.requests)
    free = now
    for _ in range(ahead + 1):
        # The start `rate.requests` places back must have left the window, and no caller overtakes another.
        free = max(free, line[0] + rate.seconds if len(line) == rate.requests else now)
        line.append(free)
    return max(free - now, refused)


class _NotBegun(RateLimited):
    """A call that was not made, because no start is free in time. The upstream did not refuse it."""


class Quota:
    """At most `rate` starts, where a rate is given, and at most `concurrent` requests at once.

    `title` names the upstream in errors. `pause` is the seconds to wait after a refusal that does not say how long.
    """

    def __init__(
        self,
        rate: Rate | None,
        *,
        concurrent: int,
        bucket: Bucket | None = None,
        title: str = "The vendor",
        pause: float = 1.0,
    ) -> None:
        self._rate = rate
        self._bucket = bucket or LocalBucket()
        self._title = title
        self._pause = pause
        self._turn = anyio.Lock(fast_acquire=True)
        self._waiting = 0
        self._places = anyio.Semaphore(concurrent, fast_acquire=True)

    @property
    def rate(self) -> Rate | None:
        """The rate that is kept to; None for no limit."""
        return self._rate

    async def free(self) -> int:
        """How many requests could start now; 0 while the upstream refuses."""
        if self._rate is None:
            return 0
        for ahead in range(self._rate.requests):
            if await self._bucket.expected(self._rate, ahead) > 0:
                return ahead
        return self._rate.requests

    @asynccontextmanager
    async def slot(self, on_wait: OnWait | None = None) -> AsyncIterator[None]:
        """A place for one request; raises RateLimited where none is free before the call's deadline."""
        began = monotonic()
        with self._in_line() as ahead:
            announced = await self._announce(self._rate, ahead, on_wait) if self._rate and ahead else 0.0
            await self._places.acquire()
            try:
                if self._rate is not None:
                    await self._start(self._rate, on_wait, announced)
            except BaseException:
                self._places.release()
                raise
        telemetry.waited(self._title, monotonic() - began)
        try:
            with telemetry.upstream(self._title):
                yield
        finally:
            self._places.release()

    async def keeping(self, call: Callable[[], Awaitable[T]]) -> T:
        """The result of `call`, which takes a slot. It is made again after each refusal of the upstream.

        A refusal comes where another program uses the account. All who share the bucket then wait as long as the
        upstream says, or else `pause` seconds, twice as long each time. Raises RateLimited where that would last longer
        than the deadline, or does not end.
        """
        for refusals in range(_MOST_REFUSALS):
            try:
                return await call()
            except _NotBegun:
                raise
            except RateLimited as error:
                pause = error.retry_after if error.retry_after is not None else self._pause * 2**refusals
                # Jitter, so that the processes that were refused do not come back as one.
                pause = min(max(pause, _SHORTEST_PAUSE), LONGEST_PAUSE) * random.uniform(1, 1 + _JITTER)  # noqa: S311
                await self._bucket.back_off(pause)
                if refusals + 1 == _MOST_REFUSALS or pause > _time_left():
                    raise
                if self._rate is None:
                    await anyio.sleep(pause)
        raise AssertionError("unreachable: the last refusal is raised")

    @contextmanager
    def _in_line(self) -> Iterator[int]:
        """A place in the queue; how many callers are ahead."""
        ahead, self._waiting = self._waiting, self._waiting + 1
        try:
            yield ahead
        finally:
            self._waiting -= 1

    async def _announce(self, rate: Rate, ahead: int, on_wait: OnWait | None) -> float:
        """Report the seconds that a caller behind others will wait, and return them; raises where that is too long."""
        wait = await self._bucket.expected(rate, ahead)
        if wait > _time_left():
            raise self._used_up(rate, wait)
        if wait and on_wait is not None:
            await on_wait(wait)
        return wait

    async def _start(self, rate: Rate, on_wait: OnWait | None, announced: float) -> None:
        async with self._turn:  # held while waiting: the next caller starts after this one
            while (wait := await self._claim(rate)) > 0:
                if wait > _time_left():
                    raise self._used_up(rate, wait)
                if on_wait is not None and not announced:
                    await on_wait(wait)
                announced = 0.0  # another process may take the start: the next wait is a new one
                await anyio.sleep(wait)

    async def _claim(self, rate: Rate) -> float:
        """Claim a start of the bucket; none is counted for a caller that gave up meanwhile."""
        wait = await self._bucket.claim(rate)
        if not wait:
            try:
                await anyio.lowlevel.checkpoint_if_cancelled()
            except anyio.get_cancelled_exc_class():
                with anyio.CancelScope(shield=True):
                    await self._bucket.give_back()
                raise
        return wait

    def _used_up(self, rate: Rate, wait: float) -> RateLimited:
        seconds = max(math.ceil(wait), 1)
        return _NotBegun(
            f"{self._title} takes no further request for {seconds} seconds: it refused for now, or its limit of "
            f"{rate.requests} {'request' if rate.requests == 1 else 'requests'} in {rate.seconds:g} s for all programs "
            "together is used up.",
            f"Ask again in {seconds} seconds, or for less.",
            retry_after=wait,
        )


def _time_left() -> float:
    """Seconds until the caller gives up."""
    return anyio.current_effective_deadline() - anyio.current_time()
