"""Whole market days and weeks in a file: what was kept comes back, and a screen finds what plain Python finds."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import mean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_shortvol.cache.market import KeptDay, MarketStore
from mcp_shortvol.domain.market_day import MarketDay, Volumes
from mcp_shortvol.domain.ranking import Direction
from mcp_shortvol.domain.screen import ScreenOrder, ScreenQuery
from mcp_shortvol.sources.sfc.files import Position, Week

pytestmark = pytest.mark.anyio

NEWEST = date(2026, 6, 12)
AT = "finra.example"


def query(order_by: ScreenOrder = "short_ratio", direction: Direction = "desc", **more: float) -> ScreenQuery:
    given = {"count": 100, "min_volume": 0, "min_ratio": 0.0} | more
    return ScreenQuery(None, order_by, direction, int(given["count"]), int(given["min_volume"]), given["min_ratio"], 21)


def market(day: date, **names: tuple[int, int]) -> MarketDay:
    return MarketDay(day, {f"{name}.US": Volumes(*volumes) for name, volumes in names.items()}, 0, sandbox=False)


async def kept(store: MarketStore, *newest_first: MarketDay) -> list[KeptDay]:
    days = [await store.keep_day(AT, day, 1000.0) for day in newest_first]
    return [day for day in days if day is not None]


async def names(store: MarketStore, asked: ScreenQuery, days: Sequence[KeptDay]) -> list[str]:
    return [each.symbol.removesuffix(".US") for each in await store.screen(asked, days)]


async def test_a_day_comes_back_in_the_place_of_an_older_version() -> None:
    store = MarketStore(None)
    await kept(store, market(NEWEST, A=(1, 2), B=(3, 9)))
    (day,) = await kept(store, market(NEWEST, A=(2, 2)))
    (found,) = await store.days(AT, NEWEST, NEWEST)
    assert found == day
    assert found.names == 1
    ((symbol, volumes),) = await store.screen(query(), [found])
    assert (symbol, volumes) == ("A.US", [(NEWEST, Volumes(2, 2))])
    await store.aclose()


async def test_days_of_two_services_stand_apart() -> None:
    store = MarketStore(None)
    await kept(store, market(NEWEST, A=(1, 2)))
    assert await store.days("elsewhere", NEWEST, NEWEST) == []
    assert await store.extent() == (1, 0)
    await store.aclose()


async def test_thin_names_and_low_ratios_are_left_out_and_counted() -> None:
    store = MarketStore(None)
    days = await kept(store, market(NEWEST, A=(90, 100), B=(500, 1000), C=(100, 1000), D=(0, 0)))
    asked = query(min_volume=500, min_ratio=20)
    assert await names(store, asked, days) == ["B"]
    assert await store.counted(asked, days[0]) == 1
    assert await names(store, query(), days) == ["A", "B", "C"]
    await store.aclose()


async def test_a_streak_ends_where_a_name_did_not_trade() -> None:
    store = MarketStore(None)
    days = await kept(
        store,
        market(NEWEST, A=(9, 10), B=(9, 10)),
        market(NEWEST - timedelta(1), A=(8, 10), B=(8, 10)),
        market(NEWEST - timedelta(2), A=(7, 10)),
        market(NEWEST - timedelta(3), A=(6, 10), B=(1, 10)),
    )
    assert await names(store, query("streak"), days) == ["A", "B"]
    assert await names(store, query("streak", "asc"), days) == []
    await store.aclose()


volumes = st.integers(0, 50).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))
markets = st.lists(st.dictionaries(st.sampled_from("ABCDEFG"), volumes, min_size=1), min_size=1, max_size=14)


@settings(max_examples=150, deadline=None)
@given(
    contents=markets,
    order_by=st.sampled_from(["short_ratio", "short_volume", "jump", "z_score", "streak"]),
    direction=st.sampled_from(["desc", "asc"]),
)
async def test_a_screen_orders_as_plain_python_does(
    contents: list[dict[str, tuple[int, int]]], order_by: ScreenOrder, direction: Direction
) -> None:
    store = MarketStore(None)
    days = await kept(store, *(market(NEWEST - timedelta(back), **day) for back, day in enumerate(contents)))
    figures = {name: figure(contents, name, order_by, direction) for name in contents[0]}
    expected = {name: value for name, value in figures.items() if value is not None}
    found = await names(store, query(order_by, direction), days)
    assert set(found) == set(expected)
    sign = -1 if direction == "desc" else 1
    for first, second in pairwise(found):
        assert sign * expected[first] <= sign * expected[second] + 1e-9
    await store.aclose()


def figure(contents: list[dict[str, tuple[int, int]]], name: str, order_by: str, direction: str) -> float | None:
    def ratio(day: dict[str, tuple[int, int]]) -> float | None:
        short, total = day.get(name, (0, 0))
        return 100 * short / total if total else None

    latest = ratio(contents[0])
    before = [value for day in contents[1:] if (value := ratio(day)) is not None]
    if latest is None:
        return None
    match order_by:
        case "short_ratio":
            return latest
        case "short_volume":
            return contents[0][name][0]
        case "jump":
            return latest - mean(before) if before else None
        case "z_score":
            spread = stdev(before) if len(before) >= 10 else 0.0
            return (latest - mean(before)) / spread if spread > 1e-4 else None
    length, newer = 0, latest
    for day in contents[1:]:
        older = ratio(day)
        if older is None or (newer <= older if direction == "desc" else newer >= older):
            break
        length, newer = length + 1, older
    return (length if direction == "desc" else -length) or None


async def test_ratios_that_do_not_vary_rank_nobody_by_z_score() -> None:
    store = MarketStore(None)
    steady = [market(NEWEST - timedelta(back), A=(956, 997), B=(900 + back % 3, 1000)) for back in range(12)]
    days = await kept(store, market(NEWEST + timedelta(3), A=(1, 997), B=(1, 1000)), *steady)
    assert await names(store, query("z_score", "asc"), days) == ["B"]
    await store.aclose()


async def test_a_week_is_kept_once_and_comes_back(tmp_path: Path) -> None:
    store = MarketStore(tmp_path / "market")
    week = Week(NEWEST, {"5": Position(1, 2.5), "700": Position(None, None, damaged=True)}, invented=True)
    await store.keep(AT, week)
    assert await store.load(AT, NEWEST) == week
    real = Week(NEWEST, {"5": Position(9, 9)})
    await store.keep(AT, real)
    await store.keep(AT, Week(NEWEST, {"5": Position(10, 10)}))
    assert await store.load(AT, NEWEST) == real  # a market's before a sandbox's, and the first of two
    assert await store.load(AT, NEWEST - timedelta(7)) is None
    await store.aclose()
    assert (tmp_path / "market").stat().st_mode & 0o077 == 0


async def test_250_days_of_12_500_names_fit_into_250_megabytes(tmp_path: Path) -> None:
    """Five of them, of real sizes, and multiplied."""
    drawn = random.Random(1)
    store = MarketStore(tmp_path / "market.sqlite3")
    for back in range(5):
        totals = {f"N{number:05}": int(2_000 * 1_500 ** drawn.random()) for number in range(12_500)}
        await kept(
            store, market(NEWEST - timedelta(back), **{name: (total // 2, total) for name, total in totals.items()})
        )
    await store.aclose()
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size * 50 <= 250 * 1024**2
