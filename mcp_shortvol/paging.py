"""Days asked for → pages fetched: the one piece of paging for every source, around what is kept already.

A source gives a page for a cursor; what its cursor means is its own affair. Whatever the page size, whether a cursor
includes its own day or not, in whatever order days come and however pages overlap, no day is lost and none repeated.

Of what is kept the newest days are taken as they are while they hold. After that the newest page is fetched, a small
one where it will reach what is kept; where the two agree, the kept run stands for the pages it was made of, and paging
goes on from its end. Where they do not, nothing kept is used.
"""

from datetime import date
from typing import Generic

from mcp_shortvol.errors import UnknownSecurity, UpstreamChanged, UpstreamFault
from mcp_shortvol.gathering import Gathered
from mcp_shortvol.markets import weekdays
from mcp_shortvol.progress import Progress
from mcp_shortvol.rows import Row
from mcp_shortvol.series import Ending
from mcp_shortvol.shelf import Shelf
from mcp_shortvol.sources import Page, Paged
from mcp_shortvol.store import Kept, Run, Seam, Window

__all__ = ["Paging"]

_LONG_WAIT = 1.0  # seconds that a person would wonder about
_MOST_STALLS = 3  # pages in a row that bring nothing new before an upstream is taken to go in circles
_OVERLAP = 10  # days of what is kept that the newest page is to repeat: a split is often told some days late


class _OfNoUse(Exception):
    """What is kept was taken in, and cannot be gone on from: it is contradicted, or its cursor refused."""


