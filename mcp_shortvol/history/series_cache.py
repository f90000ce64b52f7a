"""The kept run of one source and symbol: whether it still answers, and what a fetched run makes of it."""

from datetime import date
from functools import partial
from typing import Generic

from mcp_shortvol.cache.run import Merged, Run, merge
from mcp_shortvol.cache.store import SeriesKey, Store
from mcp_shortvol.domain.calendar import count_trading_days
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.freshness import Freshness
from mcp_shortvol.sources import Paged

__all__ = ["SeriesCache"]


class SeriesCache(Generic[Row]):
    """What `store` keeps of the rows that `source` gives for `symbol`."""

    def __init__(self, store: Store, freshness: Freshness, source: Paged[Row], symbol: Symbol) -> None:
        self._store = store
        self._freshness = freshness
        self._source: Paged[Row] = source
        self._symbol = symbol

    @property
    def now(self) -> float:
        """The Unix time."""
        return self._freshness.now()

    @property
    def today(self) -> date:
        """The date in the market."""
        return self._freshness.today(self._symbol.market)

    async def load(self) -> Run[Row] | None:
        """The kept run; of a market's and a sandbox's the market's, unless the sandbox answered after it just now."""
        real = await self._store.load(self._key(invented=False), self._source.row)
        invented = await self._store.load(self._key(invented=True), self._source.row)
        if real is None or invented is None:
            return real or invented
        sandbox_is_there = self.just_checked(invented) and invented.checked_at > real.checked_at
        return invented if sandbox_is_there else real

    async def merge(self, fetched: Run[Row], until: date | None = None) -> Merged[Row]:
        """Merge a fetched run into the kept one, and keep the result where anything can be kept.

        `until` is the date up to which a run that is not the newest has every row, by default that of its newest row.
        """
        refetchable = self._source.refetchable
        change = partial(
            merge,
            fetched=fetched,
            settled_through=self._settled_through,
            until=date.max if fetched.is_newest else max(until or fetched.newest, fetched.newest),
            now=self.now,
            refetchable=refetchable,
        )
        merged = await self._store.change(self._key(invented=fetched.invented), self._source.row, change)
        return merged or Merged(fetched, joined=False)

    def is_fresh(self, run: Run[Row], question: Question) -> bool:
        """Whether the newest rows of the answer can be taken from the run without a request."""
        market, freshness = self._symbol.market, self._freshness
        if question.end is not None and self.reaches(run, question.end):
            settled = self._settled_through(run.checked_at)
            newest = next((row.date for row in run.rows if row.date <= question.end), date.min)
            if newest <= settled and freshness.past_holds(market, run.checked_at, invented=run.invented):
                return True
        return run.is_newest and freshness.newest_holds(market, run.newest, run.checked_at, invented=run.invented)

    def as_of(self, run: Run[Row], question: Question) -> float | None:
        """When the run had the newest rows of the answer; None where it never had."""
        inside = question.end is not None and self.reaches(run, question.end)
        return run.checked_at if inside or run.is_newest else None

    def newest_settled(self, run: Run[Row]) -> date:
        """The newest date of the run whose figures were final when it was checked."""
        return min(run.newest, self._settled_through(run.checked_at))

    def is_settled(self, day: date) -> bool:
        """Whether the figures of a day are final, as far as they do not get restated."""
        return day <= self._settled_through(self._freshness.now())

    def begins(self, run: Run[Row]) -> bool:
        """Whether the source can be believed to have nothing older than the run."""
        return run.begins_at is not None and self._freshness.beginning_holds(run.begins_at)

    def just_checked(self, run: Run[Row]) -> bool:
        """Whether the run is as good as fetched now, as the pages of one answer are for each other."""
        return self._freshness.just_seen(run.checked_at)

    def _settled_through(self, at: float) -> date:
        return self._freshness.settled_through(self._symbol.market, at, self._source.settling_days)

    def reaches(self, run: Run[Row], end: date) -> bool:
        """Whether no trading day can lie between the newest row and `end`."""
        return count_trading_days(self._symbol.market, run.newest, end) <= 0

    def _key(self, *, invented: bool) -> SeriesKey:
        return SeriesKey(self._source.upstream, self._source.interface, str(self._symbol), invented)
