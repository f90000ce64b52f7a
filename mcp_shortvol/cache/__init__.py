"""The rows that were fetched, kept for the next question: one run without a gap for each series."""

from mcp_shortvol.cache.open import open_store
from mcp_shortvol.cache.run import OVERLAP, Run, merge
from mcp_shortvol.cache.store import NOTHING_KEPT, Extent, SeriesKey, Store

__all__ = ["NOTHING_KEPT", "OVERLAP", "Extent", "Run", "SeriesKey", "Store", "merge", "open_store"]
