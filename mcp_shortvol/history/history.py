"""Questions → series, out of what is kept and what sources give; and what is answered when a source fails half way.

all days came                                    the answer
a failure, or the end of the time a call has, …
  … after some of the days were here             these days, incomplete, and why
  … and kept days answer the question            the kept days, incomplete, as of when and why
  … and they do not                              the error, and what is kept
"""

from dataclasses import replace
from datetime import date

import anyio
from anyio.abc import TaskGroup

from mcp_shortvol.answers.words import moment
from mcp_shortvol.cache.store import NOTHING_KEPT, Kept, Store
from mcp_shortvol.domain.errors import InvalidRequest, NotEntitled, ShortVolumeError, UnknownSecurity, out_of_time
from mcp_shortvol.domain.markets import weekdays
from mcp_shortvol.domain.progress import Progress
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_interest import InterestSeries, Report
from mcp_shortvol.domain.short_volume import Day, Ending, Interruption, Series
from mcp_shortvol.history.flights import Flight, Flights
from mcp_shortvol.history.freshness import Freshness
from mcp_shortvol.history.gathering import Gathered
from mcp_shortvol.history.paging import Paging
from mcp_shortvol.history.shelf import Shelf
from mcp_shortvol.sources import InterestSource, Paged, Source

__all__ = ["History", "fetch_back", "fetch_series"]

# So is the symbol, or the account, whether or not the source can be reached: no kept day hides it.
_CERTAIN = (InvalidRequest, NotEntitled, UnknownSecurity)
_NEVER = float("inf")


class History:
    """Answers questions over any source, with `store` and the market's clock between; its tasks live in `tasks`."""

    def __init__(self, store: Store, freshness: Freshness, tasks: TaskGroup) -> None:
        self._store = store
        self._freshness = freshness
        self._flights = Flights(tasks)

    async def series(
        self, source: Source, question: Question, *, deadline: float = _NEVER, progress: Progress | None = None
    ) -> Series:
        """The days that answer `question`, or those that are here by `deadline`, a time of the event loop.

        Raises what the source raises where they serve nobody.
        """
        gathered = await self._gather(source, question, deadline, progress, "days")
        return _series_of(source, question, gathered, self._freshness.today(question.symbol.market))

    async def interest(
        self, source: InterestSource, question: Question, *, deadline: float = _NEVER, progress: Progress | None = None
    ) -> InterestSeries:
        """The reports that answer `question`, and the one before them, against which the oldest change is measured."""
        one_more = replace(question, count=question.limit + 1)
        gathered = await self._gather(source, one_more, deadline, progress, "reports")
        return _interest_of(source, question, gathered, self._freshness.today(question.symbol.market))

    async def _gather(
        self, source: Paged[Row], question: Question, deadline: float, progress: Progress | None, unit: str
    ) -> Gathered[Row]:
        shelf = Shelf(self._store, self._freshness, source, question.symbol)

        def begin() -> Flight[Gathered[Row]]:
            gathered: Gathered[Row] = Gathered(question, unit)

            async def work(tell: Progress) -> None:
                try:
                    await Paging(source, gathered, shelf, tell).run()
                    if not gathered.sound:
                        await _mend(gathered, shelf)
                except ShortVolumeError as error:
                    await _make_do(gathered, shelf, error)

            return Flight(gathered, work)

        began = anyio.current_time()
        flight = self._flights.join((source.upstream, source.interface, question), begin)
        try:
            await flight.wait(deadline, progress)
        except TimeoutError:
            gathered = flight.subject.copy()  # the flight may go on, for others
            await _make_do(gathered, shelf, out_of_time(deadline - began))
            return gathered
        return flight.subject


async def fetch_back(
    source: Paged[Row], question: Question, progress: Progress | None = None, *, unit: str = "days"
) -> Gathered[Row]:
    """The rows that a source has for `question`, with nothing kept before or after; raises what the source raises.

    `unit` is what progress calls the rows.
    """
    gathered: Gathered[Row] = Gathered(question, unit)
    await Paging(source, gathered, Shelf(NOTHING_KEPT, Freshness(), source, question.symbol), progress).run()
    return gathered


