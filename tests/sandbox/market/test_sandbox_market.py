"""The invented market never changes, is smooth and plausible, and contains the published figures exactly."""

import json
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.domain.calendar import is_trading_day, trading_days
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.market.days import FIRST_DAY, MarketDay, days, listings
from mcp_shortvol.sandbox.market.published import CLOSES, FEED_ROWS, HK_ROWS, US_ROWS

LAST = date(2027, 3, 31)
TENCENT = Symbol("700", Market.HK)
GOLDEN = Path(__file__).parents[2] / "wire" / "golden" / "opend_decoded.json"

every_listing = pytest.mark.parametrize("symbol", listings(), ids=str)


def on(symbol: Symbol, day: str) -> MarketDay:
    found = days(symbol, date.fromisoformat(day))[-1]
    assert found.date == date.fromisoformat(day)
    return found


@given(st.sampled_from(listings()), st.dates(FIRST_DAY, LAST), st.dates(FIRST_DAY, LAST))
def test_a_day_does_not_depend_on_the_newest_day_served(symbol: Symbol, one: date, other: date) -> None:
    earlier, later = sorted((one, other))
    served = days(symbol, earlier)
    assert list(days(symbol, later)[: len(served)]) == list(served)
    assert all(day.date <= earlier for day in served)


def test_the_days_are_the_same_on_every_machine() -> None:
    day = on(Symbol("NVDA", Market.US), "2026-11-19")
    assert (day.close, day.volume, day.short_volume) == (181.36, 180936164, 24183060)


@every_listing
def test_a_series_holds_every_trading_day_once(symbol: Symbol) -> None:
    series = days(symbol, LAST)
    assert [day.date for day in series] == trading_days(symbol.market, series[0].date, LAST)


@every_listing
def test_prices_and_volumes_are_plausible(symbol: Symbol) -> None:
    for before, day in pairwise(days(symbol, LAST)):
        assert abs(day.close / before.close - 1) < 0.06
        assert day.previous_close == before.close
        assert 0 < day.short_volume < day.volume
        low, high = sorted((day.open, day.close))
        assert low * 0.99 <= day.short_turnover / day.short_volume <= high * 1.01
        assert low * 0.99 <= day.turnover / day.volume <= high * 1.01
        ratio = 100 * day.short_volume / day.volume
        assert 5 <= ratio <= 25


@every_listing
def test_us_short_volume_has_two_parts_and_hong_kongs_has_none(symbol: Symbol) -> None:
    for day in days(symbol, LAST):
        if symbol.market is Market.US:
            assert day.nasdaq_short_volume
            assert day.nyse_short_volume
            assert day.nasdaq_short_volume + day.nyse_short_volume == day.short_volume
        else:
            assert day.nasdaq_short_volume is day.nyse_short_volume is None


@pytest.mark.parametrize("symbol", CLOSES, ids=str)
def test_prices_run_through_the_published_closes(symbol: Symbol) -> None:
    closes = {day.date: day.close for day in days(symbol, LAST)}
    assert {day: closes[day] for day in CLOSES[symbol]} == CLOSES[symbol]


def test_the_ten_days_published_over_opend_are_exact() -> None:
    rows = json.loads(GOLDEN.read_text())["opend_json/006_s2c_3248_json.hex"]["decoded"]["s2c"]["hkItemList"]
    assert len(rows) == 10
    for row in rows:
        day = on(TENCENT, row["timestampStr"])
        assert day == MarketDay(
            date=date.fromisoformat(row["timestampStr"]),
            open=row["openPrice"],
            close=row["closePrice"],
            previous_close=row["lastClosePrice"],
            volume=int(row["sharesTraded"]),
            turnover=row["turnover"],
            short_volume=int(row["shortSellSharesTraded"]),
            short_turnover=row["shortSellTurnover"],
            nasdaq_short_volume=None,
            nyse_short_volume=None,
        )


def test_the_day_published_over_the_cloud_is_exact() -> None:
    day = on(TENCENT, "2026-06-05")
    assert (day.volume, day.turnover, day.short_volume, day.short_turnover) == (
        31649780,
        14465428854.749,
        4660100,
        2135963680.0,
    )
    assert (day.open, day.close, day.previous_close) == (461.6, 453.2, 459.0)


def test_the_us_day_published_over_futu_is_exact() -> None:
    day = on(Symbol("AAPL", Market.US), "2026-08-28")
    assert (day.volume, day.nasdaq_short_volume, day.nyse_short_volume) == (38649398, 3240483, 2087702)
    assert (day.close, day.previous_close, day.short_volume) == (319.7, 314.58, 5328185)


def test_there_are_750_days_of_history_and_one_listing_with_less() -> None:
    lengths = {symbol: len(days(symbol, date(2026, 5, 8))) for symbol in listings()}
    recent = Symbol("FIG", Market.US)
    assert 100 < lengths.pop(recent) < 250
    assert min(lengths.values()) > 750


def test_before_the_first_day_there_is_nothing() -> None:
    assert list(days(TENCENT, FIRST_DAY - timedelta(1))) == []


def test_a_name_that_is_not_listed_has_no_days() -> None:
    with pytest.raises(KeyError):
        days(Symbol("NOPE", Market.US), LAST)


def test_every_published_date_is_a_trading_day() -> None:
    dated = [(symbol, day) for symbol, closes in CLOSES.items() for day in closes]
    for symbol, day in [*dated, *HK_ROWS, *US_ROWS, *FEED_ROWS]:
        assert is_trading_day(symbol.market, day), (symbol, day)
