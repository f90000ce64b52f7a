"""Rows with an implausible date: in the future, on a weekend, or far from all other rows of their page.

Sources send their rows in order. A row out of order and far from the others would be taken for the beginning of the
history, and all days before it for days without trading.
"""

from dataclasses import replace
from datetime import date
from itertools import pairwise
from statistics import median

from mcp_shortvol.domain.markets import weekdays
from mcp_shortvol.domain.question import EARLIEST
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.sources import Page

__all__ = ["without_implausible_dates"]

_FAR = 10  # weekdays; longer than any holiday
_FAR_SHARE = 5  # or so many times the usual distance between rows: reports come every week or two


def without_implausible_dates(page: Page[Row], today: date) -> Page[Row]:
    """The same page, with the rows of implausible dates left out and named; `today` is the date in the market."""
    dates = [row.date for row in page.days]
    possible = [day for day in dates if EARLIEST <= day <= today and day.weekday() < 5]
    if len(possible) == len(dates) and _are_in_order(dates):
        return page
    plausible = _near_each_other(possible)
    rows = [row for row in page.days if row.date in plausible]
    return replace(page, days=rows, implausible=[day for day in dates if day not in plausible])


def _near_each_other(dates: list[date]) -> set[date]:
    """The dates without those that are far from most others; all of them where they are in order."""
    if _are_in_order(dates):
        return set(dates)  # a long pause between rows that are in order is one of trading
    oldest_first = sorted(set(dates))
    distances = [weekdays(earlier, later) for earlier, later in pairwise(oldest_first)]
    far = max(_FAR, _FAR_SHARE * median(distances))
    groups = [{oldest_first[0]}]
    for day, distance in zip(oldest_first[1:], distances, strict=True):
        if distance > far:
            groups.append(set())
        groups[-1].add(day)
    return max(groups, key=len)


def _are_in_order(dates: list[date]) -> bool:
    return dates == sorted(dates, reverse=True) or dates == sorted(dates)
