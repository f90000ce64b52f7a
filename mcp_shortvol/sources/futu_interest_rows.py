"""The formats of Futu's rows of short interest; `futu_rows` decodes them as it does days.

The US rows carry FINRA's days to cover, floor and sentinels included, and a percentage of something Futu does not name;
Hong Kong's carry the SFC's aggregated positions and percent of shares issued.
"""

from collections.abc import Mapping

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.sources.futu_rows import RowFormat, Rows, read_rows

__all__ = ["CLOUD_REPORTS", "OPEND_REPORTS", "PCT_BASES", "read_reports"]

PCT_BASES = {Market.US: "a base Futu does not name", Market.HK: "issued shares"}
"""What Futu's `short_interest_pct` is a percentage of, in words."""

OPEND_REPORTS: Mapping[Market, RowFormat[Report]] = {
    Market.US: RowFormat(
        row=Report,
        date="timestampStr",
        timestamp="timestamp",
        ticks_per_second=1,
        counts={"short_interest": "sharesShort", "average_daily_volume": "avgDailyShareVolume"},
        amounts={
            "short_interest_pct": "shortPercent",
            "source_days_to_cover": "daysToCover",
            "close": "closePrice",
            "previous_close": "lastClosePrice",
        },
    ),
    Market.HK: RowFormat(
        row=Report,
        date="timestampStr",
        timestamp="timestamp",
        ticks_per_second=1,
        counts={"short_interest": "aggregatedShort"},
        amounts={
            "short_interest_pct": "aggregatedShortRatio",
            "close": "closePrice",
            "previous_close": "lastClosePrice",
        },
    ),
}

CLOUD_REPORTS = {market: row_format.as_in_the_cloud() for market, row_format in OPEND_REPORTS.items()}


def read_reports(items: object, row_format: RowFormat[Report], market: Market) -> Rows[Report]:
    """The reports of one answer's list of rows, absent where there are none; raises UpstreamChanged as `read_rows`."""
    return read_rows(items, row_format, market)