class Paging(Generic[Row]):
    """The fetching of one question's rows from `source` into `gathered`; what comes is kept on `shelf`."""

    def __init__(
        self, source: Paged[Row], gathered: Gathered[Row], shelf: Shelf[Row], progress: Progress | None
    ) -> None:
        self._source: Paged[Row] = source
        self._question = gathered.question
        self._gathered: Gathered[Row] = gathered
        self._shelf: Shelf[Row] = shelf
        self._progress = progress
        self._begin_again()

    def _begin_again(self) -> None:
        self._gathered.clear()
        self._run: Run | None = None  # the kept run that what is gathered belongs to
        self._follows: Seam | None = None  # its oldest day, once pages follow on it
        self._anchor: str | None = None  # the cursor to what follows, where it names that day
        self._bridging = True
        self._took_kept = False

    async def run(self) -> None:
        """Fetch until the question is covered or the source has no more; raises what the source raises."""
        try:
            self._gathered.ending = await self._with_what_is_kept()
        except _OfNoUse:
            self._begin_again()
            self._bridging = False
            self._gathered.ending = await self._page_back(None)

    async def _with_what_is_kept(self) -> Ending:
        kept = await self._shelf.look(self._gathered.window)
        if kept is None or not self._shelf.holds(kept, self._question):
            return await self._page_back(await self._nearest(kept))
        ends = self._gathered.would_cover(kept) or self._shelf.begins(kept.run)
        if not ends and not self._shelf.goes_on(kept):
            return await self._page_back(await self._nearest(kept))
        if not self._is_useful(kept):
            return await self._page_back(None)
        self._take(kept)
        if self._gathered.covered:
            return Ending.COVERED
        if self._shelf.begins(kept.run):
            return Ending.HISTORY_BEGINS
        return await self._page_back(None, cursor=kept.run.older)

    async def _nearest(self, kept: Kept[Row] | None) -> Kept[Row] | None:
        """The run that the first page will come to first, given the one that the question is about."""
        jumps = self._source.first_cursor(self._question.symbol, self._question.end) is not None
        if self._question.end is None or jumps:
            return kept
        return await self._shelf.look(Window(None, None, 1))

    async def _page_back(self, nearest: Kept[Row] | None, *, cursor: str | None = None) -> Ending:
        """Fetch pages from `cursor`, or from the newest one wanted; `nearest` is what the first will come to."""
        source, question, gathered = self._source, self._question, self._gathered
        first = cursor is None
        if first:
            cursor = source.first_cursor(question.symbol, question.end)
        # A source that jumped to the end, or goes on from there, has no newer days to skip.
        end = None if cursor is not None else question.end
        until = self._until(end) if first else None
        reach = self._size_to_reach(nearest, until) if first else None
        reduced = reach if nearest is not None and self._is_useful(nearest) else None
        start, resumed = cursor, not first
        seen = {cursor}
        overlap = 0 if first else source.overlap
        stalls = 0
        while True:
            skipping = end is not None and not (gathered.oldest is not None and gathered.oldest <= end)
            size = source.page_limit if skipping else min(source.page_limit, gathered.missing + overlap)
            size = reduced or (max(size, reach) if first and reach else size)
            before = len(gathered.days)
            try:
                page = await source.fetch_page(question.symbol, cursor, size, self._on_wait)
            except (UnknownSecurity, UpstreamChanged, UpstreamFault):
                if resumed:
                    raise _OfNoUse from None
                raise
            if first and nearest is not None and nearest.invented == page.sandbox and not page.days:
                raise UpstreamFault(f"{source.title} sent no rows, though it had some before.", "Ask again later.")
            doubtful = self._shelf.doubts(page) or self._strays(page)
            repeated = gathered.add(page)
            goes_on = None if doubtful else await self._keep(page, until)
            if doubtful:
                gathered.doubtful = True
                self._leave()
            first, until, resumed = False, None, False
            if gathered.covered:
                return Ending.COVERED
            if goes_on is not None:
                if self._shelf.begins(goes_on):
                    return Ending.HISTORY_BEGINS
                if goes_on.older is not None and goes_on.older not in seen:
                    cursor, end, reduced, resumed = goes_on.older, None, None, True
                    overlap = max(overlap, source.overlap)
                    seen.add(cursor)
                    continue
            news = len(gathered.days) - before
            if page.cursor is None:
                if reduced and len(page.days) >= reduced:
                    # A page made small on purpose says nothing about the end: the same again, and all of it.
                    cursor, reduced, overlap = start, None, len(page.days)
                    gathered.received, until = 0, self._until(end)
                    continue
                return await self._at_the_end()
            reduced = None
            useless = repeated + page.unreadable
            overlap = max(overlap, source.overlap, useless)
            if not news and useless >= size and size < source.page_limit:
                continue  # the page was too small to reach beyond the days it repeats: ask again, for more
            if page.cursor in seen:
                # The key just sent is the end, where fewer days came than asked for; one sent before, or a page that is
                # full, or of old days, a circle.
                circle = page.cursor != cursor or len(page.days) >= size if news else repeated > max(source.overlap, 1)
                return Ending.STALLED if circle else await self._at_the_end()
            stalls = 0 if news else stalls + 1
            if stalls == _MOST_STALLS:
                return Ending.STALLED
            seen.add(page.cursor)
            cursor = page.cursor
            await self._report()

    def _until(self, end_to_skip_to: date | None) -> date:
        """The date up to which a first page speaks: of all there is, or of the time up to the end asked for."""
        end = self._question.end
        jumped = end_to_skip_to is None and end is not None and end < self._shelf.today
        return end if jumped and end is not None else date.max

    def _size_to_reach(self, nearest: Kept[Row] | None, until: date | None) -> int | None:
        """How many rows the first page needs to repeat some of what is kept; None where that is too far."""
        if nearest is None or until is None:
            return None
        size = max(weekdays(nearest.run.newest, min(until, self._shelf.today)), 0) + _OVERLAP
        return size if size <= self._source.page_limit else None

    def _is_useful(self, kept: Kept[Row]) -> bool:
        """Whether a run leads on from a page that comes to it: to the answer, to the end, or to older pages."""
        return kept.run.older is not None or self._shelf.begins(kept.run) or self._gathered.would_cover(kept)

    async def _keep(self, page: Page[Row], until: date | None) -> Run | None:
        """Keep a page; the run it became part of, where that goes on beyond the page and was taken in."""
        merged = await self._shelf.keep(
            page, until=until, follows=self._follows, anchor=self._anchor, window=self._gathered.window
        )
        if merged is None:
            self._leave()
            return None
        self._run = merged.kept.run
        self._follows = Seam(min(row.date for row in page.days), self._run.number)
        self._anchor = page.cursor if page.anchored else None
        if merged.restated and self._bridging:
            self._bridging = False
            self._gathered.restated |= set(merged.restated)
            if self._took_kept:
                raise _OfNoUse
        return self._bridge(merged.kept, ends=page.cursor is None) if self._bridging else None

    def _leave(self) -> None:
        """What follows now follows on nothing that is kept."""
        self._run = self._follows = self._anchor = None

    def _strays(self, page: Page[Row]) -> bool:
        """Whether a page that follows another has newer days than its oldest, other than those that came already."""
        oldest, here = self._gathered.oldest, self._gathered.days
        return oldest is not None and any(row.date > oldest and here.get(row.date) != row for row in page.days)

    def _bridge(self, kept: Kept[Row], *, ends: bool) -> Run | None:
        """Take in what a run has beyond what is gathered, where that leads on."""
        gathered, run = self._gathered, kept.run
        beyond = gathered.oldest is not None and run.oldest < gathered.oldest
        if not beyond or not (ends or self._is_useful(kept)):
            return None
        self._take(kept)
        return run

    def _take(self, kept: Kept[Row]) -> None:
        self._took_kept = True
        self._gathered.add_kept(kept)
        self._run = kept.run
        self._follows, self._anchor = Seam(kept.run.oldest, kept.run.number), kept.run.older

    async def _at_the_end(self) -> Ending:
        """A source that pages has come to the beginning of the history; one of fixed depth only to its own limit."""
        source, gathered, run = self._source, self._gathered, self._run
        if source.depth_limit is not None and gathered.received >= source.depth_limit:
            return Ending.SOURCE_LIMIT
        if run is not None and run.oldest == gathered.oldest and not gathered.unreadable:
            await self._shelf.begin(run.oldest, invented=gathered.sandbox)
        return Ending.HISTORY_BEGINS

    async def _on_wait(self, seconds: float) -> None:
        if seconds >= _LONG_WAIT:
            await self._report(f", waiting {seconds:.0f} s for the vendor's rate limit")

    async def _report(self, more: str = "") -> None:
        if self._progress is None:
            return
        gathered = self._gathered
        done = len(gathered.days)
        total = gathered.question.count
        oldest = f", back to {gathered.oldest}" if gathered.oldest else ""
        # MCP wants progress to increase each time, also where only the words are new.
        gathered.reported = max(done, gathered.reported + 0.01)
        await self._progress(
            gathered.reported,
            max(total, done) if total else None,
            f"{done} {gathered.unit} from {self._source.title}{oldest}{more}",
        )
