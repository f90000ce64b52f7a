"""Futu's rows become days: exactly where they are whole, with a gap where a figure is damaged, never with a guess."""

import csv
import math
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.domain.errors import UpstreamChanged
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Day, ShortPosition
from mcp_shortvol.sources.futu_rows import CLOUD_ROWS, OPEND_ROWS, read_cursor, read_position, read_rows

HK_ROW = {
    "timestamp": "1778169600",
    "timestampStr": "2026-05-08",
    "sharesTraded": "25207039",
    "turnover": 11871680730.68,
    "shortSellSharesTraded": "2464300",
    "shortSellTurnover": 1161032040.0,
    "openPrice": 475.0,
    "closePrice": 471.4,
    "lastClosePrice": 477.4,
    "dailyTradeAvgRatio": 11.36,
}
HK_DAY = Day(
    date=date(2026, 5, 8),
    short_volume=2464300,
    total_volume=25207039,
    close=471.4,
    short_turnover=1161032040.0,
    total_turnover=11871680730.68,
    open=475.0,
    previous_close=477.4,
    average_ratio_20d_pct=11.36,
)
CLOUD_HK_ROW = {
    "timestamp": 1780588800000,
    "timestamp_str": "2026-06-05",
    "shares_traded": 31649780,
    "turnover": 14465428854.749,
    "short_sell_shares_traded": 4660100,
    "short_sell_turnover": 2135963680,
    "open_price": 461.6,
    "close_price": 453.2,
    "last_close_price": 459,
    "daily_trade_avg_ratio": 10.51,
}
US_ROW = {
    "timestamp": "1787889600",
    "timestampStr": "2026-08-28",
    "totalSharesShort": "5328185",
    "nasdaqSharesShort": "3240483",
    "nyseSharesShort": "2087702",
    "shortPercent": 13.785,
    "volume": "38649398",
    "closePrice": 319.7,
    "lastClosePrice": 314.58,
    "dailyTradeAvgRatio": 11.74,
}


def one_day(row: object, market: Market = Market.HK) -> Day:
    (day,) = read_rows([row], OPEND_ROWS[market], market).days
    return day


class TestRows:
    def test_opends_hong_kong_row(self) -> None:
        assert one_day(HK_ROW) == HK_DAY
        assert one_day(HK_ROW).short_ratio_pct == pytest.approx(9.776, abs=0.001)

    def test_opends_us_row(self) -> None:
        assert one_day(US_ROW, Market.US) == Day(
            date=date(2026, 8, 28),
            short_volume=5328185,
            total_volume=38649398,
            close=319.7,
            previous_close=314.58,
            source_ratio_pct=13.785,
            average_ratio_20d_pct=11.74,
            nasdaq_short_volume=3240483,
            nyse_short_volume=2087702,
        )

    def test_the_clouds_row_is_the_same_in_snake_case(self) -> None:
        (day,) = read_rows([CLOUD_HK_ROW], CLOUD_ROWS[Market.HK], Market.HK).days
        assert day == Day(
            date=date(2026, 6, 5),
            short_volume=4660100,
            total_volume=31649780,
            close=453.2,
            short_turnover=2135963680.0,
            total_turnover=14465428854.749,
            open=461.6,
            previous_close=459.0,
            average_ratio_20d_pct=10.51,
        )

    @pytest.mark.parametrize("items", [None, []])
    def test_no_rows_are_no_days(self, items: object) -> None:
        assert read_rows(items, OPEND_ROWS[Market.HK], Market.HK).days == []

    def test_order_and_repetition_are_left_as_they_came(self) -> None:
        older = {**HK_ROW, "timestampStr": "2026-05-07"}
        rows = read_rows([older, HK_ROW, older], OPEND_ROWS[Market.HK], Market.HK)
        assert [day.date.day for day in rows.days] == [7, 8, 7]


class TestDates:
    @pytest.mark.parametrize("written", [None, "", "yesterday", "2026-13-40", "20260508", 20260508, "２０２６-05-08"])
    def test_without_a_readable_date_string_the_timestamp_tells(self, written: object) -> None:
        assert one_day({**HK_ROW, "timestampStr": written}).date == date(2026, 5, 8)

    def test_a_timestamp_is_midnight_in_the_market_not_in_utc(self) -> None:
        hk = {key: value for key, value in HK_ROW.items() if key != "timestampStr"}
        us = {key: value for key, value in US_ROW.items() if key != "timestampStr"}
        cloud = {key: value for key, value in CLOUD_HK_ROW.items() if key != "timestamp_str"}
        assert one_day(hk).date == date(2026, 5, 8)
        assert one_day(us, Market.US).date == date(2026, 8, 28)
        assert read_rows([cloud], CLOUD_ROWS[Market.HK], Market.HK).days[0].date == date(2026, 6, 5)

    def test_where_both_are_there_the_string_wins(self) -> None:
        assert one_day({**HK_ROW, "timestamp": "0"}).date == date(2026, 5, 8)
        assert one_day({**HK_ROW, "timestamp": "1700000000"}).date == date(2026, 5, 8)

    @pytest.mark.parametrize(
        "damaged", [{"timestampStr": None, "timestamp": value} for value in (None, 0, "x", -1, 10**14, True)]
    )
    def test_a_row_without_a_readable_date_is_counted(self, damaged: dict[str, object]) -> None:
        rows = read_rows([HK_ROW, {**HK_ROW, **damaged}, None, 7], OPEND_ROWS[Market.HK], Market.HK)
        assert len(rows.days) == 1
        assert rows.unreadable == 3

    @pytest.mark.parametrize("items", [[{}], [None, "x"], [{"date": "2026-05-08"}], {}, "rows", 7, True])
    def test_an_answer_without_any_readable_row_has_changed(self, items: object) -> None:
        with pytest.raises(UpstreamChanged):
            read_rows(items, OPEND_ROWS[Market.HK], Market.HK)


