"""Whatever comes over a wire, a decoder gives rows or raises an error of ours, and nothing else."""

import json
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_shortvol.domain.errors import InvalidSymbol, ShortVolumeError
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.short_volume import Day
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sources.finra.api import _page_of
from mcp_shortvol.sources.finra.market import read_market
from mcp_shortvol.sources.finra.records import read_days, read_reports
from mcp_shortvol.sources.futu_cloud.envelope import data_of as cloud_data_of
from mcp_shortvol.sources.futu_interest_rows import CLOUD_REPORTS, OPEND_REPORTS
from mcp_shortvol.sources.futu_rows import CLOUD_ROWS, OPEND_ROWS, RowFormat, read_cursor, read_position, read_rows
from mcp_shortvol.sources.http import Reply
from mcp_shortvol.sources.longbridge.envelope import data_of as longbridge_data_of
from mcp_shortvol.sources.longbridge.interest import REPORTS
from mcp_shortvol.sources.longbridge.rows import RowReaders
from mcp_shortvol.sources.longbridge.rows import read_rows as read_longbridge_rows
from mcp_shortvol.sources.longbridge.source import DAYS
from mcp_shortvol.sources.opend.failures import MalformedAnswer, Refusal
from mcp_shortvol.sources.opend.frame import HEADER_LENGTH, BadFrame, Frame, FrameDecoder
from mcp_shortvol.sources.opend.messages import GlobalState, Greeting, read_answer
from mcp_shortvol.sources.opend.ranking import _read_row, _read_total
from mcp_shortvol.sources.sfc.files import read_week
from tests.fuzz.anything import EXAMPLES, json_values, like, texts

fuzzed = settings(max_examples=EXAMPLES, deadline=None)

LONGBRIDGE_ROW = {
    "timestamp": "1779379200",
    "amount": "1957600",
    "balance": "865793700.00",
    "total_amount": "23998219",
    "nus_amount": "3809598",
    "ny_amount": "0",
    "rate": "0.0816",
    "close": "441.4",
    "cost": "379.800",
    "current_shares_short": "65598603",
    "avg_daily_share_volume": "62121644",
    "days_to_cover": "1.06",
}
FINRA_RECORD = {
    "tradeReportDate": "2026-05-15",
    "settlementDate": "2026-05-15",
    "securitiesInformationProcessorSymbolIdentifier": "AAPL",
    "symbolCode": "AAPL",
    "reportingFacilityCode": "NQTRF",
    "shortParQuantity": 8101622.503547,
    "shortExemptParQuantity": 2,
    "totalParQuantity": "17193767.649164",
    "currentShortPositionQuantity": 128753092,
    "previousShortPositionQuantity": 139749097,
    "averageDailyVolumeQuantity": 45135477,
    "daysToCoverQuantity": 2.85,
    "stockSplitFlag": None,
    "revisionFlag": "Y",
}
SFC_HEAD = "Date,Stock Code,Stock Name,Aggregated Reportable Short Positions (Shares),(HK$)\n"
FRAME = Frame.of(3248, 7, b'{"retType":0,"s2c":{}}').encode()


def encoded(shape: Any) -> st.SearchStrategy[bytes]:
    """The JSON of values like an example."""
    return like(shape).map(lambda value: json.dumps(value).encode())


def futu_row(row_format: RowFormat[Any]) -> dict[str, Any]:
    figures = dict.fromkeys((*row_format.counts.values(), *row_format.amounts.values()), "12")
    return {row_format.date: "2026-05-08", row_format.timestamp: "1778169600", **figures}


def check_rows(rows: list[Day] | list[Report]) -> None:
    """What is read is typed, and in the ranges that the field has."""
    for row in rows:
        for name, value in row._asdict().items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                assert 0 <= value <= 10**20, (name, value)  # a percentage is 100 times a fraction that was read


class TestFrames:
    @fuzzed
    @given(
        st.lists(st.one_of(st.binary(max_size=200), st.just(FRAME), st.just(FRAME[:HEADER_LENGTH])), max_size=8),
        st.data(),
    )
    def test_any_bytes_in_any_chunks(self, parts: list[bytes], data: st.DataObject) -> None:
        received = b"".join(parts)
        decoder = FrameDecoder()
        while received:
            size = data.draw(st.integers(1, len(received)))
            chunk, received = received[:size], received[size:]
            try:
                for frame in decoder.feed(chunk):
                    assert frame.encode()[HEADER_LENGTH:] == frame.body
                    self.check_body(frame)
            except BadFrame:
                return

    def check_body(self, frame: Frame) -> None:
        with suppress(BadFrame, MalformedAnswer, Refusal):
            read_answer(frame.plain())

    @fuzzed
    @given(st.integers(0, len(FRAME) - 1), st.integers(0, 255))
    def test_one_byte_spoilt(self, place: int, value: int) -> None:
        spoilt = bytearray(FRAME)
        spoilt[place] = value
        with suppress(BadFrame):
            for frame in FrameDecoder().feed(bytes(spoilt)):
                self.check_body(frame)

    @fuzzed
    @given(
        st.one_of(
            st.binary(max_size=300), json_values.map(lambda value: json.dumps({"retType": 0, "s2c": value}).encode())
        )
    )
    def test_any_body(self, body: bytes) -> None:
        try:
            content = read_answer(body)
        except (MalformedAnswer, Refusal):
            return
        Greeting.read(content)
        GlobalState.read(content)


