"""The trading days of the invented market are those of the real ones."""

from datetime import date

import pytest

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.sandbox.market.calendar import is_trading_day, trading_days
from mcp_shortvol.sandbox.market.published import CLOSES, FEED_ROWS, HK_ROWS, US_ROWS


@pytest.mark.parametrize(
    ("market", "year", "count"),
    [
        (Market.US, 2021, 252),
        (Market.US, 2022, 251),
        (Market.US, 2023, 250),
        (Market.US, 2024, 252),
        (Market.US, 2025, 250),
        (Market.US, 2026, 251),
        (Market.HK, 2021, 247),
        (Market.HK, 2022, 246),
        (Market.HK, 2023, 243),
        (Market.HK, 2024, 246),
        (Market.HK, 2025, 246),
        (Market.HK, 2026, 247),
    ],
)
def test_a_year_has_the_trading_days_it_had(market: Market, year: int, count: int) -> None:
    assert len(trading_days(market, date(year, 1, 1), date(year, 12, 31))) == count


@pytest.mark.parametrize(
    "holiday",
    [
        "2021-12-24",  # Christmas on a Saturday
        "2022-06-20",  # Juneteenth on a Sunday
        "2023-04-07",  # Good Friday
        "2024-05-27",
        "2025-01-09",  # mourning for President Carter
        "2026-07-03",  # Independence Day on a Saturday
        "2027-11-25",
    ],
)
def test_new_york_rests(holiday: str) -> None:
    assert not is_trading_day(Market.US, date.fromisoformat(holiday))


@pytest.mark.parametrize("day", ["2021-06-18", "2021-12-31", "2024-12-24", "2026-05-01"])
def test_new_york_trades(day: str) -> None:
    assert is_trading_day(Market.US, date.fromisoformat(day))


@pytest.mark.parametrize(
    "holiday", ["2023-09-01", "2024-09-06", "2026-02-17", "2026-05-25", "2026-10-19", "2027-12-27"]
)
def test_hong_kong_rests(holiday: str) -> None:
    assert not is_trading_day(Market.HK, date.fromisoformat(holiday))


def test_hong_kong_trades_on_new_yorks_holidays() -> None:
    assert is_trading_day(Market.HK, date(2026, 11, 26))
    assert not is_trading_day(Market.US, date(2026, 11, 26))


def test_every_published_date_is_a_trading_day() -> None:
    dated = [(symbol, day) for symbol, closes in CLOSES.items() for day in closes]
    for symbol, day in [*dated, *HK_ROWS, *US_ROWS, *FEED_ROWS]:
        assert is_trading_day(symbol.market, day), (symbol, day)


def test_a_range_includes_both_its_ends_and_may_be_empty() -> None:
    assert trading_days(Market.US, date(2026, 5, 15), date(2026, 5, 18)) == [date(2026, 5, 15), date(2026, 5, 18)]
    assert trading_days(Market.US, date(2026, 5, 18), date(2026, 5, 15)) == []
