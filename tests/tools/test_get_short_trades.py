"""The tool as an assistant calls it: the published days, strict arguments, every failure in words."""

import json
import re
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult

from mcp_shortvol.domain.calendar import trading_days
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

pytestmark = pytest.mark.anyio

AS_OF = date(2026, 6, 12)  # of the sandbox that the tests share


@pytest.fixture(params=["auto", "legacy"])
async def client(
    request: pytest.FixtureRequest, gateway: LongbridgeGateway, environment: dict[str, str]
) -> AsyncIterator[Client]:
    """Both eras of the protocol; the vendor is the sandbox, over real HTTP."""
    settings = load_settings(SHORTVOL_TIMEOUT="0.5", SHORTVOL_LONGBRIDGE_QUOTA="off")
    async with Client(build_server(settings), raise_exceptions=True, mode=request.param) as connected:
        yield connected


async def call(client: Client, **arguments: object) -> CallToolResult:
    result = await client.call_tool("get_short_trades", arguments)
    assert isinstance(result, CallToolResult)
    return result


async def answer(client: Client, **arguments: object) -> dict[str, Any]:
    result = await call(client, **arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


async def error(client: Client, **arguments: object) -> str:
    result = await call(client, **arguments)
    assert result.is_error
    (block,) = result.content
    assert not re.search(r"https?://(?!github\.com/OWNER)|Traceback|pydantic|Error executing", block.text)
    return block.text


def row(answer: dict[str, Any], date: str) -> dict[str, object]:
    (cells,) = (cells for cells in answer["rows"] if cells[0] == date)
    return dict(zip(answer["columns"], cells, strict=True))


async def test_the_published_hong_kong_day_is_the_market_s_own_date(client: Client) -> None:
    found = await answer(client, symbol="700", start_date="2026-05-18", end_date="2026-05-18")
    assert row(found, "2026-05-18") == {
        "date": "2026-05-18",
        "short_volume": 2926000,
        "total_volume": 29497076,
        "short_ratio_pct": 9.92,
        "close": 449.2,
        "short_turnover": 1318056100,
    }
    assert [found["ratio_basis"], found["complete"]] == ["HKEX shares traded", True]


async def test_the_published_us_day(client: Client) -> None:
    found = await answer(client, symbol="TSLA.US", count=1, end_date="2026-05-15")
    assert row(found, "2026-05-15") == {
        "date": "2026-05-15",
        "short_volume": 5748485,
        "total_volume": 15778974,
        "short_ratio_pct": 36.43,
        "close": 300.23,
    }
    assert found["ratio_basis"] == "volume Longbridge reports, the Nasdaq exchange's"


async def test_the_default_is_20_days_and_none_where_a_start_date_is_given(client: Client) -> None:
    by_default = await answer(client, symbol="700.HK")
    assert [by_default["requested"], by_default["returned"]] == [20, 20]
    by_date = await answer(client, symbol="700.HK", start_date="2026-04-01")
    trading_dates = trading_days(Market.HK, date(2026, 4, 1), AS_OF)
    assert [by_date["requested"], by_date["returned"]] == [None, len(trading_dates)]
    assert {cells[0] for cells in by_date["rows"]} == {str(day) for day in trading_dates}


async def test_what_assistants_send_for_nothing_is_nothing(client: Client) -> None:
    found = await answer(
        client, symbol=" 0700.hk ", count="5", start_date=None, end_date="", interval=None, response_format=""
    )
    assert [found["symbol"], found["returned"]] == ["700.HK", 5]


async def test_dates_at_the_ends_of_the_calendar_are_answered_or_refused_in_words(client: Client) -> None:
    assert (await answer(client, symbol="700.HK", count=3, end_date="9999-12-31"))["returned"] == 3
    assert (await answer(client, symbol="700.HK", count=3, start_date="0001-01-01"))["returned"] == 3
    assert "before any figures of short selling" in await error(client, symbol="700.HK", end_date="0001-01-01")


async def test_text_and_json_say_the_same_and_neither_is_the_other(client: Client) -> None:
    result = await call(client, symbol="700.HK", count=3)
    assert result.structured_content is not None
    assert result.structured_content["summary"] in result.content[0].text
    assert "short_volume" not in result.content[0].text


async def test_250_days_are_one_call(client: Client, gateway: LongbridgeGateway) -> None:
    found = await answer(client, symbol="AAPL", count=250)
    dates = [cells[0] for cells in found["rows"]]
    assert dates == sorted(set(dates), reverse=True)
    assert len(dates) == 250
    assert sum("short-trades" in request.path for request in gateway.requests) == 3
    assert len(gateway.requests) == 4  # and the newest short interest


async def test_progress_is_reported_page_by_page(client: Client) -> None:
    told: list[tuple[float, float | None]] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total))

    await client.call_tool("get_short_trades", {"symbol": "AAPL", "count": 250}, progress_callback=on_progress)
    assert told == [(100, 250), (199, 250)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "symbol is missing. It must be a string, for example '700.HK'."),
        ({"symbol": ["700.HK"]}, "symbol cannot be used. It must be a string"),
        ({"symbol": "600519.SH"}, "another market (Shanghai"),
        ({"symbol": "700.HK", "count": 0}, "count cannot be used. It must be a whole number from 1 to 1000."),
        ({"symbol": "700.HK", "count": 1001}, "It must be a whole number from 1 to 1000."),
        ({"symbol": "700.HK", "count": 2.5}, "It must be a whole number from 1 to 1000."),
        ({"symbol": "700.HK", "count": True}, "count is true or false. It must be a whole number"),
        ({"symbol": "700.HK", "count": "a month"}, "It must be a whole number from 1 to 1000."),
        ({"symbol": "700.HK", "start_date": "last month"}, "It must be a date as YYYY-MM-DD, for example '2026-05-01'"),
        ({"symbol": "700.HK", "end_date": "2026-02-30"}, "end_date is not a date of the calendar."),
        ({"symbol": "700.HK", "end_date": 20260501.5}, "end_date is not a date of the calendar."),
        ({"symbol": "700.HK", "start_date": "2026-05-02", "end_date": "2026-05-01"}, "2026-05-02 is after end_date"),
        ({"symbol": "700.HK", "start_date": "2999-01-01"}, "is in the future: in Hong Kong it is"),
        ({"symbol": "700.HK", "response_format": "csv"}, 'It must be "summary" or "concise" or "full".'),
        (
            {"symbol": "700.HK", "limit": 5},
            'There is no argument "limit". The arguments of get_short_trades are symbol,',
        ),
        ({"symbol": "700.HK", "a+b,<\u202e\x1b": 5}, 'There is no argument "a+b,<??".'),
    ],
)
async def test_a_wrong_argument_says_what_is_allowed(client: Client, arguments: dict[str, Any], said: str) -> None:
    assert said in await error(client, **arguments)