class TestRows:
    @fuzzed
    @pytest.mark.parametrize("readers", [DAYS, REPORTS], ids=["days", "reports"])
    @given(data=like({"data": [LONGBRIDGE_ROW]}) | like([LONGBRIDGE_ROW]), market=st.sampled_from(Market))
    def test_of_longbridge(self, readers: RowReaders[Any], data: Any, market: Market) -> None:
        with suppress(ShortVolumeError):
            check_rows(read_longbridge_rows(data, readers[market]).days)

    @fuzzed
    @pytest.mark.parametrize("formats", [OPEND_ROWS, CLOUD_ROWS, OPEND_REPORTS, CLOUD_REPORTS])
    @given(data=st.data(), market=st.sampled_from(Market))
    def test_of_futu(self, formats: dict[Market, RowFormat[Any]], data: st.DataObject, market: Market) -> None:
        items = data.draw(like([futu_row(formats[market])]))
        with suppress(ShortVolumeError):
            check_rows(read_rows(items, formats[market], market).days)

    @fuzzed
    @given(item=like({"security": {"market": 11, "code": "AAPL"}, "name": "Apple", "shortRatio": 12.5, "volume": "7"}))
    def test_of_a_ranking(self, item: Any) -> None:
        row = _read_row(item, Market.US)
        if row is not None:
            assert row.name == "" or row.name.isprintable()
        if isinstance(item, dict):
            _read_total(item)

    @fuzzed
    @given(body=encoded([FINRA_RECORD]) | encoded([FINRA_RECORD, FINRA_RECORD]))
    def test_of_finra(self, body: bytes) -> None:
        with suppress(ShortVolumeError):
            records = _page_of(Reply(200, {}, body, {}), signed=False).rows
            names, unreadable = read_market(records, date(2026, 5, 15))
            assert unreadable <= len(records)
            assert all(0 <= volumes.short <= 10**17 for volumes in names.values())
            check_rows(read_days(records, "AAPL").days)
            check_rows(read_reports(records, "AAPL").days)

    @fuzzed
    @given(
        body=st.one_of(
            st.binary(max_size=200),
            texts.map(lambda text: f"{SFC_HEAD}17/04/2026,5,HSBC,{text},7\n".encode("utf-8", "replace")),
            texts.map(lambda text: f"{SFC_HEAD}{text},5,HSBC,1,7".encode("utf-8", "replace")),
        )
    )
    def test_of_the_sfc(self, body: bytes) -> None:
        with suppress(ShortVolumeError):
            week = read_week(body, date(2026, 4, 17), invented=False)
            for position in week.positions.values() if week else ():
                assert position.shares is None or 0 <= position.shares <= 10**15

    @fuzzed
    @given(json_values)
    def test_a_cursor(self, value: Any) -> None:
        try:
            cursor = read_cursor(value)
        except ShortVolumeError:
            return
        assert cursor is None or (cursor.isprintable() and len(cursor) <= 256)

    @fuzzed
    @given(json_values, json_values, json_values)
    def test_a_position(self, shares: Any, pct: Any, day: Any) -> None:
        read_position(shares, pct, day)


class TestEnvelopes:
    @fuzzed
    @given(
        body=st.one_of(st.binary(max_size=200), encoded({"code": 0, "message": "", "data": []})),
        status=st.sampled_from([200, 204, 302, 400, 401, 403, 404, 429, 463, 500, 502]),
        header=texts,
    )
    def test_of_longbridge(self, body: bytes, status: int, header: str) -> None:
        reply = Reply(status, {"retry-after": header, "x-trace-id": header}, body, {})
        try:
            longbridge_data_of(reply)
        except ShortVolumeError as error:
            assert str(error).isprintable()

    @fuzzed
    @given(
        body=st.one_of(st.binary(max_size=200), encoded({"ret_code": 0, "code": 0, "data": {"items": []}})),
        status=st.sampled_from([200, 204, 302, 400, 401, 403, 404, 429, 500, 502]),
        header=texts,
    )
    def test_of_futu_s_cloud(self, body: bytes, status: int, header: str) -> None:
        try:
            cloud_data_of(Reply(status, {"retry-after": header}, body, {}), Symbol("700", Market.HK), None)
        except ShortVolumeError as error:
            assert str(error).isprintable()

    @fuzzed
    @given(
        body=st.one_of(st.binary(max_size=200), encoded([FINRA_RECORD])),
        status=st.sampled_from([200, 204, 302, 400, 401, 403, 404, 429, 500, 502]),
        kind=st.sampled_from(["application/json", "text/plain", "text/html", ""]) | texts,
        header=texts,
        signed=st.booleans(),
    )
    def test_of_finra(self, body: bytes, status: int, kind: str, header: str, signed: bool) -> None:
        headers = {"retry-after": header, "record-total": header, "content-type": kind}
        try:
            _page_of(Reply(status, headers, body, {}), signed=signed)
        except ShortVolumeError as error:
            assert str(error).isprintable()


class TestSymbols:
    @fuzzed
    @given(st.one_of(texts, st.from_regex(r"[A-Z0-9.:$/ _-]{1,14}", fullmatch=True)))
    def test_any_text_is_a_symbol_or_refused_in_words(self, text: str) -> None:
        try:
            symbol = Symbol.parse(text)
        except InvalidSymbol as error:
            assert str(error).isprintable()
        else:
            assert Symbol.parse(str(symbol)) == Symbol.parse(symbol.futu) == symbol
