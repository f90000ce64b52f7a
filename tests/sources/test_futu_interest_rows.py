"""Futu's reports of short interest: published figures exactly, the vendor's days to cover as it sends them."""

from datetime import date

import pytest

from mcp_shortvol.domain.errors import UpstreamChanged
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.sources.futu_interest_rows import CLOUD_REPORTS, OPEND_REPORTS, read_reports

HK_ROW = {
    "timestamp": "1777478400",  # 2026-04-29T16:00:00Z
    "timestampStr": "2026-04-30",
    "closePrice": 467.8,
    "lastClosePrice": 479.2,
    "aggregatedShort": "51480638",
    "aggregatedShortRatio": 0.56,
}
CLOUD_HK_ROW = {
    "timestamp": 1777478400000,
    "timestamp_str": "2026-04-30",
    "close_price": 467.8,
    "last_close_price": 479.2,
    "aggregated_short": "51480638",
    "aggregated_short_ratio": 0.56,
    "avg_cost": 480.1,
}
HK_REPORT = Report(date(2026, 4, 30), 51480638, 0.56, 467.8, 479.2)
US_ROW = {
    "timestamp": "1774929600",
    "timestampStr": "2026-03-31",
    "sharesShort": "65598603",
    "shortPercent": 1.75,
    "avgDailyShareVolume": "62121644",
    "daysToCover": 1.06,
    "closePrice": 371.75,
    "lastClosePrice": 370.1,
}
CLOUD_US_ROW = {
    "timestamp": "1774929600000",
    "timestamp_str": "2026-03-31",
    "shares_short": "65598603",
    "short_percent": "1.75",
    "avg_daily_share_volume": "62121644",
    "avg_daily_short_volume": "9000000",
    "days_to_cover": 1.06,
    "close_price": 371.75,
    "last_close_price": 370.1,
}
US_REPORT = Report(
    date=date(2026, 3, 31),
    short_interest=65598603,
    short_interest_pct=1.75,
    close=371.75,
    previous_close=370.1,
    average_daily_volume=62121644,
    source_days_to_cover=1.06,
)


@pytest.mark.parametrize("row", [HK_ROW, {**HK_ROW, "timestampStr": None}])
def test_opends_hong_kong_row_in_the_markets_date(row: dict[str, object]) -> None:
    assert read_reports([row], OPEND_REPORTS[Market.HK], Market.HK).days == [HK_REPORT]


@pytest.mark.parametrize("row", [CLOUD_HK_ROW, {**CLOUD_HK_ROW, "timestamp_str": None}])
def test_the_clouds_hong_kong_row_is_the_same(row: dict[str, object]) -> None:
    assert read_reports([row], CLOUD_REPORTS[Market.HK], Market.HK).days == [HK_REPORT]


def test_us_rows_carry_the_average_volume_and_the_vendors_days_to_cover() -> None:
    assert read_reports([US_ROW], OPEND_REPORTS[Market.US], Market.US).days == [US_REPORT]
    assert read_reports([CLOUD_US_ROW], CLOUD_REPORTS[Market.US], Market.US).days == [US_REPORT]


@pytest.mark.parametrize("days_to_cover", [999.99, 1000, 1.0, "999.99"])
def test_floor_and_sentinels_are_passed_on_as_they_are(days_to_cover: object) -> None:
    (report,) = read_reports([{**US_ROW, "daysToCover": days_to_cover}], OPEND_REPORTS[Market.US], Market.US).days
    assert report.source_days_to_cover == float(str(days_to_cover))


def test_a_missing_figure_is_none_and_a_damaged_one_marks_its_report() -> None:
    missing = {"timestampStr": "2026-03-31", "sharesShort": None}
    damaged = {**US_ROW, "sharesShort": "-5"}
    rows = read_reports([missing, damaged], OPEND_REPORTS[Market.US], Market.US)
    assert rows.days == [
        Report(date(2026, 3, 31), None, None, None),
        US_REPORT._replace(short_interest=None, damaged=True),
    ]


def test_rows_without_a_date_are_counted_and_nothing_else_is_a_changed_interface() -> None:
    assert read_reports([US_ROW, None, {"sharesShort": 1}], OPEND_REPORTS[Market.US], Market.US).unreadable == 2
    with pytest.raises(UpstreamChanged):
        read_reports([None], OPEND_REPORTS[Market.US], Market.US)
    assert read_reports(None, OPEND_REPORTS[Market.US], Market.US).days == []