async def fetch_series(source: Source, question: Question, progress: Progress | None = None) -> Series:
    """The days that answer `question`, with nothing kept before or after; raises what the source raises."""
    today = Freshness().today(question.symbol.market)
    return _series_of(source, question, await fetch_back(source, question, progress), today)


async def _make_do(gathered: Gathered[Row], shelf: Shelf[Row], error: ShortVolumeError) -> None:
    """Answer with what is here, or with what is kept, where it serves; raises the error where it does not.

    What is here serves where all of it can be believed, or nothing is kept instead.
    """
    if isinstance(error, _CERTAIN):
        raise error
    as_of = None
    if not gathered.newest_first or not gathered.sound:
        as_of = await _take_kept(gathered, shelf, error)
    gathered.ending = Ending.INTERRUPTED
    gathered.interruption = Interruption(error.what, error.next_step, as_of)


async def _take_kept(gathered: Gathered[Row], shelf: Shelf[Row], error: ShortVolumeError) -> float | None:
    """Put kept rows that answer the question in the place of what is here; when they were seen.

    Raises the error, with what is kept, where they do not and nothing is here.
    """
    kept = await shelf.look(gathered.window)
    as_of = _as_of(gathered.question, kept) if kept else None
    if kept is not None and as_of is not None and kept.rows:
        alone: Gathered[Row] = Gathered(gathered.question, gathered.unit)
        if alone.would_cover(kept) or kept.run.begun_at is not None:
            gathered.clear()
            gathered.add_kept(kept)
            return as_of
        error = error.adding(
            f"{len(kept.rows)} of the {gathered.unit} asked for are kept as of {moment(as_of)}, {kept.rows[-1].date} "
            f"to {kept.rows[0].date}: ask with count={len(kept.rows)} to get them."
        )
    if not gathered.newest_first:
        raise error
    return None


async def _mend(gathered: Gathered[Row], shelf: Shelf[Row]) -> None:
    """Let kept rows stand in for those that came damaged, and say so."""
    kept = await shelf.look(gathered.window)
    if kept is not None and (mended := gathered.mend(kept)):
        gathered.ending = Ending.INTERRUPTED
        gathered.interruption = Interruption(
            f"{mended} of the {gathered.unit} did not come whole.",
            "Ask again later.",
            kept.run.checked_at,
            partly=True,
        )


def _as_of(question: Question, kept: Kept[Row]) -> float | None:
    """When the kept days were the answer's newest; None where nobody knows what lies between them and its end."""
    inside = question.end is not None and weekdays(kept.run.until, question.end) <= 0
    return kept.run.checked_at if inside else kept.run.topped_at


def _series_of(source: Source, question: Question, gathered: Gathered[Day], today: date) -> Series:
    days, ending = gathered.newest_first, gathered.ending
    if question.count is None and len(days) > question.limit:
        ending = Ending.DAY_LIMIT
    return Series(
        question=question,
        source=f"sandbox:{source.name}" if gathered.sandbox else source.name,
        ratio_basis=source.ratio_basis(question.symbol.market),
        days=days[: question.limit],
        ending=ending,
        today=today,
        unreadable=gathered.unreadable,
        older_rows=source.older_rows,
        short_position=gathered.short_position,
        restated=sorted(gathered.restated, reverse=True),
        interruption=gathered.interruption,
    )


def _interest_of(source: InterestSource, question: Question, gathered: Gathered[Report], today: date) -> InterestSeries:
    reports = gathered.newest_first
    # Where only the one before them is missing, all that was asked for is here.
    stale = gathered.interruption is not None and gathered.interruption.as_of is not None
    enough = len(reports) >= question.limit and not stale
    return InterestSeries(
        question=question,
        source=f"sandbox:{source.name}" if gathered.sandbox else source.name,
        pct_basis=source.pct_basis(question.symbol.market),
        reports=reports[: question.limit],
        before=next(iter(reports[question.limit :]), None),
        ending=Ending.COVERED if enough else gathered.ending,
        today=today,
        unreadable=gathered.unreadable,
        older_rows=source.older_rows,
        restated=sorted(gathered.restated, reverse=True),
        interruption=None if enough else gathered.interruption,
    )
