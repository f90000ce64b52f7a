"""The paging of every source: a question becomes pages, and the pages become rows.

A source gives a page for a cursor, and what the cursor means is its own affair. Whatever the page size, whether a
cursor includes its own row, in whatever order rows come and however pages overlap: no row is lost and none is repeated.

Kept rows save requests. While they are fresh, they answer. After that the newest page is fetched with an overlap: where
it agrees with the kept run, that run stands for the pages it was made of, and paging continues at its bottom.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Generic

import anyio

from mcp_shortvol import telemetry
from mcp_shortvol.cache.run import OVERLAP, Run
from mcp_shortvol.domain.errors import UnknownSecurity, UpstreamChanged, UpstreamFault
from mcp_shortvol.domain.markets import weekdays
from mcp_shortvol.domain.progress import Progress, waiting
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_volume import Ending
from mcp_shortvol.history.collected import Collected
from mcp_shortvol.history.implausible_dates import without_implausible_dates
from mcp_shortvol.history.page_position import PagePosition
from mcp_shortvol.history.series_cache import SeriesCache
from mcp_shortvol.sources import Page, Paged

__all__ = ["Pager"]

_KEEPING = 5.0  # seconds to write rows after the call is cancelled or fails


class _Contradiction(Exception):
    """A page does not fit what is collected: the source changed, refuses a kept cursor, or is another one now."""


class Pager(Generic[Row]):
    """Fetches the rows of one question from `source` into `collected`."""

    def __init__(
        self, source: Paged[Row], collected: Collected[Row], cache: SeriesCache[Row], progress: Progress | None
    ) -> None:
        self._source: Paged[Row] = source
        self._question = collected.question
        self._collected: Collected[Row] = collected
        self._cache: SeriesCache[Row] = cache
        self._progress = progress
        self._may_use_kept = True
        self._run: Run[Row] | None = None  # what is collected, as far as it can be kept
        self._run_until: date | None = None
        self._keeps_at_the_end = False
        self._uses_kept = False
        self._pages = 0

    async def run(self) -> None:
        """Fetch until the question is covered or the source has no more; raises what the source raises."""
        kept = await self._cache.load()
        # Where nothing is kept there is nothing to join, and writing once is enough.
        self._keeps_at_the_end = kept is None
        try:
            await self._fetch_consistently(kept)
        finally:
            telemetry.asked(self._source.name, self._pages, used_kept=self._uses_kept)
            with anyio.move_on_after(_KEEPING, shield=True):
                await self._keep_now()

    async def _fetch_consistently(self, kept: Run[Row] | None) -> None:
        try:
            self._collected.ending = await self._fetch(kept)
        except _Contradiction:
            self._collected.clear()
            self._may_use_kept = False
            try:
                self._collected.ending = await self._fetch(None)
            except _Contradiction:
                raise UpstreamFault(
                    f"{self._source.title} changed its figures while they were read.",
                    "Ask again. If a sandbox and a gateway use the same address, stop one of them.",
                ) from None

    async def _fetch(self, kept: Run[Row] | None) -> Ending:
        """Answer from the kept run while it is fresh, and from pages beyond it."""
        self._run = None
        self._uses_kept = False
        kept = kept if kept is not None and self._is_in_reach(kept) else None
        if kept is not None and self._cache.is_fresh(kept, self._question):
            ends = self._collected.covered_with(kept) or self._cache.begins(kept)
            # Where the source was at its end, its last page is asked for again, and shows whether it still agrees.
            if ends or (kept.older and (kept.begins_at is not None or self._cache.just_checked(kept))):
                self._use(kept)
                if self._collected.covered:
                    self._collected.answered_by = kept
                    return Ending.COVERED
                if ends:
                    return Ending.HISTORY_BEGINS
                resumed = PagePosition(kept.older, overlap=self._source.overlap, resumed=True)
                resumed.least = self._last_page_again(kept)
                return await self._page_back(resumed, None)
        source, question = self._source, self._question
        cursor = source.first_cursor(question.symbol, question.end)
        jumps = cursor is not None and question.end is not None and question.end < self._cache.today
        position = PagePosition(cursor, overlap=source.overlap, skip_to=None if cursor else question.end, jumps=jumps)
        if kept is not None:
            self._reach(position, kept)
        return await self._page_back(position, kept)

    def _is_in_reach(self, kept: Run[Row]) -> bool:
        """Whether the pages of the answer come upon the kept run: a source that can jump may start far below it."""
        end = self._question.end
        jumps = end is not None and self._source.first_cursor(self._question.symbol, end) is not None
        return not jumps or end is None or weekdays(end, kept.oldest) <= self._source.page_limit

    def _reach(self, position: PagePosition, kept: Run[Row]) -> None:
        """Let the first page overlap the kept run, and be no larger where that run leads to the answer."""
        end = self._question.end if position.jumps else None
        until = min(end or self._cache.today, self._cache.today)
        # By weekdays: a calendar that is wrong about one day would leave the overlap one row short.
        rows = max(weekdays(self._cache.newest_settled(kept), until), 0) + OVERLAP
        if rows <= self._source.page_limit:
            position.least = rows
            position.reduced = self._leads_on(kept)

    def _last_page_again(self, run: Run[Row]) -> int:
        """The rows to ask for where a run ended with the source's last page, whose own cursor it keeps; else 0."""
        return self._source.page_limit if run.begins_at is not None else 0

    def _leads_on(self, run: Run[Row]) -> bool:
        """Whether a run leads to the answer, to the end of the history, or to older pages."""
        return run.older is not None or self._cache.begins(run) or self._collected.covered_with(run)

    async def _page_back(self, position: PagePosition, kept: Run[Row] | None) -> Ending:
        source, collected = self._source, self._collected
        while True:
            size = position.size(source.page_limit, collected.missing, collected.oldest)
            page = await self._fetch_page(position, size, kept)
            before = len(collected.days)
            joined = await self._take_in(page, position)
            if page.limited and not page.days and kept is not None and kept.invented == page.sandbox:
                joined = joined or self._kept_alone(kept)
            position.first = False
            if collected.covered:
                return Ending.COVERED
            if joined is not None:
                if self._cache.begins(joined):
                    return Ending.HISTORY_BEGINS
                if position.resume(joined.older, source.overlap, self._last_page_again(joined)):
                    continue
            ending = position.advance(page, size, source.page_limit, news=len(collected.days) - before)
            if ending is Ending.HISTORY_BEGINS:
                return await self._at_the_end(page)
            if ending is not None:
                return ending
            await self._report()

    async def _fetch_page(self, position: PagePosition, size: int, kept: Run[Row] | None) -> Page[Row]:
        """The next page; raises what the source raises, and _Contradiction where it does not continue what is here."""
        source, collected = self._source, self._collected
        self._pages += 1
        try:
            sent = await source.fetch_page(self._question.symbol, position.cursor, size, self._on_wait)
        except (UnknownSecurity, UpstreamChanged, UpstreamFault):
            if position.resumed:
                raise _Contradiction from None
            raise
        nothing = kept is not None and kept.invented == sent.sandbox and not sent.days
        if position.first and nothing and not sent.limited:
            raise UpstreamFault(f"{source.title} sent no rows, though it had some before.", "Ask again later.")
        if collected.days and sent.days and sent.sandbox != collected.sandbox:
            raise _Contradiction
        page = without_implausible_dates(sent, self._cache.today)
        collected.doubtful |= len(page.days) < len(sent.days)
        return page

    async def _take_in(self, page: Page[Row], position: PagePosition) -> Run[Row] | None:
        """Collect a page and keep it; the kept run that it was joined with, where that goes on beyond the page."""
        collected = self._collected
        ambiguous = _ambiguous_dates(page)
        changed = self._changed_in(page) - ambiguous
        if self._uses_kept and (changed or self._prices_changed_in(page)):
            collected.restated |= changed
            if _is_sound(page) and not ambiguous:
                # The store must not give again what is known to be outdated.
                await self._cache.merge(self._run_of(page, is_newest=False))
            raise _Contradiction
        if not self._uses_kept and collected.oldest in changed:  # the source changed between two pages
            raise _Contradiction
        oldest, here, end = collected.oldest, collected.days, self._question.end or date.max
        out_of_place = oldest is not None and any(
            oldest < row.date <= end and here.get(row.date) != row for row in page.days
        )
        collected.doubtful |= bool(ambiguous) or out_of_place
        collected.add_page(page)
        if not _is_sound(page) or collected.doubtful:
            await self._keep_now()
            return None
        return await self._keep(page, position)

    def _changed_in(self, page: Page[Row]) -> set[date]:
        """The settled dates that are here, and of which a page has other counts of shares."""
        here = self._collected.days
        again = [row for row in page.days if row.date in here and row.shares != here[row.date].shares]
        return {row.date for row in again if row.whole and here[row.date].whole and self._cache.is_settled(row.date)}

    def _prices_changed_in(self, page: Page[Row]) -> bool:
        here = self._collected.days
        return any(row.date in here and row.close != here[row.date].close for row in page.days)

    async def _keep(self, page: Page[Row], position: PagePosition) -> Run[Row] | None:
        if not page.days:  # the end of the history
            return None
        fetched = self._extended_by(page, position)
        if fetched is None:
            await self._keep_now()
            return None
        self._run = fetched
        self._run_until = self._question.end if position.jumps else None
        if self._keeps_at_the_end:
            return None
        merged = await self._cache.merge(fetched, self._run_until)
        self._collected.restated |= merged.restated
        if merged.restated and self._uses_kept:
            raise _Contradiction
        joined = merged.run
        # What a source no longer gives is kept here alone, wherever that leads.
        leads_on = self._leads_on(joined) or not self._source.refetchable
        goes_on = merged.joined and joined.oldest < fetched.oldest and leads_on
        if not goes_on or not self._may_use_kept:
            return None
        self._use(joined)
        return joined

    async def _keep_now(self) -> None:
        """Keep what was left for the end. Nothing continues that run: later pages are not known to follow it."""
        run, self._run = self._run, None
        if run is not None and self._keeps_at_the_end:
            self._collected.restated |= (await self._cache.merge(run, self._run_until)).restated

    def _extended_by(self, page: Page[Row], position: PagePosition) -> Run[Row] | None:
        """The run that a page begins or continues; None where nothing says that it continues it without a gap."""
        run = self._run
        if run is None:
            return self._run_of(page, is_newest=not position.jumps) if position.first else None
        anchored = position.cursor is not None and position.cursor == run.older
        if not anchored and all(row.date != run.oldest for row in page.days):
            return None
        # Of the last page its own cursor is kept, so that it can be asked for again.
        last = run.older if page.cursor is None and anchored else None
        return replace(
            run, rows=_continued(run.rows, page), older=page.cursor if page.cursor and page.anchored else last
        )

    def _run_of(self, page: Page[Row], *, is_newest: bool) -> Run[Row]:
        return Run(
            rows=_newest_first(page),
            checked_at=self._cache.now,
            is_newest=is_newest,
            older=page.cursor if page.anchored else None,
            position=page.short_position,
            invented=page.sandbox,
        )

    def _kept_alone(self, kept: Run[Row]) -> Run[Row] | None:
        """The kept run, where the source no longer has anything of what is asked for, and no day can lie between."""
        end = self._question.end
        if self._collected.days or self._uses_kept or self._source.refetchable:
            return None
        if end is None or not self._cache.reaches(kept, end):
            return None
        self._use(kept)
        return kept

    def _use(self, run: Run[Row]) -> None:
        self._uses_kept = True
        self._collected.add_run(run)
        self._run = run

    async def _at_the_end(self, page: Page[Row]) -> Ending:
        """A source that pages is at the beginning of the history; one of fixed depth perhaps only at its own limit."""
        if page.limited:
            return Ending.SOURCE_LIMIT
        if self._run is not None:
            self._run = replace(self._run, begins_at=self._cache.now)
            if not self._keeps_at_the_end:
                await self._cache.merge(self._run)
        return Ending.HISTORY_BEGINS

    async def _on_wait(self, seconds: float) -> None:
        if words := waiting(seconds):
            await self._report(words)

    async def _report(self, more: str = "") -> None:
        if self._progress is None:
            return
        collected = self._collected
        done, total = len(collected.days), collected.question.count
        oldest = f", back to {collected.oldest}" if collected.oldest else ""
        # MCP wants progress to increase each time, also where only the words are new.
        collected.reported = max(done, collected.reported + 0.01)
        await self._progress(
            collected.reported,
            max(total, done) if total else None,
            f"{done} {collected.unit} from {self._source.title}{oldest}{more}",
        )


def _is_sound(page: Page[Row]) -> bool:
    return not page.unreadable and not page.implausible and all(row.whole for row in page.days)


def _continued(rows: Sequence[Row], page: Page[Row]) -> list[Row]:
    """Rows, and those of a page that are older."""
    continued = list(rows)
    continued.extend(row for row in _newest_first(page) if row.date < rows[-1].date)
    return continued


def _newest_first(page: Page[Row]) -> list[Row]:
    """The rows of a page, each date once."""
    rows = {row.date: row for row in page.days}
    return [rows[day] for day in sorted(rows, reverse=True)]


def _ambiguous_dates(page: Page[Row]) -> set[date]:
    """The dates of which a page says two things."""
    rows = {row.date: row for row in page.days}
    if len(rows) == len(page.days):
        return set()
    return {row.date for row in page.days if rows[row.date] != row}
