"""The trading calendars of the two exchanges, New York's (XNYS) and Hong Kong's (XHKG), from the package `holidays`.

A half day is a trading day. Hong Kong's severe-weather closings and New York's days of mourning are unscheduled: the
installed version of the package knows those of the past. Outside `known_years` every weekday counts as a trading day.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

from mcp_shortvol.domain.markets import Market, weekdays

if TYPE_CHECKING:
    from holidays import HolidayBase

__all__ = [
    "count_trading_days",
    "holiday_name",
    "is_trading_day",
    "known_years",
    "next_trading_day",
    "previous_trading_day",
    "trading_days",
]

_EXCHANGES = {Market.US: "XNYS", Market.HK: "XHKG"}
_ONE_DAY = timedelta(days=1)
_SATURDAY = 5


@cache
def known_years(market: Market) -> range:
    """The years whose holidays are known: from 1863 in New York and from 2014 in Hong Kong, to 2100 in both."""
    exchange = _holidays(market)
    return range(exchange.start_year, exchange.end_year + 1)


def holiday_name(market: Market, day: date) -> str | None:
    """The English name of the holiday that closes the exchange on a weekday; None on trading days and weekends."""
    return _closings(market, day.year).get(day)


def is_trading_day(market: Market, day: date) -> bool:
    """Whether the exchange trades on `day`, be it for half a day."""
    return day.weekday() < _SATURDAY and day not in _closings(market, day.year)


def next_trading_day(market: Market, day: date) -> date:
    """The first trading day later than `day`; OverflowError where the calendar of `datetime` ends before it."""
    day += _ONE_DAY
    while not is_trading_day(market, day):
        day += _ONE_DAY
    return day


def previous_trading_day(market: Market, day: date) -> date:
    """The last trading day earlier than `day`; OverflowError where the calendar of `datetime` begins after it."""
    day -= _ONE_DAY
    while not is_trading_day(market, day):
        day -= _ONE_DAY
    return day


def trading_days(market: Market, first: date, last: date) -> list[date]:
    """The trading days from `first` to `last`, both included, oldest first; empty where `last` is earlier."""
    span = (last - first).days + 1
    return [day for offset in range(span) if is_trading_day(market, day := first + timedelta(offset))]


def count_trading_days(market: Market, after: date, until: date) -> int:
    """Trading days later than `after` and not later than `until`; negative where `until` is earlier.

    Counts by arithmetic and never day by day, because a damaged date may lie millennia away.
    """
    if until < after:
        return -count_trading_days(market, until, after)
    known = known_years(market)
    years = range(max(after.year, known.start), min(until.year + 1, known.stop))
    return weekdays(after, until) - sum(after < day <= until for year in years for day in _closings(market, year))


@cache
def _closings(market: Market, year: int) -> Mapping[date, str]:
    """The weekdays of a year on which the exchange is closed, with the holidays' names; empty outside `known_years`."""
    # Until 1952 New York also traded on Saturdays; no source reaches back that far.
    holidays = _holidays(market, year)
    return {day: name for day, name in holidays.items() if day.year == year and day.weekday() < _SATURDAY}


def _holidays(market: Market, *years: int) -> "HolidayBase":
    # The import takes about 0.1 s: it stays out of the server's start-up.
    from holidays import financial_holidays

    # The category leaves out half days; the language must not follow the machine's.
    return financial_holidays(_EXCHANGES[market], years=years, categories="public", language="en_US")
