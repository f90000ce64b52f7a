"""One symbol's place in the store: what of a source's pages is fit to be kept, and whether what is kept still holds."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Generic

from mcp_shortvol.cache.store import NOTHING_KEPT, Addition, Kept, Merged, Run, Seam, SeriesKey, Store, Window
from mcp_shortvol.domain.markets import weekdays
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.freshness import Freshness
from mcp_shortvol.sources import Page, Paged

__all__ = ["Shelf"]


class Shelf(Generic[Row]):
    """What `store` has of the rows that `source` gives for `symbol`."""

    def __init__(self, store: Store, freshness: Freshness, source: Paged[Row], symbol: Symbol) -> None:
        self._store = store
        self._freshness = freshness
        self._source: Paged[Row] = source
        self._symbol = symbol

    @property
    def today(self) -> date:
        """The date it is in the market now."""
        return self._freshness.today(self._symbol.market)

    async def look(self, window: Window) -> Kept[Row] | None:
        """The newest run with a day on or before the window's end; of a market and a sandbox the one seen last.

        Invented days that are some minutes old give way to those of a market, however old these are.
        """
        real, played, kind = self._key(False), self._key(True), self._source.row
        kept = await self._store.look((real, played), kind, window)
        if kept is not None and kept.invented and not self._freshness.just_seen(kept.run.checked_at):
            return await self._store.look((real,), kind, window) or kept
        return kept

    def holds(self, kept: Kept[Row], question: Question) -> bool:
        """Whether the newest days of the answer can be taken from what is kept, without asking."""
        run, market = kept.run, self._symbol.market
        within = question.end is not None and weekdays(run.until, question.end) <= 0
        if within and kept.settled and self._freshness.past_holds(market, run.checked_at, invented=kept.invented):
            return True
        return run.topped_at is not None and self._freshness.newest_holds(
            market, run.newest, run.topped_at, invented=kept.invented
        )

    def is_settled(self, day: date) -> bool:
        """Whether the figures of a day no longer move by themselves."""
        return day <= self._freshness.settled_through(self._symbol.market)

    def begins(self, run: Run) -> bool:
        """Whether the source can be believed to have nothing older than a run."""
        return run.begun_at is not None and self._freshness.beginning_holds(run.begun_at)

    def goes_on(self, kept: Kept[Row]) -> bool:
        """Whether what follows a run can be fetched without looking first whether the source still says the same of it.

        Where the source was at its end, what follows is the last page again, which tells by itself.
        """
        return kept.run.begun_at is not None or self._freshness.just_seen(kept.run.checked_at)

    async def keep(
        self, page: Page[Row], *, until: date | None, follows: Seam | None, anchor: str | None, window: Window
    ) -> Merged[Row] | None:
        """Keep a page of which nothing is `doubted`, missing or damaged; None where something is.

        `until` is the date up to which it was asked for, date.max for the newest there is, or None where it `follows`
        another page, at its oldest day. `anchor` is the cursor it was asked with, where that is an anchored one,
        which leads on without a gap; after any other, only a page that repeats that day is known to do so.
        """
        if self._store is NOTHING_KEPT or (rows := self._fit(page)) is None:
            return None
        newest = max(row.date for row in rows)
        if follows is not None and anchor is None and newest < follows.date:
            follows = None
        addition = Addition(
            rows=rows,
            until=until or (follows.date - timedelta(1) if follows else newest),
            joins=follows,
            # Of the last page its own cursor: whether there is really nothing older can then be asked again.
            older=anchor if page.cursor is None else page.cursor if page.anchored else None,
            newest=until == date.max,
            settled_through=self._freshness.settled_through(self._symbol.market),
            position=page.short_position,
            at=self._freshness.now(),
        )
        return await self._store.keep(self._key(page.sandbox), self._source.row, addition, window)

    def doubted(self, page: Page[Row], *, made_up: bool) -> set[date]:
        """The dates of which a page is not to be believed: those of which it says two things.

        All of them, where other rows were `made_up`, for dates that cannot be.
        """
        rows = {row.date: row for row in page.days}
        if made_up:
            return set(rows)
        return {row.date for row in page.days if rows[row.date] != row} if len(rows) < len(page.days) else set()

    async def begin(self, oldest: date, *, invented: bool) -> None:
        """Note that the source has nothing older than the run whose oldest day this is."""
        await self._store.begin(self._key(invented), oldest, self._freshness.now())

    def _key(self, invented: bool) -> SeriesKey:
        return SeriesKey(self._source.upstream, self._source.interface, str(self._symbol), invented)

    def _fit(self, page: Page[Row]) -> Sequence[Row] | None:
        """The rows of a page, each date once; None where anything in it is missing or damaged."""
        if page.unreadable or not page.days or not all(row.whole for row in page.days):
            return None
        return list({row.date: row for row in page.days}.values())
