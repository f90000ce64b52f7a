"""Rate limits that replicas share on a real Redis: by its clock, in one step, and without it in trouble."""

from collections.abc import AsyncIterator
from time import monotonic

import anyio
import pytest

from mcp_shortvol.quotas.quota import Quota, Rate
from mcp_shortvol.quotas.valkey_bucket import ValkeyBucket, _share
from mcp_shortvol.valkey import Valkey
from tests.valkey.redis_server import RedisServer

pytestmark = pytest.mark.anyio

RATE = Rate(5, 1.0)


OPENED: list[Valkey] = []


@pytest.fixture(autouse=True)
async def _closed_in_the_end() -> AsyncIterator[None]:
    yield
    while OPENED:
        await OPENED.pop().aclose()


def bucket_on(redis: RedisServer, name: str = "upstream account") -> ValkeyBucket:
    OPENED.append(Valkey(redis.url, "test"))
    return ValkeyBucket(OPENED[-1], name)


async def test_replicas_together_keep_to_the_rate(redis: RedisServer) -> None:
    starts: list[float] = []

    async def replica() -> None:
        quota = Quota(RATE, concurrent=5, bucket=bucket_on(redis))
        for _ in range(5):
            async with quota.slot():
                starts.append(monotonic())

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(replica)
    starts.sort()
    assert len(starts) == 15
    assert all(starts[place + 5] - starts[place] >= 0.6 for place in range(10))


async def test_two_accounts_stay_apart(redis: RedisServer) -> None:
    one, other = bucket_on(redis), bucket_on(redis, "another account")
    assert [await one.claim(Rate(1, 9)), await other.claim(Rate(1, 9))] == [0, 0]
    assert 8 < await one.claim(Rate(1, 9)) <= 9


async def test_what_is_expected_is_what_a_claim_then_says(redis: RedisServer) -> None:
    one, other = bucket_on(redis), bucket_on(redis)
    for _ in range(3):
        assert await one.claim(Rate(3, 9)) == 0
    told = await other.expected(Rate(3, 9), 0)
    assert told == pytest.approx(await other.claim(Rate(3, 9)), abs=0.2)
    assert await other.expected(Rate(3, 9), 3) == pytest.approx(told + 9, abs=0.2)


async def test_a_start_can_be_given_back(redis: RedisServer) -> None:
    one, other = bucket_on(redis), bucket_on(redis)
    assert await one.claim(Rate(1, 9)) == 0
    await one.give_back()
    assert await other.claim(Rate(1, 9)) == 0


async def test_a_refusal_slows_every_replica(redis: RedisServer) -> None:
    one, other = bucket_on(redis), bucket_on(redis)
    await one.back_off(5)
    await other.back_off(1)  # a shorter one shortens nothing
    assert 4 < await other.claim(RATE) <= 5
    assert 4 < await other.expected(RATE, 0) <= 5


async def test_without_the_server_each_counts_alone_for_a_third(redis: RedisServer) -> None:
    one = bucket_on(redis)
    redis.stop()
    waits = [await one.claim(Rate(6, 9)) for _ in range(3)]
    assert waits[:2] == [0, 0]
    assert waits[2] > 8
    assert await one.expected(Rate(6, 9), 0) > 8


async def test_what_was_counted_alone_is_added_when_the_server_is_back(
    redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_shortvol.valkey.server._PAUSE", 0.05)
    one, other = bucket_on(redis), bucket_on(redis)
    for _ in range(3):
        assert await one.claim(Rate(6, 30)) == 0
    redis.stop()  # and with it goes what was counted
    assert await one.claim(Rate(6, 30)) > 0  # of a third it has had more already
    redis.start()
    await anyio.sleep(0.1)
    assert await one.claim(Rate(6, 30)) == 0
    assert await other.claim(Rate(6, 30)) == 0
    assert await other.claim(Rate(6, 30)) == 0
    assert await other.claim(Rate(6, 30)) > 0  # 3 before, and 3 since


@pytest.mark.parametrize(
    ("rate", "share"), [(Rate(30, 30), Rate(10, 30)), (Rate(1, 2), Rate(1, 6.0)), (Rate(2, 3), Rate(1, 4.5))]
)
async def test_a_share_is_a_third(rate: Rate, share: Rate) -> None:
    assert _share(rate) == share
