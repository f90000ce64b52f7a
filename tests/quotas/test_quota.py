"""A quota makes callers wait their turn; it never refuses, and a cancelled wait uses nothing up."""

from time import monotonic

import anyio
import pytest

from mcp_shortvol.domain.errors import RateLimited
from mcp_shortvol.quotas.quota import LocalBucket, Quota, Rate, time_until_free

pytestmark = pytest.mark.anyio


async def test_no_window_holds_more_starts_than_allowed() -> None:
    quota, starts = Quota(Rate(3, 0.2), concurrent=10), []

    async def call() -> None:
        async with quota.slot():
            starts.append(monotonic())

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(call)
    assert all(later - earlier >= 0.2 for earlier, later in zip(starts, starts[3:], strict=False))


async def test_callers_are_served_in_the_order_they_came() -> None:
    quota, served = Quota(Rate(1, 0.02), concurrent=3), []

    async def call(number: int) -> None:
        async with quota.slot():
            served.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(call, number)
            await anyio.lowlevel.checkpoint()
    assert served == list(range(6))


async def test_no_more_calls_are_under_way_than_allowed() -> None:
    quota, under_way, most = Quota(None, concurrent=2), 0, 0

    async def call() -> None:
        nonlocal under_way, most
        async with quota.slot():
            under_way += 1
            most = max(most, under_way)
            await anyio.sleep(0.01)
            under_way -= 1

    async with anyio.create_task_group() as tasks:
        for _ in range(7):
            tasks.start_soon(call)
    assert most == 2


async def test_a_cancelled_wait_uses_nothing_up() -> None:
    quota = Quota(Rate(1, 0.2), concurrent=5)
    async with quota.slot():
        pass
    async with anyio.create_task_group() as tasks:

        async def give_up() -> None:
            async with quota.slot():
                raise AssertionError("it was cancelled while it waited")

        tasks.start_soon(give_up)
        await anyio.sleep(0.02)
        tasks.cancel_scope.cancel()
    told: list[float] = []

    async def on_wait(seconds: float) -> None:
        told.append(seconds)

    async with quota.slot(on_wait):
        pass
    assert len(told) == 1
    assert told[0] < 0.19


async def test_everyone_who_waits_is_told_for_how_long() -> None:
    quota = Quota(Rate(2, 0.1), concurrent=10)
    told: dict[int, float] = {}
    started: dict[int, float] = {}
    began = monotonic()

    async def call(number: int) -> None:
        async def on_wait(seconds: float) -> None:
            told[number] = seconds

        async with quota.slot(on_wait):
            started[number] = monotonic() - began

    async with anyio.create_task_group() as tasks:
        for number in range(7):
            tasks.start_soon(call, number)
            await anyio.lowlevel.checkpoint()
    assert set(told) == {2, 3, 4, 5, 6}
    assert [round(told[number], 1) for number in sorted(told)] == [0.1, 0.1, 0.2, 0.2, 0.3]
    assert all(started[number] >= told[number] - 0.02 for number in told)


async def test_who_waits_for_a_place_knows_how_long_too_and_does_not_wait_in_vain() -> None:
    quota = Quota(Rate(1, 0.3), concurrent=1)
    told: dict[int, float] = {}
    refused: list[int] = []

    async def call(number: int) -> None:
        async def on_wait(seconds: float) -> None:
            told[number] = seconds

        with anyio.fail_after(0.8):
            try:
                async with quota.slot(on_wait):
                    pass
            except RateLimited:
                refused.append(number)

    began = monotonic()
    async with anyio.create_task_group() as tasks:
        for number in range(5):
            tasks.start_soon(call, number)
            await anyio.lowlevel.checkpoint()
    assert [round(told[number], 1) for number in sorted(told)] == [0.3, 0.6]
    assert [refused, monotonic() - began < 0.8] == [[3, 4], True]


@pytest.mark.parametrize(
    ("starts", "rate", "ahead", "wait"),
    [
        ([], Rate(2, 10), 0, 0),
        ([], Rate(2, 10), 1, 0),
        ([], Rate(2, 10), 2, 10),
        ([-4, -1], Rate(2, 10), 0, 6),
        ([-4, -1], Rate(2, 10), 1, 9),
        ([-4, -1], Rate(2, 10), 2, 16),
        # More than are allowed, by others who did not know of each other: the last ones decide.
        ([-9, -8, -7, -4, -1], Rate(2, 10), 0, 6),
        ([-5, -4, -3, -2, -1], Rate(1, 10), 0, 9),
        # Those ahead who start now fill the window for those behind.
        ([-29], Rate(30, 30), 28, 0),
        ([-29], Rate(30, 30), 29, 1),
        ([-29], Rate(30, 30), 30, 30),
    ],
)
def test_how_long_it_takes_until_a_start_is_free(starts: list[float], rate: Rate, ahead: int, wait: float) -> None:
    assert time_until_free(starts, rate, ahead, 0.0, 0.0) == wait
    assert time_until_free(starts, rate, ahead, 50.0, 0.0) == max(wait, 50)


async def test_who_gives_up_in_the_moment_of_his_start_gives_it_back() -> None:
    class GivingUp(LocalBucket):
        async def claim(self, rate: Rate) -> float:
            wait = await super().claim(rate)
            scope.cancel()
            return wait

    bucket = GivingUp()
    quota = Quota(Rate(1, 60.0), concurrent=5, bucket=bucket)
    with anyio.CancelScope() as scope:
        async with quota.slot():
            raise AssertionError("it was cancelled")
    assert await bucket.expected(Rate(1, 60.0), 0) == 0
