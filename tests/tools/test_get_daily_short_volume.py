"""The Futu tool as an assistant calls it, over real TCP: the published days, paging, every failure in words."""

import re
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp_types import CallToolResult

from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.sandbox.runner import Sandbox
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

pytestmark = pytest.mark.anyio

PUBLISHED_DATES = ["08", "07", "06", "05", "04"], ["30", "29", "28", "27", "24"]
PUBLISHED_AVERAGES = [11.36, 11.80, 12.22, 12.76, 13.02, 13.09, 14.02, 14.13, 14.14, 14.18]
PUBLISHED_LAST_CLOSES = [477.4, 463.0, 472.2, 473.0, 467.8, 479.2, 473.8, 478.6, 493.4, 495.2]


@pytest.fixture
async def client(opend: OpenDGateway, environment: dict[str, str]) -> AsyncIterator[Client]:
    settings = load_settings(SHORTVOL_TIMEOUT="1", SHORTVOL_FUTU_QUOTA="off", SHORTVOL_DEADLINE="10")
    async with Client(build_server(settings), raise_exceptions=True) as connected:
        yield connected


async def call(client: Client, **arguments: object) -> CallToolResult:
    result = await client.call_tool("get_daily_short_volume", {"symbol": "HK.00700", **arguments})
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
    text: str = result.content[0].text
    assert text.isprintable()
    assert not re.search(r"https?://(?!github\.com/OWNER)|Traceback|Error executing|NN_Proto|频率|未知|权限", text)
    return text


def pages(opend: OpenDGateway) -> list[object]:
    return [question.c2s.get("num") for question in opend.requests if question.protocol == 3248]


async def test_the_ten_published_days_and_their_weekly_position() -> None:
    with Sandbox(as_of=None) as sandbox:
        settings = load_settings(**sandbox.environment())
        async with Client(build_server(settings), raise_exceptions=True) as client:
            found = await answer(client, count=10, end_date="2026-05-08", response_format="full")
    may, april = PUBLISHED_DATES
    assert [row[0] for row in found["rows"]] == [f"2026-05-{day}" for day in may] + [f"2026-04-{day}" for day in april]
    assert found["source"] == "sandbox:futu_opend"
    rows = [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
    expected = {
        "short_volume": 2464300,
        "total_volume": 25207039,
        "short_ratio_pct": 9.78,
        "close": 471.4,
        "short_turnover": 1161032040,
        "total_turnover": 11871680730.68,
        "open": 475,
        "previous_close": 477.4,
        "average_ratio_20d_pct": 11.36,
    }
    assert rows[0] | expected == rows[0]
    assert [row["average_ratio_20d_pct"] for row in rows] == PUBLISHED_AVERAGES
    assert [row["previous_close"] for row in rows] == PUBLISHED_LAST_CLOSES


async def test_the_published_position_is_apart_from_the_rows_and_has_its_own_date() -> None:
    settings = load_settings(SHORTVOL_SANDBOX="1", SHORTVOL_SANDBOX_AS_OF="2026-05-08")
    async with Client(build_server(settings), raise_exceptions=True) as client:
        found = await answer(client, count=10)
        concise = await call(client, count=10)
    assert found["short_position"] == {
        "date": "2026-04-30",
        "shares": 51480638,
        "pct": 0.56,
        "pct_basis": "issued shares",
        "days_to_cover": None,  # of ten days no 20 lie before it
    }
    assert [found["first_date"], found["last_date"]] == ["2026-04-24", "2026-05-08"]
    said = "Short interest (open positions) on 2026-04-30: 51.5 M shares, 0.56 % of issued shares."
    assert said in concise.content[0].text


async def test_120_days_are_three_pages_of_50_50_and_20(client: Client, opend: OpenDGateway) -> None:
    assert (await answer(client, count=120))["returned"] == 120
    assert pages(opend) == [50, 50, 20]


async def test_500_days_are_ten_pages_and_the_same_days_as_one_by_one(client: Client, opend: OpenDGateway) -> None:
    found = await answer(client, count=500, response_format="full")
    dates = [row[0] for row in found["rows"]]
    assert [len(dates), dates == sorted(set(dates), reverse=True), len(pages(opend))] == [500, True, 10]
    assert (await answer(client, count=250))["rows"] == [row[:6] for row in found["rows"][:250]]


async def test_us_days_are_a_share_of_consolidated_volume(client: Client) -> None:
    found = await answer(client, symbol="AAPL", count=30, response_format="full")
    assert found["ratio_basis"] == "consolidated volume; short sales of the Nasdaq and NYSE exchanges only"
    assert found["short_position"]["pct_basis"] == "a base Futu does not name"
    assert found["short_position"]["days_to_cover"] == 3.6
    assert {"nasdaq_short_volume", "nyse_short_volume", "source_ratio_pct"} <= set(found["columns"])
    assert "short_turnover" not in found["columns"]


async def test_the_default_is_30_days(client: Client) -> None:
    assert (await answer(client))["returned"] == 30


@pytest.mark.parametrize("fault", ["unsorted", "duplicates"])
async def test_rows_in_another_order_are_the_same_days(client: Client, opend: OpenDGateway, fault: str) -> None:
    expected = await answer(client, count=120)
    opend.fail(fault)
    assert await answer(client, count=120) == expected


@pytest.mark.parametrize(
    "fault", ["dropped_inside", "wrong_sha1", "backend_timeout", "dropped_before", "tiny_chunks", "colliding_pushes"]
)
async def test_what_can_pass_is_recovered(client: Client, opend: OpenDGateway, fault: str) -> None:
    expected = await answer(client, count=120)
    opend.fail(fault, times=1)
    assert await answer(client, count=120) == expected


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("rate_limited", "30 requests in 30 seconds"),
        ("unknown_code", "Futu has no short volume for 700.HK"),
        ("no_right", "has no right to quotes of 700.HK"),
        ("backend_timeout", "did not answer OpenD in time"),
        ("silence", "did not answer within 1 s"),
        ("unknown_protocol", "Update OpenD"),
    ],
)
async def test_each_failure_has_its_own_words(client: Client, opend: OpenDGateway, fault: str, said: str) -> None:
    opend.fail(fault)
    assert said in await error(client)


