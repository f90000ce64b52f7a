"""The invented market from which every simulated gateway takes its figures: days, positions and rankings."""

from mcp_shortvol.sandbox.market.days import FIRST_DAY, MarketDay, days, listings
from mcp_shortvol.sandbox.market.positions import Position, reports
from mcp_shortvol.sandbox.market.ranking import RankedStock, ranked_stocks

__all__ = [
    "FIRST_DAY",
    "MarketDay",
    "Position",
    "RankedStock",
    "days",
    "listings",
    "ranked_stocks",
    "reports",
]
