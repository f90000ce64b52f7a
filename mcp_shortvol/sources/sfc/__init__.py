"""The SFC's weekly file of reportable short positions in Hong Kong: one CSV a week answers every stock."""

from mcp_shortvol.sources.sfc.files import Week, WeekKeeper

__all__ = ["Week", "WeekKeeper"]
