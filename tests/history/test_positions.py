"""Flow and positions together: what is added to an answer, at which cost, and what happens where it cannot be had."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp import Client

from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(gateway: LongbridgeGateway, opend: OpenDGateway, environment: dict[str, str]) -> AsyncIterator[Client]:
    settings = load_settings(
        SHORTVOL_LONGBRIDGE_QUOTA="off", SHORTVOL_FUTU_QUOTA="off", SHORTVOL_STORE="memory:", SHORTVOL_TIMEOUT="1"
    )
    async with Client(build_server(settings), raise_exceptions=True) as connected:
        yield connected


async def ask(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def positions(gateway: LongbridgeGateway) -> int:
    return sum("short-positions" in request.path for request in gateway.requests)


def asked(opend: OpenDGateway, protocol: int) -> int:
    return sum(question.protocol == protocol for question in opend.requests)


class TestTheNewestShortInterest:
    @pytest.mark.parametrize(
        ("symbol", "basis"), [("AAPL", "shares outstanding"), ("700.HK", "issued shares")], ids=["US", "HK"]
    )
    async def test_it_costs_longbridge_one_request_and_is_kept_like_the_days(
        self, client: Client, gateway: LongbridgeGateway, symbol: str, basis: str
    ) -> None:
        first = await ask(client, "get_short_trades", symbol=symbol, count=30)
        assert positions(gateway) == 1
        again = await ask(client, "get_short_trades", symbol=symbol, count=30)
        assert positions(gateway) == 1
        assert first["short_position"] == again["short_position"]
        assert first["short_position"]["pct_basis"] == basis
        alone = await ask(client, "get_short_interest", symbol=symbol, count=1, source="longbridge")
        row = dict(zip(alone["columns"], alone["rows"][0], strict=True))
        assert [first["short_position"][name] for name in ("date", "shares")] == [row["date"], row["short_interest"]]
        assert first["short_position"]["days_to_cover"] == row["days_to_cover"]

    async def test_futu_sends_it_with_a_hong_kong_stock_s_days(self, client: Client, opend: OpenDGateway) -> None:
        found = await ask(client, "get_daily_short_volume", symbol="700.HK", count=30)
        assert found["short_position"]["shares"] > 0
        assert asked(opend, 3249) == 0
        assert (await ask(client, "get_daily_short_volume", symbol="AAPL", count=30))["short_position"]["shares"] > 0
        assert asked(opend, 3249) == 1

    async def test_a_question_about_the_past_gets_no_position_of_today(
        self, client: Client, gateway: LongbridgeGateway
    ) -> None:
        found = await ask(client, "get_short_trades", symbol="AAPL", count=5, end_date="2026-03-31")
        assert found["short_position"] is None
        assert positions(gateway) == 0

    @pytest.mark.parametrize(
        ("fault", "said"),
        [
            ("code_301604", "Without short interest: "),
            ("silence", "The newest short interest was not here in time"),
        ],
    )
    async def test_its_failure_costs_no_day_and_is_said(
        self, client: Client, gateway: LongbridgeGateway, fault: str, said: str
    ) -> None:
        gateway.fail(fault, on="/v1/quote/short-positions")
        found = await ask(client, "get_short_trades", symbol="AAPL", count=30)
        assert [found["returned"], found["complete"], found["short_position"]] == [30, True, None]
        assert [note for note in found["notes"] if note.startswith(said)]


class TestVolumesForReports:
    @pytest.mark.parametrize("source", ["longbridge", "futu_opend", "futu_cloud"])
    async def test_hong_kong_s_days_to_cover_are_shares_by_the_mean_of_20_days(
        self, client: Client, source: str
    ) -> None:
        found = await ask(client, "get_short_interest", symbol="700.HK", count=6, source=source, response_format="full")
        rows = [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
        tool = "get_short_trades" if source == "longbridge" else "get_daily_short_volume"
        if source != "futu_cloud":
            days = await ask(client, tool, symbol="700.HK", count=90)
            for row in rows:
                volumes = [day[2] for day in days["rows"] if day[0] <= row["date"]][:20]
                assert row["days_to_cover"] == round(row["short_interest"] / round(sum(volumes) / 20), 2)
        assert all(row["short_interest_value"] == round(row["short_interest"] * row["close"]) for row in rows)
        assert None not in [row["days_to_cover"] for row in rows]
        notes = " ".join(found["notes"])
        assert "mean daily volume of the 20 trading days up to the report's date, computed here" in notes
        assert ("shares x close of that date, computed here" in notes) == (source != "longbridge")

    async def test_the_daily_rows_are_two_pages_at_most_and_the_kept_ones_first(
        self, client: Client, opend: OpenDGateway
    ) -> None:
        found = await ask(client, "get_short_interest", symbol="700.HK", count=60, source="futu_opend")
        assert asked(opend, 3248) == 2
        cover = [row[3] for row in found["rows"]]
        assert cover[0] is not None
        assert cover[-1] is None  # its days lie further back than two pages
        again = await ask(client, "get_short_interest", symbol="700.HK", count=60, source="futu_opend")
        assert sum(row[3] is not None for row in again["rows"]) > sum(value is not None for value in cover)
        assert asked(opend, 3248) <= 5

    async def test_without_the_daily_rows_the_reports_come_all_the_same(
        self, client: Client, gateway: LongbridgeGateway
    ) -> None:
        gateway.fail("error_500", on="/v1/quote/short-trades")
        found = await ask(client, "get_short_interest", symbol="700.HK", source="longbridge")
        assert [row[3] for row in found["rows"]] == [None] * 6
        assert any(note.startswith("Without days to cover") for note in found["notes"])

    async def test_us_reports_have_their_own_volumes(self, client: Client, gateway: LongbridgeGateway) -> None:
        found = await ask(client, "get_short_interest", symbol="AAPL", source="longbridge")
        assert not any("computed here" in note for note in found["notes"])
        assert all("short-positions" in request.path for request in gateway.requests)
