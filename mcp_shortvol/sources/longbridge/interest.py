"""Longbridge's short positions as a source of reports.

Here too arithmetic decides: in Hong Kong `amount` is shares, `cost` the close of that day and `balance` their product
in HKD; `rate` is a fraction, of issued shares in Hong Kong and of shares outstanding in the US, not of the float.
"""

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.sources.longbridge.pages import LongbridgePages
from mcp_shortvol.sources.longbridge.rows import Cells, RowReaders

__all__ = ["REPORTS", "LongbridgeInterest"]


def _hong_kong(cells: Cells, timestamp: int) -> Report:
    return Report(
        date=Market.HK.date_of(timestamp),
        short_interest=cells.shares("amount"),
        short_interest_pct=cells.percent("rate"),
        close=cells.amount("cost"),
        short_interest_value=cells.amount("balance"),
        damaged=cells.damaged,
    )


def _united_states(cells: Cells, timestamp: int) -> Report:
    return Report(
        date=Market.US.date_of(timestamp),
        short_interest=cells.shares("current_shares_short"),
        short_interest_pct=cells.percent("rate"),
        close=cells.amount("close"),
        average_daily_volume=cells.shares("avg_daily_share_volume"),
        source_days_to_cover=cells.amount("days_to_cover"),
        damaged=cells.damaged,
    )


REPORTS: RowReaders[Report] = {Market.HK: _hong_kong, Market.US: _united_states}
"""What makes a report of a market's row."""


class LongbridgeInterest(LongbridgePages[Report]):
    """Short positions over Longbridge OpenAPI."""

    interface = "short_interest"
    row = Report
    _history = "short-positions"
    _counts = ("count", "page_size")  # the vendor's SDK sends the one, its CLI the other
    _readers = REPORTS

    def caveat(self, market: Market) -> str:  # noqa: ARG002 - see the InterestSource protocol
        """Nothing that the answer does not say by itself."""
        return ""

    def pct_basis(self, market: Market) -> str:
        """What `short_interest_pct` is a percentage of."""
        return "issued shares" if market is Market.HK else "shares outstanding"
