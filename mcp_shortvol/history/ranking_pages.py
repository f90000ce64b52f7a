"""Names asked for → pages of a ranking fetched: paging by place through a list that moves while it is read.

No name comes twice, however the list moves, and none is lost while it stands still.
"""

import math
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import anyio

from mcp_shortvol.domain.errors import ShortVolumeError, out_of_time
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.progress import Progress, waiting
from mcp_shortvol.domain.ranking import Direction, OrderBy, Ranked, RankingEnding, RankingResult
from mcp_shortvol.domain.short_volume import Interruption
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sources import MOST_STALLS, RankingPage, RankingSource

__all__ = ["Drop", "fetch_ranking"]

Drop = Callable[[Ranked], str | None]
"""The reason to leave a name out, in words of the caller's; None keeps it."""

_MOST_PAGES = 90  # more than Hong Kong's whole list takes, and in time for a call's deadline at 60 requests in 30 s


class _Collected:
    """The names kept so far of `wanted`, and what became of the others."""

    def __init__(self, wanted: int, drop: Drop | None) -> None:
        self.rows: list[Ranked] = []
        self.left_out: Counter[str] = Counter()
        self.offset = 0
        self.total: int | None = None
        self.unreadable = 0
        self.repeated = 0
        self.sandbox = False
        self._wanted = wanted
        self._drop = drop
        self._seen: set[Symbol] = set()

    @property
    def missing(self) -> int:
        return self._wanted - len(self.rows)

    @property
    def every_name_counts(self) -> bool:
        """Whether a page brings as many names as it is asked for, as far as has been seen."""
        return self._drop is None and not self.repeated and not self.unreadable

    @property
    def at_the_end(self) -> bool:
        return self.total is not None and self.offset >= self.total

    def add(self, page: RankingPage) -> int:
        """Take in a page; the number of its names that had not been seen."""
        self.offset += len(page.rows) + page.unreadable
        self.total = page.total if page.total is not None else self.total
        self.unreadable += page.unreadable
        self.sandbox = self.sandbox or page.sandbox
        news = 0
        for row in page.rows:
            if not self.missing:
                break
            if row.symbol in self._seen:
                self.repeated += 1
                continue
            self._seen.add(row.symbol)
            news += 1
            if self._drop and (reason := self._drop(row)):
                self.left_out[reason] += 1
            else:
                self.rows.append(row)
        return news


async def fetch_ranking(
    source: RankingSource,
    market: Market,
    order_by: OrderBy,
    direction: Direction,
    wanted: int,
    drop: Drop | None = None,
    progress: Progress | None = None,
    *,
    deadline: float = math.inf,
) -> RankingResult:
    """The first `wanted` names of a ranking that `drop` keeps, or those read by `deadline`, a time of the event loop.

    Raises what the source raises before it gave any.
    """
    collected = _Collected(wanted, drop)

    async def report(more: str = "") -> None:
        if progress is not None:
            await progress(len(collected.rows), wanted, f"{collected.offset} names read from {source.title}{more}")

    async def on_wait(seconds: float) -> None:
        if words := waiting(seconds):
            await report(words)

    async def read_page() -> RankingPage:
        count = min(source.page_limit, collected.missing) if collected.every_name_counts else source.page_limit
        return await source.fetch_ranking(market, order_by, direction, collected.offset, count, on_wait)

    fetched_at = datetime.now(UTC)
    interruption = None
    began = anyio.current_time()
    try:
        with anyio.fail_after(deadline - began):
            ending = await _read_down(collected, read_page, report)
    except (ShortVolumeError, TimeoutError) as error:
        failure = error if isinstance(error, ShortVolumeError) else out_of_time(deadline - began)
        if not collected.rows:
            raise failure from None
        ending = RankingEnding.INTERRUPTED
        interruption = Interruption(failure.what, failure.next_step, None)
    return RankingResult(
        market=market,
        order_by=order_by,
        direction=direction,
        source=f"sandbox:{source.name}" if collected.sandbox else source.name,
        ratio_basis=source.ratio_basis(market),
        rows=collected.rows,
        total=collected.total,
        left_out=collected.left_out,
        unreadable=collected.unreadable,
        ending=ending,
        fetched_at=fetched_at,
        interruption=interruption,
    )


async def _read_down(
    collected: _Collected, read_page: Callable[[], Awaitable[RankingPage]], report: Callable[[], Awaitable[None]]
) -> RankingEnding:
    """Read pages into `collected` until it has what is wanted or there is no more; how it ended."""
    stalls = 0
    for _ in range(_MOST_PAGES):
        before = collected.offset
        news = collected.add(await read_page())
        if not collected.missing:
            return RankingEnding.COVERED
        if collected.offset == before or collected.at_the_end:
            return RankingEnding.LIST_ENDS
        stalls = 0 if news else stalls + 1
        if stalls == MOST_STALLS:
            return RankingEnding.STALLED
        await report()
    return RankingEnding.READ_LIMIT
