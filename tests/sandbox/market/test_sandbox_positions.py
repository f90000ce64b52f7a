"""The invented positions are dated by the reporting dates, appear when published, and contain the published ones."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.domain.calendar import trading_days
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.market.days import FIRST_DAY, days, listings
from mcp_shortvol.sandbox.market.positions import Position, reports

LAST = date(2027, 3, 31)
TENCENT = Symbol("700", Market.HK)
TESLA = Symbol("TSLA", Market.US)

every_listing = pytest.mark.parametrize("symbol", listings(), ids=str)


def on(symbol: Symbol, day: str) -> Position:
    (found,) = (position for position in reports(symbol, LAST) if position.date.isoformat() == day)
    return found


@given(st.sampled_from(listings()), st.dates(FIRST_DAY, LAST), st.dates(FIRST_DAY, LAST))
def test_a_position_does_not_depend_on_the_newest_day_served(symbol: Symbol, one: date, other: date) -> None:
    earlier, later = sorted((one, other))
    known = reports(symbol, earlier)
    assert list(reports(symbol, later)[: len(known)]) == list(known)
    assert all(position.published <= earlier for position in known)


@pytest.mark.parametrize(
    ("day", "shares", "average_volume", "days_to_cover", "pct", "close"),
    [
        ("2026-02-27", 61839735, 51533435, 1.20, 1.65, 402.51),
        ("2026-03-13", 60860404, 60676562, 1.00, 1.62, 391.2),
        ("2026-03-31", 65598603, 62121644, 1.06, 1.75, 371.75),
    ],
)
def test_teslas_published_positions_are_exact(
    day: str, shares: int, average_volume: int, days_to_cover: float, pct: float, close: float
) -> None:
    position = on(TESLA, day)
    assert [position.shares, position.average_daily_volume] == [shares, average_volume]
    assert [position.days_to_cover, position.pct, position.close] == [days_to_cover, pct, close]


def test_tencents_published_positions_are_exact() -> None:
    published = [on(TENCENT, day) for day in ("2024-06-14", "2026-04-30", "2026-05-29")]
    assert [position.shares for position in published] == [53677721, 51480638, 46242547]
    assert [position.pct for position in published] == [0.57, 0.56, 0.5]
    assert [published[0].close, published[1].close, published[1].previous_close] == [379.8, 467.8, 479.2]


def test_us_positions_are_of_settlement_dates_and_known_on_the_seventh_trading_day_after() -> None:
    spring = [position for position in reports(TESLA, LAST) if date(2026, 2, 1) < position.date < date(2026, 6, 1)]
    assert [f"{position.date:%m-%d} {position.published:%m-%d}" for position in spring] == [
        "02-13 02-25",
        "02-27 03-10",
        "03-13 03-24",
        "03-31 04-10",  # Good Friday is no trading day
        "04-15 04-24",
        "04-30 05-11",
        "05-15 05-27",
        "05-29 06-09",
    ]


def test_hong_kongs_are_of_a_weeks_last_trading_day_and_known_a_week_later() -> None:
    spring = [position for position in reports(TENCENT, LAST) if date(2026, 4, 1) < position.date < date(2026, 5, 10)]
    assert [f"{position.date:%m-%d}" for position in spring] == ["04-02", "04-10", "04-17", "04-24", "04-30", "05-08"]
    published = [f"{position.published:%m-%d}" for position in spring]
    assert published == ["04-09", "04-17", "04-24", "05-04", "05-07", "05-15"]  # 1 May is a holiday


@pytest.mark.parametrize(("as_of", "newest"), [("2026-04-09", "2026-03-13"), ("2026-04-10", "2026-03-31")])
def test_a_position_is_known_from_its_publication_on(as_of: str, newest: str) -> None:
    assert reports(TESLA, date.fromisoformat(as_of))[-1].date == date.fromisoformat(newest)


@every_listing
def test_every_period_has_one_position_and_it_falls_on_a_trading_day(symbol: Symbol) -> None:
    positions = reports(symbol, LAST)
    trading = set(trading_days(symbol.market, FIRST_DAY, LAST))
    longest = 10 if symbol.market is Market.HK else 19
    assert all(position.date in trading for position in positions)
    for before, position in pairwise(positions):
        assert timedelta(0) < position.date - before.date <= timedelta(longest)


@every_listing
def test_levels_are_plausible_and_change_by_little(symbol: Symbol) -> None:
    positions = reports(symbol, LAST)
    for before, position in pairwise(positions):
        assert abs(position.shares / before.shares - 1) < 0.15
        assert 0.2 < position.pct < 20


@every_listing
def test_days_to_cover_follow_from_the_volumes_since_the_position_before(symbol: Symbol) -> None:
    floor = 1.0 if symbol.market is Market.US else 0.0
    for before, position in pairwise(reports(symbol, date(2026, 2, 1))[-12:]):
        traded = [day.volume for day in days(symbol, position.date) if day.date > before.date]
        assert position.average_daily_volume == round(sum(traded) / len(traded))
        assert position.days_to_cover == max(floor, round(position.shares / position.average_daily_volume, 2))


def test_finras_floor_is_met_with() -> None:
    assert any(
        position.days_to_cover == 1.0 and position.shares < 0.99 * position.average_daily_volume
        for position in reports(TESLA, LAST)
    )


def test_before_the_first_publication_there_is_nothing() -> None:
    assert list(reports(TENCENT, FIRST_DAY)) == []
