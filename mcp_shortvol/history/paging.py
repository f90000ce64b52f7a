"""Days asked for → pages fetched: the one piece of paging for every source, around what is kept already.

A source gives a page for a cursor; what its cursor means is its own affair. Whatever the page size, whether a cursor
includes its own day or not, in whatever order days come and however pages overlap, no day is lost and none repeated.

Of what is kept the newest days are taken as they are while they hold. After that the newest page is fetched, a small
one where it will reach what is kept; where the two agree, the kept run stands for the pages it was made of, and paging
goes on from its end. Where they do not, nothing kept is used.
"""

from datetime import date
from typing import Generic

from mcp_shortvol.cache.store import PROOF, Kept, Run, Seam, Window
from mcp_shortvol.domain.errors import UnknownSecurity, UpstreamChanged, UpstreamFault
from mcp_shortvol.domain.markets import weekdays
from mcp_shortvol.domain.progress import Progress, waiting
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_volume import Ending
from mcp_shortvol.history.gathering import Gathered
from mcp_shortvol.history.shelf import Shelf
from mcp_shortvol.history.slips import with_dates_that_can_be
from mcp_shortvol.history.walk import Step, Walk
from mcp_shortvol.sources import Page, Paged

__all__ = ["Paging"]


class _OfNoUse(Exception):
    """What is here cannot be gone on from: it is contradicted, its cursor refused, or only one of both is invented."""


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
            try:
                self._gathered.ending = await self._page_back(None)
            except _OfNoUse:
                raise UpstreamFault(
                    f"{self._source.title} changed its figures while they were read.",
                    "Ask again; where a sandbox and a gateway take turns at its address, stop one of them.",
                ) from None

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
        source, gathered = self._source, self._gathered
        walk = self._set_out(nearest) if cursor is None else self._set_out_from(cursor)
        while True:
            size = walk.size(source.page_limit, gathered.missing, gathered.oldest)
            sent = await self._fetch(walk, size, nearest)
            page = with_dates_that_can_be(sent, self._shelf.today)
            made_up = len(page.days) < len(sent.days)
            before = len(gathered.days)
            repeated, goes_on = await self._take_in(page, walk.until, made_up=made_up)
            walk.arrived()
            if gathered.covered:
                return Ending.COVERED
            if goes_on is not None:
                if self._shelf.begins(goes_on):
                    return Ending.HISTORY_BEGINS
                if walk.resume(goes_on.older):
                    continue
            step = walk.step(
                page,
                size,
                news=len(gathered.days) - before,
                repeated=repeated,
                page_limit=source.page_limit,
                oldest=gathered.oldest,
            )
            if step is Step.END:
                return await self._at_the_end()
            if step is Step.STALLED:
                return Ending.STALLED
            if step is Step.WHOLE:
                gathered.received = 0
            elif step is Step.NEXT:
                await self._report()

    def _set_out(self, nearest: Kept[Row] | None) -> Walk:
        """The way back from the newest page wanted."""
        source, question = self._source, self._question
        cursor = source.first_cursor(question.symbol, question.end)
        end = question.end if cursor is None else None  # a source that jumped to the end has no newer rows to skip
        until = self._until(end)
        walk = Walk(cursor, end=end, until=until, may_repeat=source.overlap)
        if nearest is not None and (rows := self._rows_to_reach(nearest, until)) is not None:
            walk.reach(rows, nearest.run.oldest, reduced=self._is_useful(nearest))
        return walk

    def _set_out_from(self, cursor: str) -> Walk:
        """The way back from where what is kept ends."""
        return Walk(cursor, end=None, until=None, may_repeat=self._source.overlap)

    async def _fetch(self, walk: Walk, size: int, nearest: Kept[Row] | None) -> Page[Row]:
        """The next page; raises what the source raises, and _OfNoUse where it does not go with what is here."""
        source, gathered = self._source, self._gathered
        try:
            page = await source.fetch_page(self._question.symbol, walk.cursor, size, self._on_wait)
        except (UnknownSecurity, UpstreamChanged, UpstreamFault):
            if walk.resumed:
                raise _OfNoUse from None
            raise
        if walk.first and nearest is not None and nearest.invented == page.sandbox and not page.days:
            raise UpstreamFault(f"{source.title} sent no rows, though it had some before.", "Ask again later.")
        if gathered.days and page.days and page.sandbox != gathered.sandbox:
            raise _OfNoUse
        return page

    async def _take_in(self, page: Page[Row], until: date | None, *, made_up: bool) -> tuple[int, Run | None]:
        """Gather a page and keep it: how many of its dates were here, and the run that it was found to go on with."""
        doubted = self._shelf.doubted(page, made_up=made_up)
        restated = self._restated_by(page)
        if self._took_kept and restated - doubted:
            self._gathered.restated |= restated - doubted
            await self._keep(page, until)  # so that the store forgets what it contradicts
            raise _OfNoUse
        if not self._took_kept and self._gathered.oldest in restated:  # the source changed between two pages
            raise _OfNoUse
        doubted |= self._strays(page)
        repeated = self._gathered.add(page, doubted)
        if not doubted:
            return repeated, await self._keep(page, until)
        self._leave()
        return repeated, None

    def _until(self, end_to_skip_to: date | None) -> date:
        """The date up to which a first page speaks: of all there is, or of the time up to the end asked for."""
        end = self._question.end
        jumped = end_to_skip_to is None and end is not None and end < self._shelf.today
        return end if jumped and end is not None else date.max

    def _rows_to_reach(self, nearest: Kept[Row], until: date) -> int | None:
        """How many rows the first page needs to repeat some of what is kept; None where that is too far."""
        size = max(weekdays(nearest.run.newest, min(until, self._shelf.today)), 0) + PROOF
        return size if size <= self._source.page_limit else None

    def _is_useful(self, kept: Kept[Row]) -> bool:
        """Whether a run leads on from a page that comes to it: to the answer, to the end, or to older pages."""
        return kept.run.older is not None or self._shelf.begins(kept.run) or self._gathered.would_cover(kept)

    async def _keep(self, page: Page[Row], until: date | None) -> Run | None:
        """Keep a page; the run it became part of, where that goes on beyond the page and was taken in."""
        if not page.days and not page.unreadable:  # the end, of which there is nothing to keep
            return None
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

    def _restated_by(self, page: Page[Row]) -> set[date]:
        """The settled days that are here, and of which a page that follows says something else."""
        here = self._gathered.days
        again = [row for row in page.days if row.date in here and row != here[row.date]]
        return {row.date for row in again if row.whole and here[row.date].whole and self._shelf.is_settled(row.date)}

    def _strays(self, page: Page[Row]) -> set[date]:
        """The days of a page that follows another which are newer than its oldest, and not those that came already."""
        oldest, here = self._gathered.oldest, self._gathered.days
        if oldest is None:
            return set()
        return {row.date for row in page.days if row.date > oldest and here.get(row.date) != row}

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
        if words := waiting(seconds):
            await self._report(words)

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
