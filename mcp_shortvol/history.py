"""Days asked for → pages fetched: the one piece of paging for every source.

A source gives a page for a cursor; what its cursor means is its own affair. Whatever the page size, whether a cursor
includes its own day or not, in whatever order days come and however pages overlap, no day is lost and none repeated.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from typing import Generic

from mcp_shortvol.interest import InterestSeries
from mcp_shortvol.question import EARLIEST, MAX_DAYS, Question
from mcp_shortvol.series import Ending, Series, ShortPosition
from mcp_shortvol.sources import InterestSource, Page, Paged, Row, Source

__all__ = ["Gathered", "Progress", "fetch_back", "fetch_interest", "fetch_series"]

Progress = Callable[[float, float | None, str], Awaitable[None]]
"""Told how many days are here, how many are wanted where that is known, and what is going on in words."""

_LONG_WAIT = 1.0  # seconds that a person would wonder about
_MOST_STALLS = 3  # pages in a row that bring nothing new before an upstream is taken to go in circles


class Gathered(Generic[Row]):
    """The rows gathered for a question, which may be not all yet, and what is still wanted of it.

    `ending` is why there are no older ones, once there are to be no more.
    """

    def __init__(self, question: Question, unit: str) -> None:
        self.question = question
        self.unit = unit
        self.ending = Ending.COVERED
        # By dates alone one day more than the limit is wanted: having it means that the range was cut.
        self.wanted = question.count or MAX_DAYS + 1
        self.days: dict[date, Row] = {}
        self.unreadable = 0
        self.received = 0
        self.reported = 0.0
        self.sandbox = False
        self.short_position: ShortPosition | None = None
        self._in_range = 0

    @property
    def missing(self) -> int:
        """Days still wanted by count; the dates may satisfy the question sooner."""
        return self.wanted - self._in_range

    @property
    def covered(self) -> bool:
        """Whether no older day can belong to the answer."""
        start = self.question.start
        return self.missing <= 0 or (start is not None and bool(self.days) and min(self.days) <= start)

    @property
    def newest_first(self) -> list[Row]:
        """The rows in the range asked for."""
        newest_first = sorted(self.days.values(), key=lambda row: row.date, reverse=True)
        return [row for row in newest_first if self.question.includes(row.date)]

    def add(self, page: Page[Row]) -> int:
        """Take in a page; the number of its dates that were here already."""
        repeated: set[date] = set()
        here = frozenset(self.days)  # a date doubled within a page is no repetition of an earlier one
        for day in page.days:
            if day.date < EARLIEST:  # it would be taken for the start of the range
                self.unreadable += 1
            elif day.date in here:
                repeated.add(day.date)
            elif day.date not in self.days:
                self.days[day.date] = day
                self._in_range += self.question.includes(day.date)
        self.unreadable += page.unreadable
        self.received += len(page.days) + page.unreadable
        self.sandbox = self.sandbox or page.sandbox
        self.short_position = self.short_position or page.short_position
        return len(repeated)


async def fetch_series(source: Source, question: Question, progress: Progress | None = None) -> Series:
    """The days that answer `question`, from as many pages as it takes; raises what the source raises."""
    gathered = await fetch_back(source, question, progress)
    days, ending = gathered.newest_first, gathered.ending
    if question.count is None and len(days) > question.limit:
        ending = Ending.DAY_LIMIT
    return Series(
        question=question,
        source=f"sandbox:{source.name}" if gathered.sandbox else source.name,
        ratio_basis=source.ratio_basis(question.symbol.market),
        days=days[: question.limit],
        ending=ending,
        today=question.symbol.market.today(),
        unreadable=gathered.unreadable,
        older_rows=source.older_rows,
        short_position=gathered.short_position,
    )


async def fetch_interest(
    source: InterestSource, question: Question, progress: Progress | None = None
) -> InterestSeries:
    """The reports that answer `question`, and the one before them, against which the oldest change is measured."""
    gathered = await fetch_back(source, replace(question, count=question.limit + 1), progress, unit="reports")
    reports = gathered.newest_first
    return InterestSeries(
        question=question,
        source=f"sandbox:{source.name}" if gathered.sandbox else source.name,
        pct_basis=source.pct_basis(question.symbol.market),
        reports=reports[: question.limit],
        before=next(iter(reports[question.limit :]), None),
        ending=Ending.COVERED if len(reports) >= question.limit else gathered.ending,
        today=question.symbol.market.today(),
        unreadable=gathered.unreadable,
        older_rows=source.older_rows,
    )


async def fetch_back(
    source: Paged[Row], question: Question, progress: Progress | None = None, *, unit: str = "days"
) -> Gathered[Row]:
    """The rows that a source has for `question`, from as many pages as it takes; raises what the source raises.

    `unit` is what progress calls the rows.
    """
    gathered: Gathered[Row] = Gathered(question, unit)
    gathered.ending = await _page_back(source, question, gathered, progress)
    return gathered


async def _page_back(
    source: Paged[Row], question: Question, gathering: Gathered[Row], progress: Progress | None
) -> Ending:
    """Fetch pages into `gathering` until the question is covered or the source has no more; how it ended."""

    async def on_wait(seconds: float) -> None:
        if progress is not None and seconds >= _LONG_WAIT:
            await _report(progress, source, gathering, f", waiting {seconds:.0f} s for the vendor's rate limit")

    cursor = source.first_cursor(question.symbol, question.end)
    end = None if cursor is not None else question.end  # a source that jumped to the end has nothing to skip
    seen = {cursor}
    overlap = 0
    stalls = 0
    while True:
        skipping = end is not None and not (gathering.days and min(gathering.days) <= end)
        size = source.page_limit if skipping else min(source.page_limit, gathering.missing + overlap)
        before = len(gathering.days)
        page = await source.fetch_page(question.symbol, cursor, size, on_wait)
        repeated = gathering.add(page)
        news = len(gathering.days) - before
        if gathering.covered:
            return Ending.COVERED
        if page.cursor is None:
            return _at_the_end(source, gathering)
        useless = repeated + page.unreadable
        overlap = max(overlap, source.overlap, useless)
        if not news and useless >= size and size < source.page_limit:
            continue  # the page was too small to reach beyond the days it repeats: ask again, for more
        if page.cursor in seen:
            # The key just sent, after days that are new, is the end; one sent before, or a page of old days, a circle.
            circle = page.cursor != cursor if news else repeated > max(source.overlap, 1)
            return Ending.STALLED if circle else _at_the_end(source, gathering)
        stalls = 0 if news else stalls + 1
        if stalls == _MOST_STALLS:
            return Ending.STALLED
        seen.add(page.cursor)
        cursor = page.cursor
        if progress is not None:
            await _report(progress, source, gathering)


def _at_the_end(source: Paged[Row], gathering: Gathered[Row]) -> Ending:
    """A source that pages has come to the beginning of the history; one with a fixed depth only to its own limit."""
    limited = source.depth_limit is not None and gathering.received >= source.depth_limit
    return Ending.SOURCE_LIMIT if limited else Ending.HISTORY_BEGINS


async def _report(progress: Progress, source: Paged[Row], gathering: Gathered[Row], more: str = "") -> None:
    done = len(gathering.days)
    total = gathering.question.count
    oldest = f", back to {min(gathering.days)}" if gathering.days else ""
    # MCP wants progress to increase each time, also where only the words are new.
    gathering.reported = max(done, gathering.reported + 0.01)
    await progress(
        gathering.reported,
        max(total, done) if total else None,
        f"{done} {gathering.unit} from {source.title}{oldest}{more}",
    )
