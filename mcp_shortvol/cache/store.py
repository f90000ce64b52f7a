"""What a store of fetched rows is: runs of days without a gap, by series.

A series is what one upstream says of one symbol through one interface; two gateways never share one, and invented days
never stand among real ones. Within a series, a run says that every trading day between its oldest and its newest is
here; between two runs nothing is known. Rows come in by pages, of which each is true by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, NamedTuple, Protocol

from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_volume import ShortPosition

__all__ = [
    "NOTHING_KEPT",
    "PROOF",
    "Addition",
    "Extent",
    "Kept",
    "Merged",
    "NoStore",
    "Run",
    "Seam",
    "SeriesKey",
    "Store",
    "Window",
]


PROOF = 10
"""Rows that a page and a run must share to be taken for one: a split, or a late day, is often told some days later."""


class SeriesKey(NamedTuple):
    """Whose rows: the upstream by address and account, the interface, the symbol, and whether they are invented."""

    upstream: str
    interface: str
    symbol: str
    invented: bool


@dataclass(frozen=True, slots=True)
class Run:
    """A run without a gap, and without a day between `newest` and `until`. Times are Unix seconds.

    `number` tells the run from any that took its place since. `older` is the cursor under which the source gives what
    is older than `oldest`, perhaps after some rows that are here already; None where that is not known.
    `begun_at` is when the source last said that there is nothing older, `topped_at` when it last had nothing newer,
    `checked_at` when a page last said of its newest days what is kept.
    """

    number: int
    oldest: date
    newest: date
    until: date
    older: str | None
    begun_at: float | None
    topped_at: float | None
    checked_at: float


@dataclass(frozen=True, slots=True)
class Window:
    """The rows wanted: on or before `end`, on or after `start`, the newest `limit` of them."""

    start: date | None
    end: date | None
    limit: int


@dataclass(frozen=True, slots=True)
class Kept(Generic[Row]):
    """A run, and its rows in a window, newest first; `settled` says that each of them was so when it was last seen."""

    run: Run
    rows: Sequence[Row]
    settled: bool
    invented: bool
    position: ShortPosition | None


class Seam(NamedTuple):
    """A kept row, by its date and the number of the run it was in."""

    date: date
    run: int


@dataclass(frozen=True, slots=True)
class Addition(Generic[Row]):
    """A page to be kept: rows without a gap, each date once.

    `until` is how far it goes: the source gave nothing between the newest row and this date. `joins` is the kept row
    that the page follows without a gap, `older` the cursor to what follows the page. `newest` says that the source had
    nothing newer at all. Rows up to `settled_through` no longer move by themselves: if they differ from what is kept,
    the source has restated them.
    """

    rows: Sequence[Row]
    until: date
    joins: Seam | None
    older: str | None
    newest: bool
    settled_through: date
    position: ShortPosition | None
    at: float


@dataclass(frozen=True, slots=True)
class Merged(Generic[Row]):
    """What became of an addition: the run it is part of now, with its rows older than the addition, and the dates on
    which it contradicted what was kept.
    """

    kept: Kept[Row]
    restated: Sequence[date]


class Extent(NamedTuple):
    """How many series and rows are kept."""

    series: int
    rows: int


class Store(Protocol):
    """Keeps rows. It may forget at any time, as a file does that somebody deletes; no failure of its own is raised."""

    async def look(self, keys: Sequence[SeriesKey], kind: type[Row], window: Window) -> Kept[Row] | None:
        """The newest run that has a day on or before the window's end, and its rows in the window.

        Of several series the one that was seen last.
        """

    async def keep(
        self, key: SeriesKey, kind: type[Row], addition: Addition[Row], window: Window
    ) -> Merged[Row] | None:
        """Keep a page, all of it or nothing; what is older than it in the run and the window, or None where it failed.

        What is kept is contradicted as a whole: where the page says otherwise of a settled day, the run that has that
        day is dropped, and the page begins a new one. It is joined with a run with which it shares PROOF rows, or all
        that the run has; of a run with which it shares fewer, those are its own from now on.
        """

    async def begin(self, key: SeriesKey, oldest: date, at: float) -> None:
        """Note that the source has nothing older than the run whose oldest day this is."""

    async def extent(self) -> Extent | None:
        """How much is kept; None where nothing can be."""

    async def aclose(self) -> None:
        """Give up what the store holds open."""


class NoStore:
    """Keeps nothing."""

    async def look(self, keys: Sequence[SeriesKey], kind: type[Row], window: Window) -> Kept[Row] | None:
        """See Store."""

    async def keep(
        self, key: SeriesKey, kind: type[Row], addition: Addition[Row], window: Window
    ) -> Merged[Row] | None:
        """See Store."""

    async def begin(self, key: SeriesKey, oldest: date, at: float) -> None:
        """See Store."""

    async def extent(self) -> Extent | None:
        """See Store."""

    async def aclose(self) -> None:
        """See Store."""


NOTHING_KEPT = NoStore()