async def test_several_wrong_arguments_are_told_at_once(client: Client) -> None:
    lines = (await error(client, symbol="700.HK", count=-1, end_date="x", typo=1)).splitlines()
    assert [line.split()[0] for line in lines] == ["count", "end_date", "There"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("code_401003", "LONGBRIDGE_ACCESS_TOKEN"),
        ("code_403308", "Trace id for the vendor's support: "),
        ("http_429_json", "Wait 600 seconds"),
        ("hostile_error", "quote scope"),
        ("oversized", "more than 8 MB"),
    ],
)
async def test_a_failure_of_the_vendor_is_worded(
    client: Client, gateway: LongbridgeGateway, fault: str, said: str
) -> None:
    gateway.fail(fault, retry_after=600)
    text = await error(client, symbol="700.HK")
    assert said in text
    assert text.isprintable()


async def test_an_unknown_symbol_is_told_from_an_empty_answer(client: Client, gateway: LongbridgeGateway) -> None:
    assert "does not know this symbol (code 2601400)" in await error(client, symbol="ZZZZZ.US")
    gateway.fail("empty")
    found = await answer(client, symbol="700.HK")
    assert [found["returned"], found["first_date"]] == [0, None]
    assert "No short-volume days for 700.HK" in found["summary"]


async def test_hostile_text_in_an_answer_does_not_come_through(client: Client, gateway: LongbridgeGateway) -> None:
    gateway.fail("hostile_text")
    result = await call(client, symbol="700.HK")
    everything = result.content[0].text + json.dumps(result.structured_content)
    assert "gnore" not in everything
    assert "script" not in everything


async def test_without_credentials_it_says_which_to_set(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LONGBRIDGE_APP_SECRET")
    async with Client(build_server(load_settings()), raise_exceptions=True) as client:
        assert "only partly set up: LONGBRIDGE_APP_SECRET is missing" in await error(client, symbol="700.HK")
    monkeypatch.delenv("LONGBRIDGE_APP_KEY")
    monkeypatch.delenv("LONGBRIDGE_ACCESS_TOKEN")
    async with Client(build_server(load_settings()), raise_exceptions=True) as client:
        text = await error(client, symbol="700.HK")
    assert text.startswith("Longbridge is not set up: LONGBRIDGE_APP_KEY, LONGBRIDGE_APP_SECRET and")
    assert "SHORTVOL_SANDBOX=1" in text


async def test_a_call_ends_with_its_deadline(gateway: LongbridgeGateway, environment: dict[str, str]) -> None:
    gateway.fail("silence")
    async with Client(build_server(load_settings(SHORTVOL_DEADLINE="0.3")), raise_exceptions=True) as client:
        assert re.search(r"not complete within 0\.[123] seconds", await error(client, symbol="700.HK"))


async def test_the_embedded_sandbox_answers_without_an_account() -> None:
    settings = load_settings(SHORTVOL_SANDBOX="1", SHORTVOL_SANDBOX_AS_OF="2026-05-22")
    async with Client(build_server(settings), raise_exceptions=True) as client:
        found = await answer(client, symbol="700.HK", count=1)
    assert [found["source"], found["last_date"]] == ["sandbox:longbridge", "2026-05-22"]
