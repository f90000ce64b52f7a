"""Questions become series, from the kept rows and from what sources send, also where a source fails half way.

all rows came                                    the answer
a failure, or the end of the call's time, …
  … after some of the rows were here             these rows, incomplete, and why
  … and kept rows answer the question            the kept rows, incomplete, as of when and why
  … and they do not                              the error, and what is kept
damaged rows came, and kept rows answer          the kept rows, incomplete, as of when and why
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import anyio
from anyio.abc import TaskGroup

from mcp_shortvol import telemetry
from mcp_shortvol.cache.run import Run
from mcp_shortvol.cache.store import NOTHING_KEPT, Store
from mcp_shortvol.domain.errors import InvalidRequest, NotEntitled, ShortVolumeError, UnknownSecurity, out_of_time
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.progress import Progress
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_interest import InterestSeries, Report
from mcp_shortvol.domain.short_volume import Day, Ending, Interruption, Series
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.domain.wording import moment
from mcp_shortvol.history.collected import Collected
from mcp_shortvol.history.freshness import Freshness
from mcp_shortvol.history.pager import Pager
from mcp_shortvol.history.series_cache import SeriesCache
from mcp_shortvol.history.single_flight import SharedCall, SingleFlight
from mcp_shortvol.memo import Memo
from mcp_shortvol.sources import InterestSource, Paged, Source

__all__ = ["History", "fetch_back", "fetch_series"]

_REMEMBERED = 128
# These say something of the symbol or the account, whether or not the source can be reached: no kept row hides them.
_CERTAIN = (InvalidRequest, NotEntitled, UnknownSecurity)
_NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer, and the kept run it was made of alone."""

    run: Run[Any]
    answer: Series | InterestSeries


class History:
    """Answers questions over any source, with kept rows and the market's clock; its tasks live in `tasks`."""

    def __init__(self, store: Store, freshness: Freshness, tasks: TaskGroup) -> None:
        self._store = store
        self._freshness = freshness
        self._calls = SingleFlight(tasks)
        self._answered: OrderedDict[Hashable, _Answered] = OrderedDict()
        self.made: Memo[Series] = Memo(_REMEMBERED)
        """What was made of series that still hold."""

    async def series(
        self, source: Source, question: Question, *, deadline: float = _NEVER, progress: Progress | None = None
    ) -> Series:
        """The days that answer `question`, or those that are here by `deadline`, a time of the event loop.

        Raises what the source raises where no day can be given.
        """
        today = self._freshness.today(question.symbol.market)
        if (same := self._still_holds(source, question, today)) is not None:
            assert isinstance(same, Series)
            return same
        collected = await self._collect(source, question, deadline, progress, "days")
        series = _series_of(source, question, collected, today)
        self._remember(source, question, today, collected.answered_by, series)
        return series

    async def interest(
        self, source: InterestSource, question: Question, *, deadline: float = _NEVER, progress: Progress | None = None
    ) -> InterestSeries:
        """The reports that answer `question`, and the one before them, against which the oldest change is measured."""
        today = self._freshness.today(question.symbol.market)
        if (same := self._still_holds(source, question, today)) is not None:
            assert isinstance(same, InterestSeries)
            return same
        one_more = replace(question, count=question.limit + 1)
        collected = await self._collect(source, one_more, deadline, progress, "reports")
        series = _interest_of(source, question, collected, today)
        self._remember(source, question, today, collected.answered_by, series)
        return series

    def _still_holds(self, source: Paged[Row], question: Question, today: date) -> Series | InterestSeries | None:
        """The answer given before out of kept rows that are still fresh; the store need not be asked."""
        known = self._answered.get(_name(source, question, today))
        cache = SeriesCache(self._store, self._freshness, source, question.symbol)
        if known is None or not cache.is_fresh(known.run, question):
            return None
        telemetry.asked(source.name, 0, used_kept=True)
        return known.answer

    def _remember(
        self,
        source: Paged[Row],
        question: Question,
        today: date,
        run: Run[Row] | None,
        answer: Series | InterestSeries,
    ) -> None:
        name = _name(source, question, today)
        self._answered.pop(name, None)
        if run is not None:
            self._answered[name] = _Answered(run, answer)
            if len(self._answered) > _REMEMBERED:
                self._answered.popitem(last=False)

    def today(self, market: Market) -> date:
        """The current date in a market."""
        return self._freshness.today(market)

    async def kept_days(self, source: Source, symbol: Symbol) -> int:
        """How many days of a symbol are kept."""
        kept = await SeriesCache(self._store, self._freshness, source, symbol).load()
        return len(kept.rows) if kept is not None else 0

    async def _collect(
        self, source: Paged[Row], question: Question, deadline: float, progress: Progress | None, unit: str
    ) -> Collected[Row]:
        cache = SeriesCache(self._store, self._freshness, source, question.symbol)

        def begin() -> SharedCall[Collected[Row]]:
            collected: Collected[Row] = Collected(question, unit)

            async def work(report: Progress) -> None:
                try:
                    await Pager(source, collected, cache, report).run()
                except ShortVolumeError as error:
                    await _fall_back(collected, cache, error)
                else:
                    if not collected.sound:
                        await _prefer_kept(collected, cache)

            return SharedCall(collected, work)

        began = anyio.current_time()
        call = self._calls.join((source.upstream, source.interface, question), begin)
        try:
            await call.wait(deadline, progress)
        except TimeoutError:
            collected = call.subject.copy()  # the call may go on, for others
            await _fall_back(collected, cache, out_of_time(deadline - began))
            return collected
        return call.subject


