"""The comparison: the same dates for each market, the most unusual first, and one failure fails nobody else."""

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

TEN = ["700.HK", "9988.HK", "3690.HK", "2800.HK", "823.HK", "TSLA.US", "AAPL.US", "NVDA.US", "BRK.B.US", "GME.US"]


@pytest.fixture
async def client(gateway: LongbridgeGateway, opend: OpenDGateway, environment: dict[str, str]) -> AsyncIterator[Client]:
    settings = load_settings(SHORTVOL_LONGBRIDGE_QUOTA="off", SHORTVOL_FUTU_QUOTA="off")
    async with Client(build_server(settings), raise_exceptions=True) as connected:
        yield connected


async def call(client: Client, *symbols: str, source: str = "longbridge", **arguments: object) -> CallToolResult:
    result = await client.call_tool("compare_short_volume", {"symbols": list(symbols), "source": source, **arguments})
    assert isinstance(result, CallToolResult)
    return result


async def compare(client: Client, *symbols: str, **arguments: Any) -> dict[str, Any]:
    result = await call(client, *symbols, **arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


async def test_ten_symbols_are_ordered_by_how_unusual_they_are_and_cost_little(client: Client) -> None:
    result = await call(client, *TEN)
    found = result.structured_content
    assert found is not None
    distances = [abs(row[found["columns"].index("z_score")]) for row in found["rows"]]
    assert distances == sorted(distances, reverse=True)
    assert {row[0] for row in found["rows"]} == set(TEN)
    assert len(json.dumps(found, separators=(",", ":")).encode()) <= 4096
    assert len(result.content[0].text.encode()) <= 2048
    assert found["summary"] in result.content[0].text
    assert all(f"\n{symbol:8}|" in result.content[0].text for symbol in TEN)  # none had to give way


@pytest.mark.parametrize("source", ["longbridge", "futu_opend", "futu_cloud"])
async def test_a_row_is_what_the_symbol_s_own_statistics_say(client: Client, source: str) -> None:
    found = await compare(client, "700", "TSLA", source=source, count=60)
    tool = "get_short_trades" if source == "longbridge" else "get_daily_short_volume"
    alone = await client.call_tool(tool, {"symbol": "700.HK", "count": 60})
    statistics = (alone.structured_content or {})["statistics"]
    row = dict(zip(found["columns"], next(row for row in found["rows"] if row[0] == "700.HK"), strict=True))
    assert found["source"] == f"sandbox:{source}"
    for name in ("latest_pct", "change_pp", "mean_pct", "z_score", "percentile"):
        assert row[name] == statistics[name]
    assert [row["last_date"], row["days"]] == [statistics["latest_date"], 60]


async def test_two_markets_say_that_only_z_scores_compare(client: Client) -> None:
    both = await compare(client, "700.HK", "AAPL.US")
    assert both["ratio_basis"] == "US: volume Longbridge reports, the Nasdaq exchange's; HK: HKEX shares traded"
    assert any("Never rank the ratios of the two markets" in note for note in both["notes"])
    one = await compare(client, "700.HK", "9988.HK")
    assert not any("two markets" in note for note in one["notes"])


async def test_dates_are_those_common_to_a_market_and_the_short_history_is_named(client: Client) -> None:
    found = await compare(client, "FIG.US", "AAPL.US", "700.HK", count=400)
    days = {row[0]: row[-1] for row in found["rows"]}
    assert days["FIG.US"] == days["AAPL.US"] < days["700.HK"] == 400
    assert any("FIG.US has" in note and "leave it out" in note for note in found["notes"])


async def test_a_symbol_that_fails_does_not_fail_the_others(client: Client) -> None:
    found = await compare(client, "700.HK", "ZZZZ.US", "600519.SH", "AAPL.US")
    assert {row[0] for row in found["rows"]} == {"700.HK", "AAPL.US"}
    assert {failure["symbol"] for failure in found["failures"]} == {"ZZZZ.US", "600519.SH"}
    assert found["complete"] is False
    assert "code 2601400" in json.dumps(found["failures"])


async def test_a_name_that_is_no_symbol_comes_back_without_its_hostile_characters(client: Client) -> None:
    found = await compare(client, "700.HK", "9988.HK", "<b>TS\u202eLA</b>")
    assert [failure["symbol"] for failure in found["failures"]] == ["<b>TS?LA</b>"]


async def test_a_symbol_without_days_is_a_failure_and_empties_nobody_else(
    client: Client, gateway: LongbridgeGateway
) -> None:
    gateway.fail("empty", times=1)
    found = await compare(client, "700.HK", "9988.HK")
    assert [len(found["rows"]), len(found["failures"])] == [1, 1]
    assert found["rows"][0][-1] == 30


@pytest.mark.parametrize(
    ("symbols", "said"),
    [
        (["700.HK"], "symbols"),
        (["700.HK"] * 11, "symbols"),
        (["700.HK", "0700", "HK.00700"], "All symbols name the same stock."),
        (["600519.SH", "D05.SG"], "None of these symbols could be compared."),
        (["ZZZZ.US", "YYYY.US"], "None of these symbols could be compared."),
    ],
)
async def test_a_question_that_compares_nothing_is_told_so(client: Client, symbols: list[str], said: str) -> None:
    result = await call(client, *symbols)
    assert result.is_error
    assert said in result.content[0].text


async def test_names_in_one_string_are_understood(client: Client) -> None:
    result = await client.call_tool("compare_short_volume", {"symbols": "700.HK, TSLA", "source": "longbridge"})
    assert {row[0] for row in (result.structured_content or {})["rows"]} == {"700.HK", "TSLA.US"}


async def test_a_source_that_is_not_set_up_is_one_error_for_all(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LONGBRIDGE_APP_KEY")
    async with Client(build_server(load_settings()), raise_exceptions=True) as client:
        result = await call(client, "700.HK", "AAPL")
    assert result.is_error
    assert "LONGBRIDGE_APP_KEY is missing" in result.content[0].text


async def test_refused_credentials_are_one_error_for_all(client: Client, gateway: LongbridgeGateway) -> None:
    gateway.fail("code_401003")
    result = await call(client, *TEN)
    assert result.is_error
    assert result.content[0].text.count("401003") == 1


async def test_auto_asks_what_is_set_up(client: Client) -> None:
    assert (await compare(client, "700", "9988", source="auto"))["source"] == "sandbox:futu_opend"
    settings = load_settings(FUTU_OPEND_HOST=None, FUTU_OPEND_PORT=None)
    async with Client(build_server(settings), raise_exceptions=True) as without_opend:
        assert (await compare(without_opend, "700", "9988", source="auto"))["source"] == "sandbox:longbridge"


async def test_progress_counts_symbols(client: Client) -> None:
    told: list[tuple[float, float | None]] = []

    async def on_progress(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total))

    arguments = {"symbols": TEN, "source": "longbridge"}
    await client.call_tool("compare_short_volume", arguments, progress_callback=on_progress)
    assert told[-1] == (10, 10)
