"""What a vendor is to the rest of the house: a name, and pages of rows going back in time.

A source knows one vendor's wire and nothing of MCP, of paging policy or of answers. Paging, quotas across pages and the
days kept belong to `history`, which treats every source alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, Protocol

from mcp_shortvol.domain.market_day import MarketDay
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.progress import Progress
from mcp_shortvol.domain.ranking import Direction, OrderBy, Ranked
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.short_volume import Day, ShortPosition
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.quotas.quota import OnWait

__all__ = [
    "MOST_STALLS",
    "InterestSource",
    "MarketSource",
    "Page",
    "Paged",
    "RankingPage",
    "RankingSource",
    "Source",
    "Vendor",
]

MOST_STALLS = 3
"""Pages in a row without a new row, after which a source is taken to go in circles."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One answer of a vendor: rows in any order, possibly repeated, and where the next older page starts.

    `cursor` is None when the vendor says that there is nothing older; it is `anchored` where it names the oldest row
    itself, so that it will mean the same on another day. `unreadable` counts rows lost for want of a readable date; a
    figure that could not be read marks its row as damaged. `limited` says that there may be older rows which the vendor
    does not give through this interface. `implausible` are the dates of rows that were left out
    because they cannot be true. `sandbox` is set when the answer identified itself as invented.
    """

    days: Sequence[Row]
    cursor: str | None
    anchored: bool = False
    limited: bool = False
    unreadable: int = 0
    implausible: Sequence[date] = ()
    sandbox: bool = False
    short_position: ShortPosition | None = None

    @property
    def sent(self) -> int:
        """How many rows the vendor sent, whatever became of them."""
        return len(self.days) + self.unreadable + len(self.implausible)


class Named(Protocol):
    """A vendor's two names."""

    @property
    def name(self) -> str:
        """In the one vocabulary of settings, arguments and answers, such as "longbridge"."""

    @property
    def title(self) -> str:
        """As a person says it, such as "Longbridge"."""


class Paged(Named, Protocol[Row]):
    """One vendor's interface to something that goes back in time, page by page."""

    @property
    def upstream(self) -> str:
        """Whom it asks: the address, and the account where it is known, without a secret in it."""

    @property
    def interface(self) -> str:
        """What it asks for, such as "short_volume"."""

    @property
    def row(self) -> type[Row]:
        """The type of its rows."""

    @property
    def page_limit(self) -> int:
        """The most rows the vendor gives in one page."""

    @property
    def overlap(self) -> int:
        """How many rows of the page before a page is known to possibly repeat."""

    @property
    def refetchable(self) -> bool:
        """Whether the vendor gives every row it ever gave again; False where it gives the newer ones only."""

    @property
    def older_rows(self) -> str:
        """A sentence on where the rows are to be had that a `limited` page cuts off; empty where none is limited."""

    @property
    def settling_days(self) -> int:
        """For how many further trading days the vendor may still correct the figures of a day."""

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:
        """Where the page that ends with `end` starts, for vendors that can jump; None starts at the newest row."""

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Row]:
        """One page of at most `size` rows from `cursor` back in time; raises errors of `domain.errors` only.

        `on_wait` is called when the vendor's quota makes the call wait.
        """


class Source(Paged[Day], Protocol):
    """One vendor's interface to daily short volume."""

    def ratio_basis(self, market: Market) -> str:
        """What this vendor's short ratio is a share of, in words."""

    def caveat(self, market: Market) -> str:
        """What somebody who quotes this vendor's figures must know of them; empty where there is nothing."""

    def gives_position(self, market: Market) -> bool:
        """Whether the vendor sends the newest short position beside the days."""


class InterestSource(Paged[Report], Protocol):
    """One vendor's interface to short interest."""

    def pct_basis(self, market: Market) -> str:
        """What this vendor's `short_interest_pct` is a percentage of, in words."""

    def caveat(self, market: Market) -> str:
        """What somebody who quotes this vendor's figures must know of them; empty where there is nothing."""


@dataclass(frozen=True, slots=True)
class RankingPage:
    """One answer of a vendor about a ranking: names in its order, and how many the whole list has, where it says so.

    `unreadable` counts the names whose security could not be read, so that they have no identity; they
    took up places in the list all the same. `sandbox` is set when the answer identified itself as invented.
    """

    rows: Sequence[Ranked]
    total: int | None
    unreadable: int = 0
    sandbox: bool = False


class RankingSource(Named, Protocol):
    """One vendor's ranking of a market's names by a figure of short selling."""

    @property
    def page_limit(self) -> int:
        """The most names the vendor gives in one page."""

    def ratio_basis(self, market: Market) -> str:
        """What this vendor's short ratio is a share of, in words."""

    async def fetch_ranking(
        self,
        market: Market,
        order_by: OrderBy,
        direction: Direction,
        offset: int,
        count: int,
        on_wait: OnWait | None = None,
    ) -> RankingPage:
        """At most `count` names from place `offset` on, counted from 0; raises errors of `domain.errors` only.

        The list may move between two pages. `on_wait` is called when the vendor's quota makes the call wait.
        """


class MarketSource(Named, Protocol):
    """One vendor's whole market of a day."""

    @property
    def upstream(self) -> str:
        """Whom it asks: the address, and the account where it is known, without a secret in it."""

    @property
    def ratio_basis(self) -> str:
        """What a short ratio is a share of, in words."""

    @property
    def settling_days(self) -> int:
        """For how many further trading days the vendor may still correct the figures of a day."""

    async def fetch_day(self, day: date, on_wait: OnWait | None = None, progress: Progress | None = None) -> MarketDay:
        """Every name of a trading day; without names where the vendor has none of it, or not yet.

        Raises errors of `domain.errors` only. `progress` is told how many records are here, of how many.
        """


@dataclass(frozen=True, slots=True)
class Vendor:
    """What one vendor offers through one gateway; `ranking` and `market` are None where it has none."""

    volume: Source
    interest: InterestSource
    ranking: RankingSource | None = None
    market: MarketSource | None = None
