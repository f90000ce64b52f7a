"""The rows that sources give and stores keep: a day of short volume, or a report of short interest."""

from typing import TypeVar

from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.short_volume import Day

__all__ = ["Row"]

Row = TypeVar("Row", Day, Report)
"""Either kind begins with its date, at most one a date, and ends with whether it is damaged."""
