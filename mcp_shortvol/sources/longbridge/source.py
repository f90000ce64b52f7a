"""Longbridge's short trades as a source of days.

The fields mean what arithmetic says, not what the vendor's pages say: in Hong Kong `amount` is shares and `balance` the
HKD value of those sales; in the US `total_amount` is total volume, and short volume is the sum of the Nasdaq and the
NYSE part; `rate` is a fraction. The US rows are the Nasdaq exchange's day: the Nasdaq part equals Futu's to the share,
the total is 21 to 29 % of the volume of all venues, and the NYSE part is 0 where Futu's is not: it is missing.
"""

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Day
from mcp_shortvol.sources.longbridge.pages import LongbridgePages
from mcp_shortvol.sources.longbridge.rows import Cells, RowReaders

__all__ = ["DAYS", "LongbridgeSource"]


def _hong_kong(cells: Cells, timestamp: int) -> Day:
    return Day(
        date=Market.HK.date_of(timestamp),
        short_volume=cells.shares("amount"),
        total_volume=cells.shares("total_amount"),
        close=cells.amount("close"),
        short_turnover=cells.amount("balance"),
        source_ratio_pct=cells.percent("rate"),
        damaged=cells.damaged,
    )


def _united_states(cells: Cells, timestamp: int) -> Day:
    nasdaq, nyse = cells.shares("nus_amount"), cells.shares("ny_amount")
    return Day(
        date=Market.US.date_of(timestamp),
        short_volume=None if nasdaq is None or nyse is None else nasdaq + nyse,
        total_volume=cells.shares("total_amount"),
        close=cells.amount("close"),
        source_ratio_pct=cells.percent("rate"),
        nasdaq_short_volume=nasdaq,
        nyse_short_volume=nyse,
        damaged=cells.damaged,
    )


DAYS: RowReaders[Day] = {Market.HK: _hong_kong, Market.US: _united_states}
"""What makes a day of a market's row."""


class LongbridgeSource(LongbridgePages[Day]):
    """Short trades over Longbridge OpenAPI."""

    interface = "short_volume"
    row = Day
    _history = "short-trades"
    _counts = ("page_size",)
    _readers = DAYS

    def ratio_basis(self, market: Market) -> str:
        """What `short_ratio_pct` is a share of: one exchange's volume in either market."""
        return "HKEX shares traded" if market is Market.HK else "volume Longbridge reports, the Nasdaq exchange's"

    def caveat(self, market: Market) -> str:
        """Which part of US trading the figures cover."""
        if market is Market.HK:
            return ""
        return "Longbridge's US volumes are the Nasdaq exchange's, about a quarter of all trading in a stock."

    def gives_position(self, market: Market) -> bool:  # noqa: ARG002 - see the Source protocol
        """Never: short positions are another interface of Longbridge's."""
        return False