class TestFigures:
    @pytest.mark.parametrize("value", [None, ""])
    def test_an_absent_figure_is_none_and_no_damage(self, value: object) -> None:
        day = one_day({**HK_ROW, "shortSellSharesTraded": value})
        assert day.short_volume is None
        assert not day.damaged

    @pytest.mark.parametrize("value", [True, "1_0", "0x1", -1, math.nan, math.inf, 10**16, [], "<b>1</b>"])
    def test_a_damaged_figure_is_none_and_marks_its_day(self, value: object) -> None:
        day = one_day({**HK_ROW, "shortSellSharesTraded": value, "closePrice": "475.5"})
        assert day.short_volume is None
        assert day.close == 475.5
        assert day.damaged

    @given(
        st.dictionaries(
            st.sampled_from([*HK_ROW, *US_ROW]),
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.lists(st.integers()),
        ),
        st.sampled_from(Market),
    )
    def test_any_row_is_a_sane_day_or_unreadable(self, row: dict[str, object], market: Market) -> None:
        try:
            rows = read_rows([row], OPEND_ROWS[market], market)
        except UpstreamChanged:
            return
        (day,) = rows.days
        for field in (day.short_volume, day.total_volume, day.close, day.average_ratio_20d_pct):
            assert field is None or 0 <= field <= 10**18


class TestPosition:
    @pytest.mark.parametrize("as_of", ["30/04/2026", "2026-04-30"])
    def test_both_forms_of_its_date_are_read(self, as_of: str) -> None:
        assert read_position("51480638", 0.56, as_of) == ShortPosition(51480638, 0.56, date(2026, 4, 30))

    @pytest.mark.parametrize("as_of", [None, "", "04/30/2026", "soon", 20260430])
    def test_a_date_that_cannot_be_read_is_none(self, as_of: object) -> None:
        assert read_position(51480638, "0.56", as_of) == ShortPosition(51480638, 0.56, None)

    def test_without_figures_there_is_none(self) -> None:
        assert read_position(None, None, "30/04/2026") is None

    @pytest.mark.parametrize("shares", [True, "many", -5])
    def test_damaged_there_is_none(self, shares: object) -> None:
        assert read_position(shares, 0.56, "30/04/2026") is None


class TestCursor:
    @pytest.mark.parametrize("key", [None, "", "-1", -1])
    def test_the_ends_of_a_history(self, key: object) -> None:
        assert read_cursor(key) is None

    @pytest.mark.parametrize("key", ["1778083200", "opaque/Key=", "0"])
    def test_a_key_is_kept_as_it_is(self, key: str) -> None:
        assert read_cursor(key) == key

    def test_a_key_may_be_a_number(self) -> None:
        assert read_cursor(1778083200) == "1778083200"

    @pytest.mark.parametrize("key", [True, 1.5, [], {}, "x" * 300, "a\x00b", "a\u202eb"])
    def test_what_is_no_key_has_changed(self, key: object) -> None:
        with pytest.raises(UpstreamChanged):
            read_cursor(key)


# AAPL's rows as an OpenD sent them, in public data.
with (Path(__file__).parents[1] / "wire" / "golden" / "futu_us_aapl_rows.csv").open() as file:
    AAPL_ROWS = list(csv.DictReader(file))
_SPELLINGS = {
    "total_shares_short": "totalSharesShort",
    "nasdaq_shares_short": "nasdaqSharesShort",
    "nyse_shares_short": "nyseSharesShort",
    "short_percent": "shortPercent",
    "volume": "volume",
    "close_price": "closePrice",
    "avg_ratio": "dailyTradeAvgRatio",
}


@pytest.mark.parametrize("cloud", [False, True], ids=["OpenD", "cloud"])
@pytest.mark.parametrize("real", AAPL_ROWS, ids=[row["date"] for row in AAPL_ROWS])
def test_a_real_us_row_keeps_every_figure_and_the_identities(real: dict[str, str], cloud: bool) -> None:
    sent: dict[str, object] = {(key if cloud else name): real[key] or None for key, name in _SPELLINGS.items()}
    if cloud:
        sent["daily_trade_avg_ratio"] = sent.pop("avg_ratio")
    row_format = (CLOUD_ROWS if cloud else OPEND_ROWS)[Market.US]
    (day,) = read_rows([{row_format.date: real["date"], **sent}], row_format, Market.US).days
    assert day.nasdaq_short_volume is not None
    assert day.nyse_short_volume is not None
    assert day.short_volume == day.nasdaq_short_volume + day.nyse_short_volume == int(real["total_shares_short"])
    assert day.short_ratio_pct is not None
    assert 0 <= day.short_ratio_pct - float(real["short_percent"]) < 0.001  # Futu cuts off after three decimals
    assert [str(day.date), day.close, day.damaged] == [real["date"], float(real["close_price"]), False]
    assert day.average_ratio_20d_pct == (float(real["avg_ratio"]) if real["avg_ratio"] else None)


def test_a_third_friday_is_a_day_like_any_other() -> None:
    """Index expiry multiplies volume and, on Nasdaq, short volume: 72.2 of 319 million shares are no damage."""
    row_format = CLOUD_ROWS[Market.US]
    rows = [{"timestamp_str": row["date"], **row} for row in AAPL_ROWS]
    days = {str(day.date): day for day in read_rows(rows, row_format, Market.US).days}
    assert days["2024-09-20"].short_volume == 72_191_477
    assert days["2024-09-20"].total_volume == 318_679_888
    assert days["2024-09-20"].whole
