"""The shared store on a real Redis: the laws of kept rows, replicas that write at once, and a server in trouble."""

import time
from datetime import timedelta
from functools import partial
from typing import Any

import anyio
import pytest
from hypothesis import given, settings

from mcp_shortvol.cache.run import merge
from mcp_shortvol.cache.valkey import ValkeyStore
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.short_volume import Day
from mcp_shortvol.valkey import Valkey
from tests.cache.test_sqlite import KEY, NEWEST, days, keep, kept, run_of, try_to_keep
from tests.history.scripted_vendor import Vendor
from tests.history.test_kept_history import moments, play, play_by_the_clock, steps, vendors
from tests.valkey.redis_server import RedisServer

pytestmark = pytest.mark.anyio


def store_on(redis: RedisServer, prefix: str = "test") -> ValkeyStore:
    return ValkeyStore(Valkey(redis.url, prefix))


class TestLaws:
    def test_the_same_days_as_by_asking_for_everything_anew(self, running: RedisServer) -> None:
        @settings(max_examples=60, deadline=None)
        @given(vendor=vendors, script=steps)
        def law(vendor: Vendor, script: list[tuple[Any, ...]]) -> None:
            running.command("FLUSHALL")
            anyio.run(play, vendor, script, lambda: store_on(running))

        law()

    def test_by_the_market_s_clock(self, running: RedisServer) -> None:
        @settings(max_examples=60, deadline=None)
        @given(vendor=vendors, script=moments)
        def law(vendor: Vendor, script: list[tuple[Any, ...]]) -> None:
            running.command("FLUSHALL")
            anyio.run(play_by_the_clock, vendor, script, lambda: store_on(running))

        law()


class TestRows:
    async def test_what_was_kept_comes_back_to_another_replica(self, redis: RedisServer) -> None:
        store, other = store_on(redis), store_on(redis)
        await keep(store, days(NEWEST, 30))
        assert await kept(other) == run_of(days(NEWEST, 30))
        assert await kept(other, KEY._replace(invented=True)) is None
        assert await other.load(KEY._replace(interface="short_interest"), Report) is None
        assert await other.extent() == (1, 30)
        assert await other.symbols() == ["700.HK"]
        await store.aclose()
        await other.aclose()

    async def test_two_programs_on_one_server_stay_apart(self, redis: RedisServer) -> None:
        store, other = store_on(redis, "one"), store_on(redis, "two")
        await keep(store, days(NEWEST, 3))
        assert await kept(other) is None
        await store.aclose()
        await other.aclose()

    async def test_replicas_that_write_at_once_lose_nothing(self, redis: RedisServer) -> None:
        stores = [store_on(redis) for _ in range(6)]
        await keep(stores[0], days(NEWEST - timedelta(60), 20))

        async def extend(store: ValkeyStore, place: int) -> None:
            for step in range(place, 24, 6):
                rows = days(NEWEST - timedelta(60 - step), 20 + step)
                change = partial(
                    merge, fetched=run_of(rows, 1000.0 + step), settled_through=lambda _: NEWEST, until=rows[0].date,
                    now=2000.0, refetchable=True,
                )  # fmt: skip
                assert await store.change(KEY, Day, change)

        async with anyio.create_task_group() as tasks:
            for place, store in enumerate(stores):
                tasks.start_soon(extend, store, place)
        found = await kept(stores[1])
        assert found is not None
        assert len(found.rows) == len({row.date for row in found.rows}) == 43
        for store in stores:
            await store.aclose()

    async def test_a_damaged_value_is_nothing_and_is_written_over(self, redis: RedisServer) -> None:
        store = store_on(redis)
        await keep(store, days(NEWEST, 3))
        redis.command("SET", store._name(KEY), "not a run")
        assert await kept(store) is None
        await keep(store, days(NEWEST, 4))
        assert await kept(store) == run_of(days(NEWEST, 4))
        await store.aclose()

    async def test_it_ends_by_itself_and_no_command_walks_all_keys_or_blocks(self, redis: RedisServer) -> None:
        redis.command("CONFIG", "RESETSTAT")
        store = store_on(redis)
        await keep(store, days(NEWEST, 3))
        await kept(store)
        await store.extent()
        await store.symbols()
        assert int(redis.command("TTL", store._name(KEY))) > 39 * 86_400
        used = redis.command("INFO", "commandstats")
        assert not any(f"cmdstat_{name}:" in used for name in ("keys", "scan", "blpop", "wait", "flushdb"))
        await store.aclose()


class TestTrouble:
    async def test_a_server_that_is_gone_is_no_failure_and_is_not_waited_for(self, redis: RedisServer) -> None:
        store = store_on(redis)
        await keep(store, days(NEWEST, 3))
        redis.stop()
        began = time.monotonic()
        assert await kept(store) is None
        assert await try_to_keep(store, days(NEWEST, 4)) is None
        assert await store.extent() is None
        assert list(await store.symbols()) == []
        assert time.monotonic() - began < 2
        await store.aclose()

    async def test_a_server_that_comes_back_is_used_again(
        self, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mcp_shortvol.valkey.server._PAUSE", 0.1)
        store = store_on(redis)
        await keep(store, days(NEWEST, 3))
        redis.stop()
        assert await kept(store) is None
        redis.start()
        await anyio.sleep(0.2)
        assert await kept(store) is None  # what it held is gone
        await keep(store, days(NEWEST, 4))
        assert await kept(store) == run_of(days(NEWEST, 4))
        await store.aclose()

    async def test_a_server_that_hangs_costs_a_second_and_then_nothing(self, redis: RedisServer) -> None:
        store = store_on(redis)
        await keep(store, days(NEWEST, 3))
        redis.command("CLIENT", "PAUSE", "3000")
        began = time.monotonic()
        assert await kept(store) is None
        assert await kept(store) is None
        assert time.monotonic() - began < 2.5
        await store.aclose()
        await anyio.sleep(3)

    async def test_a_server_that_is_full_keeps_what_it_has(self, redis: RedisServer) -> None:
        store = store_on(redis)
        await keep(store, days(NEWEST, 3))
        redis.command("CONFIG", "SET", "maxmemory", "1")
        assert await try_to_keep(store, days(NEWEST, 4)) is None
        redis.command("CONFIG", "SET", "maxmemory", "0")
        await store.aclose()
        again = store_on(redis)
        assert await kept(again) == run_of(days(NEWEST, 3))
        await again.aclose()

    async def test_one_that_evicts_forgets_and_nothing_else(self, redis: RedisServer) -> None:
        store = store_on(redis)
        await keep(store, days(NEWEST, 3))
        redis.command("DEL", store._name(KEY))
        assert await kept(store) is None
        await keep(store, days(NEWEST, 5))
        assert await kept(store) == run_of(days(NEWEST, 5))
        await store.aclose()
