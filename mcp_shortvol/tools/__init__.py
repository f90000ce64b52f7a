"""The tools an assistant sees, one a file, and what they share: arguments and strictness."""

from mcp_shortvol.tools.compare_short_volume import compare_short_volume_tool
from mcp_shortvol.tools.get_daily_short_volume import get_daily_short_volume_tool
from mcp_shortvol.tools.get_short_interest import get_short_interest_tool
from mcp_shortvol.tools.get_short_trades import get_short_trades_tool
from mcp_shortvol.tools.get_short_volume_by_venue import get_short_volume_by_venue_tool
from mcp_shortvol.tools.rank_short_selling import rank_short_selling_tool
from mcp_shortvol.tools.screen_short_volume import screen_short_volume_tool

__all__ = [
    "compare_short_volume_tool",
    "get_daily_short_volume_tool",
    "get_short_interest_tool",
    "get_short_trades_tool",
    "get_short_volume_by_venue_tool",
    "rank_short_selling_tool",
    "screen_short_volume_tool",
]
