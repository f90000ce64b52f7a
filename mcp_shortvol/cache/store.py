"""What a store of kept rows is: one run a series, read and changed as a whole.

A series is what one upstream says of one symbol through one interface. Two gateways never share a series, and invented
rows have series of their own.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from mcp_shortvol.cache.run import Merged, Run
from mcp_shortvol.domain.rows import Row

__all__ = ["NOTHING_KEPT", "Extent", "NoStore", "SeriesKey", "Store"]


class SeriesKey(NamedTuple):
    """Whose rows: the upstream by address and account, the interface, the symbol, and whether they are invented."""

    upstream: str
    interface: str
    symbol: str
    invented: bool


class Extent(NamedTuple):
    """How many series and rows are kept."""

    series: int
    rows: int


class Store(Protocol):
    """Keeps one run a series. It may forget at any time, as a file that is deleted does. It raises no failure."""

    async def load(self, key: SeriesKey, kind: type[Row]) -> Run[Row] | None:
        """The run of a series; None where there is none."""

    async def change(
        self, key: SeriesKey, kind: type[Row], merge: Callable[[Run[Row] | None], Merged[Row]]
    ) -> Merged[Row] | None:
        """Replace the run of a series by what `merge` makes of it, as one atomic step; None where nothing can be kept.

        `merge` is a pure function: it may be called again where another process wrote meanwhile.
        """

    async def extent(self) -> Extent | None:
        """How much is kept; None where nothing can be kept."""

    async def symbols(self) -> Sequence[str]:
        """The symbols of which rows are kept, the one that was checked last first."""

    async def aclose(self) -> None:
        """Close what the store holds open."""


class NoStore:
    """Keeps nothing."""

    async def load(self, key: SeriesKey, kind: type[Row]) -> Run[Row] | None:
        """See Store."""

    async def change(
        self, key: SeriesKey, kind: type[Row], merge: Callable[[Run[Row] | None], Merged[Row]]
    ) -> Merged[Row] | None:
        """See Store."""

    async def extent(self) -> Extent | None:
        """See Store."""

    async def symbols(self) -> Sequence[str]:
        """See Store."""
        return ()

    async def aclose(self) -> None:
        """See Store."""


NOTHING_KEPT = NoStore()