async def test_logged_out_is_told_from_absent(client: Client, opend: OpenDGateway, environment: dict[str, str]) -> None:
    opend.logged_in = False
    assert "is not logged in" in await error(client)
    async with Client(build_server(load_settings(FUTU_OPEND_PORT="9")), raise_exceptions=True) as absent:
        with anyio.fail_after(1):  # the vendor's own SDK would wait for ever
            assert (await error(absent)).startswith("No OpenD answers at 127.0.0.1:9. Start OpenD")


async def test_an_opend_that_greets_slowly_does_not_spoil_the_quota(
    opend: OpenDGateway, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit scaled down to 30 in 2 s: starts that the quota grants must not gather behind the greeting."""
    opend.limited = True
    monkeypatch.setattr("mcp_shortvol.sandbox.opend.gateway._WINDOW_S", 2.0)
    opend.fail("slow", times=1, on=1001, seconds=1.0)
    settings = load_settings(SHORTVOL_FUTU_QUOTA="30/2.2")
    async with Client(build_server(settings), raise_exceptions=True) as client:

        async def ask() -> None:
            assert (await answer(client, count=1))["returned"] == 1

        async with anyio.create_task_group() as tasks:
            for _ in range(40):
                tasks.start_soon(ask)


async def test_sixteen_calls_at_once_share_one_connection_and_get_their_own_answers(
    client: Client, opend: OpenDGateway
) -> None:
    symbols = ["HK.00700", "HK.09988", "US.AAPL", "US.TSLA"] * 4
    found: dict[int, dict[str, Any]] = {}

    async def ask(index: int, symbol: str) -> None:
        found[index] = await answer(client, symbol=symbol, count=120)

    async with anyio.create_task_group() as tasks:
        for index, symbol in enumerate(symbols):
            tasks.start_soon(ask, index, symbol)
    for index, symbol in enumerate(symbols):
        assert found[index]["symbol"].split(".")[0] == symbol.partition(".")[2].lstrip("0")
        assert found[index] == found[index % 4]
    assert len({question.connection for question in opend.requests}) == 1


async def test_two_long_calls_at_once_wait_for_the_limit_and_say_so(
    opend: OpenDGateway, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor's limit scaled down: 30 requests in 2 s here, and an OpenD that would refuse the 31st."""
    opend.limited = True
    monkeypatch.setattr("mcp_shortvol.sandbox.opend.gateway._WINDOW_S", 2.0)
    told: tuple[list[str], list[str]] = [], []
    results: list[CallToolResult] = []
    settings = load_settings(SHORTVOL_FUTU_QUOTA="30/2.2")
    async with Client(build_server(settings), raise_exceptions=True) as client:

        async def ask(symbol: str, messages: list[str]) -> None:
            async def on_progress(done: float, total: float | None, message: str | None) -> None:
                messages.append(message or "")

            arguments = {"symbol": symbol, "count": 1000}
            answered = await client.call_tool("get_daily_short_volume", arguments, progress_callback=on_progress)
            assert isinstance(answered, CallToolResult)
            results.append(answered)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, "HK.00700", told[0])
            tasks.start_soon(ask, "HK.09988", told[1])
    assert [result.content[0].text for result in results if result.is_error] == []
    assert [(result.structured_content or {})["returned"] for result in results] == [1000, 1000]
    for messages in told:  # each of them, not only whoever is first in line
        assert any("waiting" in message and "rate limit" in message for message in messages)


async def test_a_cancelled_call_leaves_the_connection_usable(client: Client, opend: OpenDGateway) -> None:
    expected = await answer(client, count=10)
    opend.fail("slow", times=1, seconds=0.5)
    with anyio.move_on_after(0.1):
        await answer(client, count=10)
    assert await answer(client, count=10) == expected
    assert len({question.connection for question in opend.requests}) == 1
