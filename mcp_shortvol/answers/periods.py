"""Days → weeks or months, for a question about a year that should cost 12 rows and not 250.

A period carries sums over its days where a figure is known, and the ratio of its volumes. Weeks are ISO weeks, Monday
to Sunday, and belong to no month or year, so the one around New Year is never split.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Literal

from mcp_shortvol.answers.totals import both_volumes, money_of, shares_of, weighted_ratio_pct
from mcp_shortvol.domain.short_volume import Day

__all__ = ["Interval", "Period", "cut_end", "cut_start", "periods_of"]

Interval = Literal["week", "month"]


@dataclass(frozen=True, slots=True)
class Period:
    """The returned trading days of one week or month, under the names that a day's figures have.

    `first_day` and `last_day` are the calendar's, whether or not they traded: a question or a series that begins or
    ends strictly between them cuts the period. `date` is the last trading date returned, and `close` the close of that
    very day. Sums are over days where the figure is known, None where it never is.
    """

    first_day: date
    last_day: date
    date: date
    days: int
    short_volume: int | None
    total_volume: int | None
    short_ratio_pct: float | None
    """100 * sum(short volume) / sum(total volume), unrounded, over the `ratio_days` days that have both volumes only:
    with a day that lacks one, the ratio of the two sums would mix different days. None where there is no such day."""
    ratio_days: int
    close: float | None
    short_turnover: float | None
    total_turnover: float | None
    nasdaq_short_volume: int | None
    nyse_short_volume: int | None


def periods_of(days: Iterable[Day], interval: Interval) -> list[Period]:
    """The weeks or months in which `days` lie, in whatever order those come; newest first."""
    bounds = _BOUNDS[interval]
    newest_first = sorted(days, key=lambda day: day.date, reverse=True)
    grouped = groupby(newest_first, key=lambda day: bounds(day.date))
    return [_period(first, last, list(members)) for (first, last), members in grouped]


def cut_start(period: Period, start: date) -> bool:
    """Whether a range that begins with `start` leaves out weekdays of the period."""
    return _weekday_within(period.first_day, start)


def cut_end(period: Period, end: date) -> bool:
    """Whether a range that ends with `end` leaves out weekdays of the period."""
    return end < period.last_day and _weekday_within(end + timedelta(1), period.last_day + timedelta(1))


def _weekday_within(first: date, until: date) -> bool:
    """Whether a weekday lies on or after `first` and before `until`."""
    return any((first + timedelta(days)).weekday() < 5 for days in range(min((until - first).days, 3)))


def _week(day: date) -> tuple[date, date]:
    monday = day - timedelta(days=day.weekday())
    return monday, monday + min(timedelta(days=6), date.max - monday)  # the calendar ends on a Friday


def _month(day: date) -> tuple[date, date]:
    return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])


_BOUNDS: dict[Interval, Callable[[date], tuple[date, date]]] = {"week": _week, "month": _month}


def _period(first_day: date, last_day: date, newest_first: Sequence[Day]) -> Period:
    latest = newest_first[0]
    return Period(
        date=latest.date,
        first_day=first_day,
        last_day=last_day,
        days=len(newest_first),
        short_volume=shares_of(day.short_volume for day in newest_first),
        total_volume=shares_of(day.total_volume for day in newest_first),
        short_ratio_pct=weighted_ratio_pct(newest_first),
        ratio_days=sum(both_volumes(day) is not None for day in newest_first),
        close=latest.close,
        short_turnover=money_of(day.short_turnover for day in newest_first),
        total_turnover=money_of(day.total_turnover for day in newest_first),
        nasdaq_short_volume=shares_of(day.nasdaq_short_volume for day in newest_first),
        nyse_short_volume=shares_of(day.nyse_short_volume for day in newest_first),
    )
