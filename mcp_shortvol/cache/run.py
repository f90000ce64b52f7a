"""The one run of rows that a series keeps, and how a newly fetched run is merged into it.

A run has every row that the source has between its oldest and its newest: it has no gap. The functions are pure, so
that a store may repeat a merge after another process has written.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Generic

from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_volume import ShortPosition

__all__ = ["OVERLAP", "Merged", "Run", "merge"]

OVERLAP = 10
"""Settled rows that two runs must share to be joined: a split or a late row often shows only some days later."""

_SAME_PRICE = 1e-6  # relative; the sources send three to nine decimals
_SAME_FACTOR = 1e-4


@dataclass(frozen=True, slots=True)
class Run(Generic[Row]):
    """Rows without a gap, newest first, at least one, each date once.

    `checked_at` is when the source last sent the newest rows, in Unix seconds. `is_newest` says that it had nothing
    newer then. `older` is the cursor to the rows before the oldest one, None where it is not known. `begins_at` is when
    the source last said that there are no older rows, None where it never did.
    """

    rows: Sequence[Row]
    checked_at: float
    is_newest: bool
    older: str | None = None
    begins_at: float | None = None
    position: ShortPosition | None = None
    invented: bool = False

    @property
    def newest(self) -> date:
        """The date of the newest row."""
        return self.rows[0].date

    @property
    def oldest(self) -> date:
        """The date of the oldest row."""
        return self.rows[-1].date


@dataclass(frozen=True, slots=True)
class Merged(Generic[Row]):
    """What becomes of a series: the run to keep, whether it has both runs, and the dates that the source restated."""

    run: Run[Row]
    joined: bool
    restated: frozenset[date] = frozenset()


def merge(
    kept: Run[Row] | None,
    fetched: Run[Row],
    settled_through: Callable[[float], date],
    *,
    until: date,
    now: float,
    refetchable: bool,
) -> Merged[Row]:
    """Merge a fetched run into the kept one, so that the result has no gap and one version of every row.

    `until` is the date up to which the fetched run has every row: it may be later than that of its newest row.
    `settled_through` gives the newest date whose figures were final at a Unix time. `refetchable` says that the source
    can send all older rows again. A restatement is a changed count of shares on a settled date, or a settled date that
    only one of the runs has: of two versions the one that was checked last is kept. Two runs that share too few rows
    are not joined: then the fetched one is kept where it is the newest.
    """
    if kept is None:
        return Merged(fetched, joined=False)
    if kept.checked_at > now:  # written by a clock that has been set back since
        kept = replace(kept, checked_at=now)
    older, newer = (kept, fetched) if fetched.checked_at >= kept.checked_at else (fetched, kept)
    settled = settled_through(older.checked_at)
    first = max(older.oldest, newer.oldest)
    last = until if newer is fetched else date.max if newer.is_newest else newer.newest
    ours = {row.date: row for row in older.rows if first <= row.date <= last}
    theirs = {row.date: row for row in newer.rows if first <= row.date <= older.newest}
    restated = {
        day for day, row in ours.items() if day <= settled and (day not in theirs or theirs[day].shares != row.shares)
    }
    restated |= theirs.keys() - ours.keys()
    if restated:
        return Merged(newer, joined=False, restated=frozenset(restated))
    agreeing = {day: row for day, row in ours.items() if day <= settled}
    enough = max(1, min(OVERLAP, sum(row.date <= settled for row in older.rows)))
    factor = _price_factor(agreeing, theirs)
    if len(agreeing) < enough or (factor is None and refetchable):
        return Merged(fetched if fetched is newer and fetched.is_newest else kept, joined=False)
    return Merged(_union(older, newer, factor, last), joined=True)


def _price_factor(ours: Mapping[date, Row], theirs: Mapping[date, Row]) -> float | None:
    """The one factor between the closes of shared rows, 1.0 where nothing changed; None where there is none.

    Futu adjusts closes for dividends as of the day of fetching, so that an ex-dividend date multiplies the closes of
    all rows before it by one factor (wire/futu.md, C.8).
    """
    factors = [
        new.close / row.close for day, row in ours.items() if (new := theirs.get(day)) and new.close and row.close
    ]
    if not factors:
        return 1.0
    lowest, highest = min(factors), max(factors)
    if highest - lowest > _SAME_FACTOR * highest:
        return None
    middle = sorted(factors)[len(factors) // 2]
    return 1.0 if abs(middle - 1) < _SAME_PRICE else middle


def _union(older: Run[Row], newer: Run[Row], factor: float | None, last: date) -> Run[Row]:
    """Both runs in one. The newer one, which has every row up to `last`, wins; the older one's follow its prices."""
    rows = {row.date: row if factor == 1.0 else row.with_prices_times(factor) for row in older.rows}
    # What only the older one has in the span of the newer had not settled, and is gone.
    last = date.max if newer.is_newest else max(last, newer.newest)
    rows = {day: row for day, row in rows.items() if not newer.oldest <= day <= last}
    rows |= {row.date: row for row in newer.rows}
    top = newer if newer.is_newest or newer.newest > older.newest else older
    bottom, other = (newer, older) if newer.oldest <= older.oldest else (older, newer)
    if bottom.oldest == other.oldest:
        bottom = replace(bottom, older=bottom.older or other.older, begins_at=bottom.begins_at or other.begins_at)
    return Run(
        rows=[rows[day] for day in sorted(rows, reverse=True)],
        checked_at=top.checked_at,
        is_newest=top.is_newest,
        older=bottom.older,
        begins_at=bottom.begins_at,
        position=top.position or older.position,
        invented=newer.invented,
    )
