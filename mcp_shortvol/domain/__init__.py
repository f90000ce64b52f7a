"""The words of the field, without a vendor or a protocol: symbols, markets, the calendar, questions, rows, errors."""

from mcp_shortvol.domain.errors import InvalidRequest, NotConfigured, SetupError, ShortVolumeError, UpstreamError
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.progress import Progress
from mcp_shortvol.domain.question import EARLIEST, MAX_DAYS, Question
from mcp_shortvol.domain.ranking import Direction, OrderBy, Ranked, RankingEnding, RankingResult
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_interest import InterestSeries, Report
from mcp_shortvol.domain.short_volume import Day, Ending, Interruption, Series, ShortPosition
from mcp_shortvol.domain.symbols import Symbol

__all__ = [
    "EARLIEST",
    "MAX_DAYS",
    "Day",
    "Direction",
    "Ending",
    "InterestSeries",
    "Interruption",
    "InvalidRequest",
    "Market",
    "NotConfigured",
    "OrderBy",
    "Progress",
    "Question",
    "Ranked",
    "RankingEnding",
    "RankingResult",
    "Report",
    "Row",
    "Series",
    "SetupError",
    "ShortPosition",
    "ShortVolumeError",
    "Symbol",
    "UpstreamError",
]
