"""Futu's and moomoo's own gateway program, OpenD, over its TCP interface: no vendor SDK, no protobuf.

frame → messages → link (one TCP connection) → connection (the one that is kept) → source (pages of days), interest
(pages of reports), ranking (pages of names)
"""

from mcp_shortvol.sources.opend.connection import OpenD
from mcp_shortvol.sources.opend.interest import OpenDInterest
from mcp_shortvol.sources.opend.ranking import OpenDRanking
from mcp_shortvol.sources.opend.source import OpenDSource

__all__ = ["OpenD", "OpenDInterest", "OpenDRanking", "OpenDSource"]