async def fetch_back(
    source: Paged[Row], question: Question, progress: Progress | None = None, *, unit: str = "days"
) -> Collected[Row]:
    """The rows that a source has for `question`, without kept rows; raises what the source raises.

    `unit` is what progress calls the rows.
    """
    collected: Collected[Row] = Collected(question, unit)
    await Pager(source, collected, SeriesCache(NOTHING_KEPT, Freshness(), source, question.symbol), progress).run()
    return collected


async def fetch_series(source: Source, question: Question, progress: Progress | None = None) -> Series:
    """The days that answer `question`, without kept rows; raises what the source raises."""
    today = Freshness().today(question.symbol.market)
    return _series_of(source, question, await fetch_back(source, question, progress), today)


def _name(source: Paged[Row], question: Question, today: date) -> Hashable:
    return source.upstream, source.interface, question, today


async def _fall_back(collected: Collected[Row], cache: SeriesCache[Row], error: ShortVolumeError) -> None:
    """Answer with the rows that are here, else with kept ones; raises the error where neither can be given."""
    if isinstance(error, _CERTAIN):
        raise error
    kept, as_of = await _kept_answer(collected, cache)
    if kept is not None and as_of is not None and (not collected.newest_first or not collected.sound):
        if _answers(kept, collected):
            _replace(collected, kept, as_of, error.what, error.next_step)
            return
        if rows := collected.rows_of(kept):
            error = error.adding(
                f"{len(rows)} of the {collected.unit} asked for are kept as of {moment(as_of)}, {rows[-1].date} to "
                f"{rows[0].date}: ask with count={len(rows)} to get them."
            )
    if not collected.newest_first:
        raise error
    collected.ending = Ending.INTERRUPTED
    collected.interruption = Interruption(error.what, error.next_step, None)


async def _prefer_kept(collected: Collected[Row], cache: SeriesCache[Row]) -> None:
    """Answer with kept rows where some of those that came are damaged and none is newer than the kept ones."""
    kept, as_of = await _kept_answer(collected, cache)
    if kept is None or as_of is None or not _answers(kept, collected):
        return
    if max((row.date for row in collected.days.values() if row.whole), default=kept.newest) <= kept.newest:
        what = f"Some of the {collected.unit} that came could not be read."
        _replace(collected, kept, as_of, what, "Ask again later.")


async def _kept_answer(collected: Collected[Row], cache: SeriesCache[Row]) -> tuple[Run[Row] | None, float | None]:
    kept = await cache.load()
    return kept, cache.as_of(kept, collected.question) if kept else None


def _answers(kept: Run[Row], collected: Collected[Row]) -> bool:
    """Whether a kept run alone answers the question, or is all that the source had."""
    alone: Collected[Row] = Collected(collected.question)
    return bool(alone.rows_of(kept)) and (alone.covered_with(kept) or kept.begins_at is not None)


def _replace(collected: Collected[Row], kept: Run[Row], as_of: float, what: str, next_step: str) -> None:
    collected.clear()
    collected.add_run(kept)
    collected.ending = Ending.INTERRUPTED
    collected.interruption = Interruption(what, next_step, as_of)


def _series_of(source: Source, question: Question, collected: Collected[Day], today: date) -> Series:
    days, ending = collected.newest_first, collected.ending
    if question.count is None and len(days) > question.limit:
        ending = Ending.DAY_LIMIT
    return Series(
        question=question,
        source=f"sandbox:{source.name}" if collected.sandbox else source.name,
        ratio_basis=source.ratio_basis(question.symbol.market),
        days=days[: question.limit],
        ending=ending,
        today=today,
        unreadable=collected.unreadable,
        older_rows=source.older_rows,
        short_position=collected.short_position,
        restated=sorted(collected.restated, reverse=True),
        interruption=collected.interruption,
        caveat=source.caveat(question.symbol.market),
    )


def _interest_of(
    source: InterestSource, question: Question, collected: Collected[Report], today: date
) -> InterestSeries:
    reports = collected.newest_first
    # Where only the report before them is missing, all that was asked for is here.
    stale = collected.interruption is not None and collected.interruption.as_of is not None
    enough = len(reports) >= question.limit and not stale
    return InterestSeries(
        question=question,
        source=f"sandbox:{source.name}" if collected.sandbox else source.name,
        pct_basis=source.pct_basis(question.symbol.market),
        caveat=source.caveat(question.symbol.market),
        reports=reports[: question.limit],
        before=next(iter(reports[question.limit :]), None),
        ending=Ending.COVERED if enough else collected.ending,
        today=today,
        unreadable=collected.unreadable,
        older_rows=source.older_rows,
        restated=sorted(collected.restated, reverse=True),
        interruption=None if enough else collected.interruption,
    )
