"""Rows mean what arithmetic says, in the market's own dates, whatever shape they come in."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.domain.errors import UpstreamChanged
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.short_volume import Day
from mcp_shortvol.sources.longbridge import rows
from mcp_shortvol.sources.longbridge.interest import REPORTS
from mcp_shortvol.sources.longbridge.rows import Rows
from mcp_shortvol.sources.longbridge.source import DAYS

HK_ROW = {
    "timestamp": "1779033600",  # 2026-05-17T16:00:00Z
    "amount": "2926000",
    "balance": "1318056100.00",
    "total_amount": "29497076",
    "rate": "0.0992",
    "close": "449.2",
}
US_ROW = {
    "timestamp": "1778817600",  # 2026-05-15T04:00:00Z
    "nus_amount": "5748485",
    "ny_amount": "0",
    "total_amount": "15778974",
    "rate": "0.3643",
    "close": "300.230",
}
HK_DAY = Day(date(2026, 5, 18), 2926000, 29497076, 449.2, short_turnover=1318056100.0, source_ratio_pct=9.92)
US_DAY = Day(
    date(2026, 5, 15),
    5748485,
    15778974,
    300.23,
    source_ratio_pct=36.43,
    nasdaq_short_volume=5748485,
    nyse_short_volume=0,
)
HK_POSITION = {
    "timestamp": "1718294400",  # 2024-06-13T16:00:00Z
    "amount": "53677721",
    "balance": "20386798436",
    "cost": "379.800",
    "rate": "0.0057",
}
US_POSITION = {
    "timestamp": "1774929600",  # 2026-03-31T04:00:00Z
    "current_shares_short": "65598603",
    "avg_daily_share_volume": "62121644",
    "days_to_cover": "1.06",
    "rate": "0.0175",
    "close": "371.750",
}
HK_REPORT = Report(date(2024, 6, 14), 53677721, 0.57, 379.8, short_interest_value=20386798436.0)
US_REPORT = Report(date(2026, 3, 31), 65598603, 1.75, 371.75, average_daily_volume=62121644, source_days_to_cover=1.06)


def read_rows(data: object, market: Market) -> Rows[Day]:
    return rows.read_rows(data, DAYS[market])


def one_report(row: dict[str, object], market: Market) -> Report:
    (report,) = rows.read_rows({"data": [row]}, REPORTS[market]).days
    return report


def test_the_published_positions() -> None:
    assert one_report({**HK_POSITION}, Market.HK) == HK_REPORT
    assert one_report({**US_POSITION}, Market.US) == US_REPORT


@pytest.mark.parametrize("days_to_cover", ["999.99", "1000", "1.00"])
def test_floor_and_sentinels_of_positions_are_passed_on_as_they_are(days_to_cover: str) -> None:
    report = one_report({**US_POSITION, "days_to_cover": days_to_cover}, Market.US)
    assert report == US_REPORT._replace(source_days_to_cover=float(days_to_cover))


def test_an_empty_close_of_a_position_is_unknown_and_no_damage() -> None:
    assert one_report({**US_POSITION, "close": ""}, Market.US) == US_REPORT._replace(close=None)


def test_a_figure_of_a_position_that_cannot_be_read_marks_its_report() -> None:
    report = one_report({**HK_POSITION, "amount": "many"}, Market.HK)
    assert report == HK_REPORT._replace(short_interest=None, damaged=True)


def test_the_published_rows() -> None:
    hong_kong = read_rows({"symbol": "700.HK", "data": [HK_ROW]}, Market.HK)
    united_states = read_rows({"counter_id": "ST/US/TSLA", "data": [US_ROW]}, Market.US)
    assert [*hong_kong.days, *united_states.days] == [HK_DAY, US_DAY]
    assert [round(day.short_ratio_pct or 0, 2) for day in (HK_DAY, US_DAY)] == [9.92, 36.43]
    assert hong_kong.oldest == 1779033600


@pytest.mark.parametrize(
    ("short", "total", "percent"),
    [(3485781, 9375861, 37.18), (2179682, 8510570, 25.61)],
)
def test_the_published_us_vectors_without_a_date(short: int, total: int, percent: float) -> None:
    row = US_ROW | {"nus_amount": str(short), "total_amount": str(total)}
    assert round(read_rows([row], Market.US).days[0].short_ratio_pct or 0, 2) == percent


def test_the_shape_of_the_documentation_page_is_the_same_day() -> None:
    row = {**HK_ROW, "timestamp": "2026-05-17T16:00:00Z"}
    assert read_rows([row], Market.HK).days == [HK_DAY]


def test_numbers_are_as_good_as_strings() -> None:
    row = {name: json.loads(value) for name, value in HK_ROW.items()}
    assert read_rows({"data": [row]}, Market.HK).days == [HK_DAY]


@pytest.mark.parametrize(("timestamp", "trading_date"), [(1768453200, "2026-01-15"), (1778817600, "2026-05-15")])
def test_new_york_midnight_is_the_date_in_winter_and_in_summer(timestamp: int, trading_date: str) -> None:
    assert str(read_rows([{"timestamp": timestamp}], Market.US).days[0].date) == trading_date


def test_a_missing_figure_is_none_and_never_zero() -> None:
    found = read_rows([{"timestamp": "1779033600", "amount": None, "close": ""}], Market.HK)
    assert found.days == [Day(date(2026, 5, 18), None, None, None)]


def test_a_figure_that_cannot_be_read_marks_its_day() -> None:
    day = read_rows([HK_ROW | {"amount": "two million", "close": True}], Market.HK).days[0]
    assert [day.short_volume, day.close, day.damaged] == [None, None, True]
    assert day.short_ratio_pct == 9.92  # the vendor's own ratio stands in


@pytest.mark.parametrize("timestamp", [None, "", "soon", True, -5, "1778817600000", "2026-05-17", [], 1e400])
def test_a_row_without_a_readable_date_is_counted(timestamp: object) -> None:
    found = read_rows([HK_ROW, HK_ROW | {"timestamp": timestamp}], Market.HK)
    assert [len(found.days), found.unreadable] == [1, 1]


def test_rows_that_are_no_objects_are_counted() -> None:
    found = read_rows({"data": [None, HK_ROW, 7, []]}, Market.HK)
    assert [len(found.days), found.unreadable] == [1, 3]


@pytest.mark.parametrize("data", [None, [], {"data": None}, {"symbol": "", "data": []}])
def test_no_rows_is_an_answer(data: object) -> None:
    assert read_rows(data, Market.HK).days == []


@pytest.mark.parametrize("data", ["rows", 7, True, {"data": "rows"}, {"symbol": "700.HK"}, [{"timestamp": "soon"}]])
def test_data_that_holds_no_rows_is_a_changed_upstream(data: object) -> None:
    with pytest.raises(UpstreamChanged):
        read_rows(data, Market.HK)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
cells = st.fixed_dictionaries({}, optional=dict.fromkeys(HK_ROW | US_ROW, anything | st.integers(0, 10**10).map(str)))


@given(anything | st.lists(cells | anything), st.sampled_from(Market))
def test_any_json_gives_days_or_our_own_error(data: object, market: Market) -> None:
    try:
        days = read_rows(data, market).days
    except UpstreamChanged:
        return
    assert all(day.short_volume is None or day.short_volume >= 0 for day in days)
