"""Longbridge's short trades as a source of days.

The fields mean what arithmetic says, not what the vendor's pages say: in Hong Kong `amount` is shares and `balance` the
HKD value of those sales; in the US `total_amount` is total volume, and short volume is the sum of the Nasdaq and the
NYSE part; `rate` is a fraction.
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
        """What `short_ratio_pct` is a share of: the exchange's volume in Hong Kong, Longbridge's own feed in the US."""
        return "HKEX shares traded" if market is Market.HK else "volume Longbridge reports"
