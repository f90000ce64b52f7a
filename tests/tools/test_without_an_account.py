"""Nothing set up at all: each tool answers from FINRA, or says what it needs. And the venues together."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.sandbox.finra.gateway import FinraGateway
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.sandbox.runner import Sandbox
from mcp_shortvol.sandbox.sfc.gateway import SfcGateway
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings
from tests.conftest import AS_OF

pytestmark = pytest.mark.anyio

DAY = {"start_date": "2026-05-15", "end_date": "2026-05-15"}


@pytest.fixture(autouse=True)
def _the_sandbox_s_last_day_is_yesterday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Market, "today", lambda _market: AS_OF + timedelta(1))
    monkeypatch.setattr("mcp_shortvol.history.freshness.Freshness.today", lambda _, market: market.today())
    moment = Market.US.midnight(AS_OF) + 21 * 3600
    monkeypatch.setattr("mcp_shortvol.history.freshness.time", lambda: moment)
    monkeypatch.setattr("mcp_shortvol.sources.opend.open._PORT", 9)  # no OpenD on this machine


@pytest.fixture
def finra_alone(sandbox: Sandbox, finra: FinraGateway, monkeypatch: pytest.MonkeyPatch) -> FinraGateway:
    for name, value in sandbox.environment().items():
        if name.startswith(("FINRA_", "SFC_")):
            monkeypatch.setenv(name, value)
    return finra


@pytest.fixture
async def alone(finra_alone: FinraGateway) -> AsyncIterator[Client]:
    async with Client(build_server(load_settings()), raise_exceptions=True) as client:
        yield client


@pytest.fixture
async def everyone(
    finra: FinraGateway, gateway: LongbridgeGateway, opend: OpenDGateway, environment: dict[str, str]
) -> AsyncIterator[Client]:
    async with Client(build_server(load_settings()), raise_exceptions=True) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> CallToolResult:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    return result


async def answer(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await call(client, tool, **arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def cells(found: dict[str, Any], row: int = 0) -> dict[str, Any]:
    return dict(zip(found["columns"], found["rows"][row], strict=True))


class TestFinraAlone:
    async def test_daily_short_volume_of_a_us_stock(self, alone: Client) -> None:
        found = await answer(alone, "get_daily_short_volume", symbol="AAPL", **DAY, response_format="full")
        assert found["source"] == "sandbox:finra"
        assert found["ratio_basis"] == "off-exchange volume reported to FINRA"
        day = cells(found)
        assert [day["short_volume"], day["total_volume"], day["short_ratio_pct"]] == [8_714_049, 16_275_823, 53.54]
        assert [day["close"], day["exempt_short_volume"]] == [None, 41_327]
        parts = [day[f"{facility}_short_volume"] for facility in ("nqtrf", "nctrf", "nytrf")]
        assert abs(sum(parts) - day["short_volume"]) <= 2  # each is rounded by itself
        assert any("Short sale data \u00a9 FINRA" in note and "40-50 %" in note for note in found["notes"])

    async def test_short_interest_of_a_us_stock(self, alone: Client) -> None:
        found = await answer(alone, "get_short_interest", symbol="GME", count=2)
        assert found["source"] == "sandbox:finra"
        assert cells(found, 1)["date"] == "2026-05-15"
        newest = await answer(alone, "get_short_interest", symbol="GME", count=1, end_date="2026-04-30")
        assert [cells(newest)[name] for name in ("short_interest", "days_to_cover", "change_pct")] == [
            59_374_474,
            8.48,
            -4.09,
        ]
        assert any("Short sale data \u00a9 FINRA" in note for note in newest["notes"])

    async def test_a_comparison_of_us_stocks(self, alone: Client) -> None:
        found = await answer(alone, "compare_short_volume", symbols=["AAPL", "TSLA", "700.HK"])
        assert [len(found["rows"]), found["source"]] == [2, "sandbox:finra"]
        assert "No OpenD answers" in found["failures"][0]["error"]
        assert any("Short sale data \u00a9 FINRA" in note for note in found["notes"])

    async def test_by_venue_it_is_finra_s_part_and_says_how_to_get_the_rest(self, alone: Client) -> None:
        found = await answer(alone, "get_short_volume_by_venue", symbol="AAPL", **DAY)
        assert [found["complete"], found["sources"]] == [False, ["sandbox:finra"]]
        day = cells(found)
        assert [day["off_exchange_short"], day["known_short"], day["all_venue_pct"]] == [8_714_049, None, None]
        assert "Start OpenD and log in" in found["notes"][0]
        assert found["missing_venues"][:2] == ["Nasdaq exchange", "NYSE group"]

    async def test_the_whole_market(self, alone: Client) -> None:
        found = await answer(alone, "screen_short_volume", count=5)
        assert [found["date"], len(found["rows"]), found["statistics_days"]] == [str(AS_OF), 5, 1]
        ratios = [row[1] for row in found["rows"]]
        assert ratios == sorted(ratios, reverse=True)
        assert any("Short sale data \u00a9 FINRA" in note for note in found["notes"])

    @pytest.mark.parametrize(
        ("tool", "arguments", "said"),
        [
            ("get_short_trades", {"symbol": "AAPL"}, "get_daily_short_volume answers from FINRA"),
            ("get_daily_short_volume", {"symbol": "700.HK"}, "Start OpenD"),
            ("get_daily_short_volume", {"symbol": "700.HK", "source": "finra"}, "FINRA has US securities only"),
            ("get_short_interest", {"symbol": "700.HK"}, "Without an account source=sfc has the weekly file."),
            ("rank_short_selling", {"market": "US"}, "Start OpenD"),
            ("get_short_volume_by_venue", {"symbol": "700.HK"}, "trades on one exchange only"),
            (
                "compare_short_volume",
                {"symbols": ["700.HK", "5.HK"], "source": "finra"},
                "FINRA has US securities only",
            ),
            ("screen_short_volume", {"date": "2026-05-16"}, "was no US trading day"),
            ("screen_short_volume", {"min_ratio": 101}, "min_ratio cannot be used. It must be a number from 0 to 100."),
        ],
    )
    async def test_what_cannot_be_answered_says_what_it_needs(
        self, alone: Client, tool: str, arguments: dict[str, Any], said: str
    ) -> None:
        result = await call(alone, tool, **arguments)
        assert result.is_error
        assert said in result.content[0].text  # type: ignore[union-attr]

    async def test_a_real_short_interest_a_quarter_later(
        self, alone: Client, finra: FinraGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        october = AS_OF.replace(month=10)
        monkeypatch.setattr(finra, "_as_of", october)
        monkeypatch.setattr(Market, "today", lambda _market: october)
        found = await answer(alone, "get_short_interest", symbol="AAPL", count=2, end_date="2026-09-15")
        assert [cells(found)[name] for name in ("short_interest", "days_to_cover", "change_pct")] == [
            128_753_092,
            2.85,
            -7.87,
        ]
        assert not any("revised" in note for note in found["notes"])


class TestHongKongsFile:
    async def test_by_name_it_answers_without_an_account(self, alone: Client, sfc: SfcGateway) -> None:
        found = await answer(alone, "get_short_interest", symbol="5.HK", source="sfc", count=1, end_date="2026-04-17")
        assert found["source"] == "sandbox:sfc"
        assert [cells(found)["short_interest"], cells(found)["short_interest_value"]] == [64_312_593, 9_100_231_910]

    async def test_switched_on_it_answers_where_nothing_else_does(
        self, finra_alone: FinraGateway, sfc: SfcGateway
    ) -> None:
        async with Client(build_server(load_settings(SHORTVOL_SFC="1", FUTU_SOURCE="auto"))) as client:
            found = await answer(client, "get_short_interest", symbol="5.HK")
        assert found["source"] == "sandbox:sfc"

    async def test_it_has_no_daily_volume(self, alone: Client) -> None:
        result = await call(alone, "get_daily_short_volume", symbol="5.HK", source="sfc")
        assert result.is_error
        assert 'It must be "auto" or "futu_opend" or "futu_cloud" or "finra".' in result.content[0].text  # type: ignore[union-attr]


class TestTheVenuesTogether:
    async def test_the_real_day(self, everyone: Client) -> None:
        found = await answer(everyone, "get_short_volume_by_venue", symbol="AAPL", **DAY)
        day = cells(found)
        assert [day["known_short"], day["consolidated_volume"], day["all_venue_pct"]] == [16_002_068, 54_862_836, 29.17]
        assert day["off_exchange_share_pct"] == 29.67
        said = {ratio["who"]: ratio["pct"] for ratio in found["ratios"]}
        assert said == {"FINRA": 53.54, "Longbridge": 36.43, "Futu/moomoo": 13.28, "together, at least": 29.17}
        assert found["complete"]
        assert "at least 29.17 % of all volume" in found["summary"]
        assert found["missing_venues"] == ["Cboe", "IEX", "MEMX", "other exchanges"]

    async def test_longbridge_stands_in_for_the_nasdaq_exchange(
        self, finra_alone: FinraGateway, gateway: LongbridgeGateway, sandbox: Sandbox
    ) -> None:
        longbridge = {k: v for k, v in sandbox.environment().items() if k.startswith("LONGBRIDGE_")}
        async with Client(build_server(load_settings(**longbridge))) as client:
            found = await answer(client, "get_short_volume_by_venue", symbol="AAPL", **DAY)
        day = cells(found)
        assert [day["nasdaq_short"], day["nyse_short"], day["known_short"]] == [5_748_485, None, 8_714_049 + 5_748_485]
        assert [day["all_venue_pct"], found["complete"]] == [None, False]
        assert found["missing_venues"][0] == "NYSE group"
        assert "Longbridge's rows stand in for the Nasdaq exchange" in found["notes"][0]

    async def test_days_that_one_side_lacks_have_nulls_and_no_sum(self, everyone: Client, finra: FinraGateway) -> None:
        finra.fail("a_day_missing")
        found = await answer(everyone, "get_short_volume_by_venue", symbol="AAPL", count=9)
        lacking = [cells(found, row) for row in range(9) if cells(found, row)["off_exchange_short"] is None]
        assert len(lacking) == 1
        assert [lacking[0]["known_short"], lacking[0]["all_venue_pct"]] == [None, None]
        assert lacking[0]["nasdaq_short"] is not None
        assert any("only one side has" in note for note in found["notes"])

    async def test_one_that_fails_is_named_and_fails_nobody_else(self, everyone: Client, opend: OpenDGateway) -> None:
        opend.logged_in = False
        found = await answer(everyone, "get_short_volume_by_venue", symbol="AAPL", count=3)
        assert [found["complete"], found["sources"]] == [False, ["sandbox:finra", "sandbox:longbridge"]]
        assert any(note.startswith("Incomplete, without Futu: ") and "not logged in" in note for note in found["notes"])

    async def test_where_a_part_is_missing_on_a_day_it_is_not_complete(
        self, everyone: Client, finra: FinraGateway
    ) -> None:
        finra.fail("empty")
        found = await answer(everyone, "get_short_volume_by_venue", symbol="AAPL", count=3)
        assert [found["complete"], cells(found)["known_short"], cells(found)["nasdaq_short"] is None] == [
            False,
            None,
            False,
        ]

    async def test_one_that_is_half_set_up_is_named_and_fails_nobody_else(
        self, finra_alone: FinraGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for variables in ({"LONGBRIDGE_APP_KEY": "x"}, {"FUTU_API_KEY": "x"}, {"FUTU_SOURCE": "futu_cloud"}):
            async with Client(build_server(load_settings(**variables))) as client:
                found = await answer(client, "get_short_volume_by_venue", symbol="AAPL", **DAY)
            assert cells(found)["off_exchange_short"] == 8_714_049
            assert any(
                note.startswith(("Incomplete, without Longbridge: ", "Incomplete, without Futu: "))
                for note in found["notes"]
            )

    async def test_a_market_and_a_sandbox_are_not_added(
        self, everyone: Client, finra: FinraGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mcp_shortvol.sandbox.finra.gateway.SANDBOX_HEADER", "x-nobody")
        result = await call(everyone, "get_short_volume_by_venue", symbol="AAPL", count=3)
        assert result.is_error
        assert "their figures cannot be added" in result.content[0].text  # type: ignore[union-attr]

    async def test_a_year_stays_within_the_budget_and_says_what_is_left_out(self, everyone: Client) -> None:
        found = await answer(everyone, "get_short_volume_by_venue", symbol="NVDA", count=250)
        assert len(json.dumps(found, separators=(",", ":"))) <= 18 * 1024
        assert found["rows_omitted"] > 0
        assert len(found["rows"]) + found["rows_omitted"] == found["returned"] == 250
        assert f"{found['rows_omitted']} older rows are left out here: narrow the dates to get them." in found["notes"]

    async def test_the_text_has_the_table_within_its_budget(self, everyone: Client) -> None:
        result = await call(everyone, "get_short_volume_by_venue", symbol="AAPL", count=60)
        text = result.content[0].text  # type: ignore[union-attr]
        assert len(text.encode()) <= 2048
        assert "Who says|% 2026-06-12|short sales|share of" in text

    async def test_auto_asks_whom_the_order_says(self, everyone: Client) -> None:
        assert (await answer(everyone, "get_daily_short_volume", symbol="AAPL"))["source"] == "sandbox:futu_opend"
        assert (await answer(everyone, "get_short_interest", symbol="AAPL"))["source"] == "sandbox:finra"
        assert (await answer(everyone, "get_short_interest", symbol="700.HK"))["source"] == "sandbox:futu_opend"


class TestTheScreen:
    @pytest.mark.parametrize("order_by", ["short_ratio", "short_volume", "jump", "z_score", "streak"])
    async def test_every_order_is_that_of_its_own_column(self, alone: Client, order_by: str) -> None:
        found = await answer(alone, "screen_short_volume", order_by=order_by, count=30)
        column = {"short_ratio": "short_ratio_pct", "jump": "deviation_pp", "streak": "streak_days"}.get(
            order_by, order_by
        )
        figures = [cells(found, row)[column] for row in range(len(found["rows"]))]
        assert figures == sorted(figures, reverse=True)
        assert len(figures) >= 10

    async def test_a_market_day_of_real_size_is_six_pages_once(
        self, alone: Client, finra: FinraGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(finra, "additional", 12_457)
        found = await answer(alone, "screen_short_volume", count=100, date="2026-06-11")
        assert 12_400 <= found["names"] <= 12_500
        assert 6 <= len(finra.requests) <= 7
        assert len(json.dumps(found, separators=(",", ":"))) <= 18 * 1024
        await answer(alone, "screen_short_volume", order_by="short_volume", date="2026-06-11")
        assert len(finra.requests) <= 7

    async def test_names_below_the_limits_are_not_there(self, alone: Client) -> None:
        found = await answer(alone, "screen_short_volume", count=100, min_volume=500_000, min_ratio=50)
        assert found["rows"]
        assert all(cells(found, row)["total_volume"] >= 500_000 for row in range(len(found["rows"])))
        assert all(cells(found, row)["short_ratio_pct"] >= 50 for row in range(len(found["rows"])))
        assert found["names_passing"] == len(found["rows"])

    async def test_an_order_that_needs_days_gets_them(self, alone: Client) -> None:
        found = await answer(alone, "screen_short_volume", order_by="z_score", days=2)
        assert [found["statistics_days"], bool(found["rows"])] == [11, True]

    async def test_a_failure_half_way_leaves_an_answer_that_says_so(self, alone: Client, finra: FinraGateway) -> None:
        await answer(alone, "screen_short_volume")
        finra.fail("error_400")
        found = await answer(alone, "screen_short_volume", order_by="z_score")
        assert [found["complete"], found["statistics_days"]] == [False, 1]
        assert found["notes"][0].startswith("Incomplete: statistics stand on 1 trading day of 11.")
