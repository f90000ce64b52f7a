"""Whole market days: fetched once, kept, the newest ones again, with what came where the rest does not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta

import anyio
import pytest

from mcp_shortvol.cache.market import MarketStore
from mcp_shortvol.domain.calendar import is_trading_day, trading_days
from mcp_shortvol.domain.errors import InvalidRequest, UpstreamFault, UpstreamUnreachable
from mcp_shortvol.domain.market_day import MarketDay, Volumes
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.progress import Progress
from mcp_shortvol.domain.screen import ScreenQuery, ScreenResult
from mcp_shortvol.history.freshness import Freshness
from mcp_shortvol.history.market_days import MarketDays
from mcp_shortvol.quotas.quota import OnWait

pytestmark = pytest.mark.anyio

US = Market.US
FRIDAY = date(2026, 6, 12)
NEVER = float("inf")


@dataclass
class Played:
    """A service with a market of two names, and a clock of its own."""

    today: date = FRIDAY
    hour: float = 20
    newest: date = FRIDAY
    corrected: int = 0
    fails_after: int | None = None
    names: int = 2
    invented: bool = False
    takes: float = 0.0
    asked: list[date] = field(default_factory=list)

    name = "finra"
    title = "FINRA"
    upstream = "played"
    ratio_basis = "shares"
    settling_days = 2

    def now(self) -> float:
        return US.midnight(self.today) + self.hour * 3600

    async def fetch_day(self, day: date, on_wait: OnWait | None = None, progress: Progress | None = None) -> MarketDay:
        if self.fails_after is not None and len(self.asked) >= self.fails_after:
            raise UpstreamUnreachable("It is gone.", "Wait.")
        self.asked.append(day)
        await anyio.sleep(self.takes)
        if progress is not None:
            await progress(2, 2, "records from FINRA")
        if day > self.newest or not is_trading_day(US, day):
            return MarketDay(day, {}, 0, sandbox=False)
        names = {"A.US": Volumes(10 + self.corrected, 100), "B.US": Volumes(day.day, 100)}
        return MarketDay(day, dict([*names.items()][: self.names]), 0, sandbox=self.invented)


def query(days: int = 1, day: date | None = None) -> ScreenQuery:
    return ScreenQuery(day, "short_ratio", "desc", 10, 0, 0, days)


@asynccontextmanager
async def market_days(source: Played) -> AsyncIterator[MarketDays]:
    store = MarketStore(None)
    async with anyio.create_task_group() as tasks:
        yield MarketDays(store, Freshness(None, source.now), tasks)
        tasks.cancel_scope.cancel()
    await store.aclose()


async def screen(days: MarketDays, source: Played, asked: ScreenQuery, deadline: float = NEVER) -> ScreenResult:
    return await days.screen(source, asked, deadline=deadline, progress=None)


async def test_the_newest_day_that_is_there_is_screened() -> None:
    source = Played(newest=FRIDAY - timedelta(1))
    async with market_days(source) as days:
        result = await screen(days, source, query())
    assert [result.days, result.complete] == [[FRIDAY - timedelta(1)], True]
    assert source.asked == [FRIDAY, FRIDAY - timedelta(1)]


async def test_before_the_close_today_is_not_asked_for() -> None:
    source = Played(hour=12)
    async with market_days(source) as days:
        result = await screen(days, source, query())
    assert result.days == [FRIDAY - timedelta(1)]
    assert source.asked == [FRIDAY - timedelta(1)]


async def test_days_that_are_kept_are_not_asked_for_again() -> None:
    source = Played()
    async with market_days(source) as days:
        first = await screen(days, source, query(days=11))
        assert len(first.days) == 11
        source.asked.clear()
        again = await screen(days, source, query(days=11))
    assert source.asked == []
    assert again == first


async def test_the_newest_two_days_are_asked_for_again_after_the_next_close_and_older_ones_never() -> None:
    source = Played()
    async with market_days(source) as days:
        await screen(days, source, query(days=6))
        source.asked.clear()
        source.today, source.newest, source.corrected = date(2026, 6, 15), date(2026, 6, 15), 1
        result = await screen(days, source, query(days=7))
    assert source.asked == [date(2026, 6, 15), FRIDAY, FRIDAY - timedelta(1)]
    assert result.days == trading_days(US, FRIDAY - timedelta(7), date(2026, 6, 15))[::-1]
    found = {each.symbol: dict(each.volumes) for each in result.found}["A.US"]
    assert [found[FRIDAY], found[FRIDAY - timedelta(2)]] == [Volumes(11, 100), Volumes(10, 100)]


async def test_kept_days_beyond_those_asked_for_serve_the_statistics_too() -> None:
    source = Played()
    async with market_days(source) as days:
        await screen(days, source, query(days=9))
        source.asked.clear()
        result = await screen(days, source, query(days=1))
    assert [len(result.days), source.asked] == [9, []]


async def test_a_failure_after_the_first_day_leaves_what_came_and_says_so() -> None:
    source = Played(fails_after=3)
    async with market_days(source) as days:
        result = await screen(days, source, query(days=11))
        assert [len(result.days), result.complete] == [3, False]
        assert result.interruption is not None
        assert result.interruption.what == "It is gone."
        source.fails_after = None
        assert (await screen(days, source, query(days=11))).complete
    assert len(source.asked) == 11  # what came is not asked for again


async def test_a_day_that_may_still_grow_is_looked_at_again_soon() -> None:
    source = Played(hour=16.5, names=1)
    async with market_days(source) as days:
        assert (await screen(days, source, query())).names == 1
        source.hour, source.names = 18.5, 2
        assert (await screen(days, source, query())).names == 2
        source.hour = 23
        source.asked.clear()
        await screen(days, source, query())  # seen within hours of the close: it may have grown
        await screen(days, source, query())
    assert source.asked == [FRIDAY]


async def test_a_kept_day_that_cannot_be_refreshed_is_given_and_said() -> None:
    source = Played(hour=16.5)
    async with market_days(source) as days:
        await screen(days, source, query())
        source.hour, source.fails_after = 19, 0
        result = await screen(days, source, query())
    assert result.days == [FRIDAY]
    assert not result.complete
    assert result.interruption is not None
    assert result.interruption.as_of is not None


async def test_invented_days_and_real_ones_are_never_in_one_screen() -> None:
    source = Played(invented=True)
    async with market_days(source) as days:
        assert (await screen(days, source, query(days=6))).source == "sandbox:finra"
        source.invented, source.today, source.newest = False, date(2026, 6, 16), date(2026, 6, 16)
        source.asked.clear()
        real = await screen(days, source, query(days=6))
        assert real.source == "finra"
        assert len(source.asked) == 6
        assert (await screen(days, source, query())).days == real.days


async def test_before_the_end_of_a_sandbox_nothing_is_looked_for() -> None:
    source = Played(newest=date(2026, 2, 13))
    store = MarketStore(None)
    async with anyio.create_task_group() as tasks:
        days = MarketDays(store, Freshness(None, source.now), tasks, last=date(2026, 2, 15))
        assert (await screen(days, source, query())).days == [date(2026, 2, 13)]
    await store.aclose()


async def test_a_failure_of_the_day_itself_is_raised() -> None:
    source = Played(fails_after=0)
    async with market_days(source) as days:
        with pytest.raises(UpstreamUnreachable):
            await screen(days, source, query())


async def test_the_end_of_a_call_s_time_leaves_what_came() -> None:
    source = Played(takes=0.05)
    async with market_days(source) as days:
        result = await screen(days, source, query(days=21), anyio.current_time() + 0.5)
    assert not result.complete
    assert 1 <= len(result.days) < 21


async def test_equal_screens_at_once_fetch_a_day_once() -> None:
    source = Played(takes=0.05)
    async with market_days(source) as days, anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(screen, days, source, query(days=3))
    assert len(source.asked) == 3


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (FRIDAY + timedelta(3), "is in the future"),
        (date(2026, 6, 7), "was no US trading day. The trading day before is 2026-06-05."),
        (date(2025, 1, 6), "the last 365 days only"),
    ],
)
async def test_a_date_that_cannot_be_screened_is_said(day: date, said: str) -> None:
    source = Played()
    async with market_days(source) as days:
        with pytest.raises(InvalidRequest) as found:
            await screen(days, source, query(day=day))
    assert said in str(found.value)


async def test_a_trading_day_that_is_not_out_yet_is_said() -> None:
    source = Played(newest=FRIDAY - timedelta(1))
    async with market_days(source) as days:
        with pytest.raises(UpstreamFault, match="no figures of 2026-06-12 yet"):
            await screen(days, source, query(day=FRIDAY))


async def test_progress_goes_up_from_day_to_day() -> None:
    told: list[float] = []

    async def progress(done: float, total: float | None, words: str) -> None:
        assert "market day 2026-06-" in words
        told.append(done)

    source = Played()
    async with market_days(source) as days:
        await days.screen(source, query(days=4), deadline=NEVER, progress=progress)
    assert told == sorted(told)
    assert len(told) == 4
