"""Short interest as an assistant asks for it: the published reports, from each source, and never called volume."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult

from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(gateway: LongbridgeGateway, opend: OpenDGateway, environment: dict[str, str]) -> AsyncIterator[Client]:
    settings = load_settings(SHORTVOL_TIMEOUT="1", SHORTVOL_LONGBRIDGE_QUOTA="off", SHORTVOL_FUTU_QUOTA="off")
    async with Client(build_server(settings), raise_exceptions=True) as connected:
        yield connected


async def call(client: Client, symbol: str, **arguments: object) -> CallToolResult:
    result = await client.call_tool("get_short_interest", {"symbol": symbol, **arguments})
    assert isinstance(result, CallToolResult)
    return result


async def answer(client: Client, symbol: str, **arguments: object) -> dict[str, Any]:
    result = await call(client, symbol, **arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def newest(found: dict[str, Any]) -> dict[str, Any]:
    return dict(zip(found["columns"], found["rows"][0], strict=True))


async def test_the_published_us_reports(client: Client) -> None:
    found = await answer(client, "TSLA.US", end_date="2026-03-31", count=3, source="longbridge", response_format="full")
    expected = {
        "date": "2026-03-31",
        "short_interest": 65598603,
        "short_interest_pct": 1.75,
        "days_to_cover": 1.06,
        "close": 371.75,
        "average_daily_volume": 62121644,
        "source_days_to_cover": 1.06,
    }
    assert newest(found) | expected == newest(found)
    assert [row[0] for row in found["rows"]] == ["2026-03-31", "2026-03-13", "2026-02-27"]
    assert [row[1] for row in found["rows"]] == [65598603, 60860404, 61839735]
    assert found["rows"][0][4] == 7.79  # 100 * (65598603 / 60860404 - 1)
    assert found["pct_basis"] == "shares outstanding"


async def test_the_published_hong_kong_report_of_longbridge(client: Client) -> None:
    found = await answer(client, "700.HK", end_date="2024-06-14", source="longbridge")
    assert newest(found) == newest(found) | {
        "date": "2024-06-14",
        "short_interest": 53677721,
        "short_interest_pct": 0.57,
        "close": 379.8,
        "short_interest_value": 20386798436,
        "days_to_cover": None,
    }
    assert found["pct_basis"] == "issued shares"


async def test_the_published_hong_kong_report_of_opend(client: Client) -> None:
    found = await answer(client, "HK.00700", end_date="2026-04-30", source="futu_opend")
    assert newest(found) | {"date": "2026-04-30", "short_interest": 51480638, "short_interest_pct": 0.56} == newest(
        found
    )
    assert found["rows"][1][0] == "2026-04-24"
    assert found["source"] == "sandbox:futu_opend"


@pytest.mark.parametrize("source", ["longbridge", "futu_opend", "futu_cloud"])
@pytest.mark.parametrize("symbol", ["700.HK", "TSLA.US"])
async def test_ten_reports_cost_little_and_every_source_tells_the_same_shares(
    client: Client, source: str, symbol: str
) -> None:
    result = await call(client, symbol, count=10, source=source)
    found = result.structured_content
    assert found is not None
    assert [found["returned"], found["complete"], found["source"]] == [10, True, f"sandbox:{source}"]
    assert len(json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()) <= 2560
    assert len(result.content[0].text.encode()) <= 2048
    assert found["summary"] in result.content[0].text
    by_longbridge = await answer(client, symbol, count=10, source="longbridge")
    assert [row[:2] for row in found["rows"]] == [row[:2] for row in by_longbridge["rows"]]


@pytest.mark.parametrize(("source", "pages"), [("longbridge", 2), ("futu_opend", 3)])
@pytest.mark.parametrize("inclusive", [True, False])
async def test_a_hundred_reports_are_paged(
    client: Client, gateway: LongbridgeGateway, opend: OpenDGateway, source: str, pages: int, inclusive: bool
) -> None:
    gateway.inclusive = inclusive
    found = await answer(client, "700.HK", count=100, source=source)
    dates = [row[0] for row in found["rows"]]
    assert [len(dates), dates == sorted(set(dates), reverse=True)] == [100, True]
    reports = [request for request in gateway.requests if "short-positions" in request.path]
    asked = [*reports, *(question for question in opend.requests if question.protocol == 3249)]
    assert len(asked) == pages
    assert found["rows"][-1][4] is not None  # the oldest change is known too


async def test_progress_speaks_of_reports(client: Client) -> None:
    told: list[str] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        told.append(message or "")

    arguments = {"symbol": "700.HK", "count": 100, "source": "longbridge"}
    await client.call_tool("get_short_interest", arguments, progress_callback=on_progress)
    assert told
    assert all(" reports from Longbridge, back to " in message for message in told)


async def test_it_is_never_called_volume_and_volume_never_interest(client: Client) -> None:
    interest = await call(client, "GME", source="longbridge")
    volume = await client.call_tool("get_short_trades", {"symbol": "GME"})
    assert isinstance(volume, CallToolResult)
    assert "short_volume" not in json.dumps(interest.structured_content)
    assert "short_interest" not in json.dumps(volume.structured_content)
    assert "not a day's short volume" in interest.content[0].text
    assert "not short interest" in volume.content[0].text


@pytest.mark.parametrize("fault", ["unsorted", "duplicates", "numbers_for_strings"])
async def test_reports_in_another_dress_are_the_same(client: Client, gateway: LongbridgeGateway, fault: str) -> None:
    expected = await answer(client, "TSLA", source="longbridge")
    gateway.fail(fault)
    assert await answer(client, "TSLA", source="longbridge") == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"count": 0}, "count cannot be used. It must be a whole number from 1 to 100."),
        ({"count": 101}, "count cannot be used. It must be a whole number from 1 to 100."),
        ({"source": "yahoo"}, 'It must be "auto" or "longbridge" or "futu_opend" or "futu_cloud" or "finra" or "sfc".'),
        ({"start_date": "2026-01-01"}, 'There is no argument "start_date".'),
    ],
)
async def test_a_wrong_argument_says_what_is_allowed(client: Client, arguments: dict[str, Any], said: str) -> None:
    result = await call(client, "TSLA", **arguments)
    assert result.is_error
    assert said in result.content[0].text


@pytest.mark.parametrize(
    ("fault", "said"), [("code_401003", "LONGBRIDGE_ACCESS_TOKEN"), ("code_403308", "quote scope")]
)
async def test_a_failure_of_the_vendor_is_worded(
    client: Client, gateway: LongbridgeGateway, fault: str, said: str
) -> None:
    gateway.fail(fault)
    result = await call(client, "TSLA", source="longbridge")
    assert result.is_error
    assert said in result.content[0].text
