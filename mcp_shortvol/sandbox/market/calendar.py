"""Which days the two markets trade, as far as the invented series needs to know.

New York is computed by rule. Hong Kong follows the moon and its weather, so it is a table; after the table's last year
only weekends are left out there. Half days count as trading days.
"""

from datetime import date, timedelta
from functools import lru_cache

from mcp_shortvol.domain.markets import Market

__all__ = ["is_trading_day", "trading_days"]

_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6

# Weekdays without trading, as "month-day": public holidays, and days lost to typhoons and a rainstorm.
_HK_HOLIDAYS = {
    2021: "01-01 02-12 02-15 04-02 04-05 04-06 05-19 06-14 07-01 09-22 10-01 10-14 12-27",
    2022: "02-01 02-02 02-03 04-05 04-15 04-18 05-02 05-09 06-03 07-01 09-12 10-04 12-26 12-27",
    2023: "01-02 01-23 01-24 01-25 04-05 04-07 04-10 05-01 05-26 06-22 10-02 10-23 12-25 12-26",
    2024: "01-01 02-12 02-13 03-29 04-01 04-04 05-01 05-15 06-10 07-01 09-18 10-01 10-11 12-25 12-26",
    2025: "01-01 01-29 01-30 01-31 04-04 04-18 04-21 05-01 05-05 07-01 10-01 10-07 10-29 12-25 12-26",
    2026: "01-01 02-17 02-18 02-19 04-03 04-06 04-07 05-01 05-25 06-19 07-01 10-01 10-19 12-25",
    2027: "01-01 02-08 02-09 03-26 03-29 04-05 05-13 06-09 07-01 09-16 10-01 10-08 12-27",
}
_HK_WEATHER = {2021: "10-13", 2023: "07-17 09-01 09-08", 2024: "09-06"}

_CARTER_MOURNING = date(2025, 1, 9)
_FIRST_JUNETEENTH = 2022


def is_trading_day(market: Market, day: date) -> bool:
    """Whether `market` trades on `day`."""
    return day.weekday() < _SATURDAY and day not in _holidays(market, day.year)


def trading_days(market: Market, first: date, last: date) -> list[date]:
    """The market's trading days from `first` to `last`, both included, oldest first."""
    span = (last - first).days + 1
    return [day for offset in range(span) if is_trading_day(market, day := first + timedelta(offset))]


@lru_cache
def _holidays(market: Market, year: int) -> frozenset[date]:
    if market is Market.US:
        return _us_holidays(year)
    listed = f"{_HK_HOLIDAYS.get(year, '')} {_HK_WEATHER.get(year, '')}".split()
    return frozenset(date.fromisoformat(f"{year}-{month_day}") for month_day in listed)


def _us_holidays(year: int) -> frozenset[date]:
    """The full-day closings of the New York Stock Exchange."""
    new_year = date(year, 1, 1)
    days = {
        # A New Year's Day on a Saturday is not made up for: the Friday before ends the year's accounts.
        new_year if new_year.weekday() == _SATURDAY else _observed(new_year),
        _nth(year, 1, _MONDAY, 3),
        _nth(year, 2, _MONDAY, 3),
        _easter(year) - timedelta(2),
        _nth(year, 6, _MONDAY, 1) - timedelta(7),  # the last Monday of May
        _observed(date(year, 7, 4)),
        _nth(year, 9, _MONDAY, 1),
        _nth(year, 11, _THURSDAY, 4),
        _observed(date(year, 12, 25)),
    }
    if year >= _FIRST_JUNETEENTH:
        days.add(_observed(date(year, 6, 19)))
    if year == _CARTER_MOURNING.year:
        days.add(_CARTER_MOURNING)
    return frozenset(days)


def _observed(holiday: date) -> date:
    """The weekday on which a fixed holiday closes the exchange."""
    return holiday + timedelta({_SATURDAY: -1, _SUNDAY: 1}.get(holiday.weekday(), 0))


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    """The `nth` given weekday of a month."""
    first = date(year, month, 1)
    return first + timedelta((weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar, by the anonymous algorithm (Meeus, Astronomical Algorithms, ch. 8)."""
    golden = year % 19
    century, in_century = divmod(year, 100)
    skipped, leap = divmod(century, 4)
    lunar_shift = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - skipped - lunar_shift + 15) % 30
    leap_in_century, rest = divmod(in_century, 4)
    to_sunday = (32 + 2 * leap + 2 * leap_in_century - epact - rest) % 7
    correction = (golden + 11 * epact + 22 * to_sunday) // 451
    month, day = divmod(epact + to_sunday - 7 * correction + 114, 31)
    return date(year, month, day + 1)
