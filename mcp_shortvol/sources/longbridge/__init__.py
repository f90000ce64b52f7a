"""Longbridge OpenAPI: short trades and short positions over signed HTTP."""

from mcp_shortvol.sources.longbridge.interest import LongbridgeInterest
from mcp_shortvol.sources.longbridge.open import open_longbridge
from mcp_shortvol.sources.longbridge.source import LongbridgeSource

__all__ = ["LongbridgeInterest", "LongbridgeSource", "open_longbridge"]
