"""A question becomes pages of a source, and the pages become rows; rows that are kept are not asked for again.

`History` itself is imported from `history.history` on first use: the start-up path does not pay for it.
"""

from mcp_shortvol.history.freshness import Freshness
from mcp_shortvol.history.ranking_pages import fetch_ranking

__all__ = ["Freshness", "fetch_ranking"]
