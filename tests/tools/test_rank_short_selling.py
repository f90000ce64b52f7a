"""The ranking as an assistant asks for it: pages of a list that moves, thin names left out, words on its two dates."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult

from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(opend: OpenDGateway, environment: dict[str, str]) -> AsyncIterator[Client]:
    settings = load_settings(SHORTVOL_TIMEOUT="1", SHORTVOL_FUTU_QUOTA="off")
    async with Client(build_server(settings), raise_exceptions=True) as connected:
        yield connected


async def call(client: Client, **arguments: object) -> CallToolResult:
    result = await client.call_tool("rank_short_selling", arguments)
    assert isinstance(result, CallToolResult)
    return result


async def answer(client: Client, **arguments: object) -> dict[str, Any]:
    result = await call(client, **arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


def pages(opend: OpenDGateway) -> int:
    return sum(question.protocol == 3415 for question in opend.requests)


@pytest.mark.parametrize("market", ["HK", "US"])
@pytest.mark.parametrize("moving", [False, True])
async def test_a_hundred_names_are_at_most_four_pages_and_no_name_comes_twice(
    client: Client, opend: OpenDGateway, market: str, moving: bool
) -> None:
    opend.moving_list = moving
    found = await answer(client, market=market, count=100, min_volume=0, include_rmb_counters=True)
    symbols = [row[0] for row in found["rows"]]
    assert [len(symbols), len(set(symbols))] == [100, 100]
    assert pages(opend) <= 4


@pytest.mark.parametrize("direction", ["desc", "asc"])
@pytest.mark.parametrize("order_by", ["short_ratio", "short_volume", "short_interest", "days_to_cover"])
async def test_rows_come_in_the_order_asked_for_with_that_figure_first(
    client: Client, order_by: str, direction: str
) -> None:
    found = await answer(client, market="US", order_by=order_by, direction=direction, count=20)
    figures = [row[2] for row in found["rows"]]
    assert found["columns"][2].startswith(order_by)
    assert figures == sorted(figures, reverse=direction == "desc")
    assert None not in figures


async def test_thin_names_and_rmb_counters_are_left_out_and_counted_unless_asked_for(client: Client) -> None:
    found = await answer(client, market="HK", count=10)
    codes = [int(row[0].partition(".")[0]) for row in found["rows"]]
    assert not [code for code in codes if 80_000 <= code < 90_000]
    assert all(row[found["columns"].index("volume")] >= 100_000 for row in found["rows"])
    assert set(found["left_out"]) == {"RMB counters", "under 100,000 shares traded"}
    assert any(note.startswith("Left out: ") for note in found["notes"])
    unfiltered = await answer(client, market="HK", count=10, min_volume=0, include_rmb_counters=True)
    assert [unfiltered["rows"][0][2], unfiltered["left_out"]] == [100, {}]


async def test_it_says_when_it_was_fetched_and_of_which_day_the_figures_are(
    client: Client, opend: OpenDGateway
) -> None:
    found = await answer(client, market="HK", order_by="short_volume")
    assert found["fetched_at"].endswith("+00:00")
    assert found["trading_date"] == "2026-06-12"  # by the newest day of the first name, which is a listed stock
    assert [question.protocol for question in opend.requests].count(3248) == 1
    assert found["notes"][-1].endswith("UTC. The day's figures are of 2026-06-12.")
    assert "(Futu OpenD; short ratio of HKEX shares traded)" in found["summary"]
    assert found["ratio_basis"] == "HKEX shares traded"


async def test_a_trading_date_that_cannot_be_known_is_not_guessed(client: Client, opend: OpenDGateway) -> None:
    found = await answer(client, market="HK", order_by="short_ratio")  # led by an invented name without days
    assert found["trading_date"] is None
    assert "The source does not say of which trading day the figures are." in found["notes"][-1]


async def test_the_text_says_how_many_names_had_no_room(client: Client) -> None:
    result = await call(client, market="HK", count=60, min_volume=0)
    text = result.content[0].text
    hidden = re.search(r"^- (\d+) more rows had no room here: they are in the structured answer\.$", text, re.MULTILINE)
    assert hidden is not None
    assert text.count(".HK ") + text.count(".HK|") - 1 == 60 - int(hidden[1])
    assert len(text.encode()) <= 2048


async def test_a_note_speaks_of_shown_columns_only(client: Client) -> None:
    positions = await answer(client, market="US", order_by="short_interest")
    assert positions["notes"][-1].endswith(
        "UTC. Short interest is the latest reported, of a date the source does not name."
    )


async def test_ten_names_cost_little_and_text_and_json_are_not_each_other(client: Client) -> None:
    result = await call(client, market="HK")
    assert len(json.dumps(result.structured_content, separators=(",", ":"), ensure_ascii=False).encode()) <= 2560
    assert len(result.content[0].text.encode()) <= 2048
    assert "SANDBOX" in result.content[0].text


async def test_an_empty_ranking_is_an_explained_success(client: Client, opend: OpenDGateway) -> None:
    opend.fail("empty", on=3415)
    found = await answer(client, market="HK")
    assert [found["rows"], found["complete"]] == [[], True]
    assert any("An empty ranking is normal" in note for note in found["notes"])


async def test_hostile_names_come_through_harmless(client: Client, opend: OpenDGateway) -> None:
    opend.fail("hostile_text", on=3415)
    result = await call(client, market="US")
    everything = result.content[0].text + json.dumps(result.structured_content, ensure_ascii=False)
    assert not set(everything) & set("<>[]{}\u202e\u2066\x1b\u200b") - set("[]{}")
    assert "<script" not in everything


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, 'market is missing. It must be "US" or "HK".'),
        ({"market": "SG"}, 'market cannot be used. It must be "US" or "HK".'),
        ({"market": "HK", "order_by": "borrow_fee"}, "order_by cannot be used."),
        ({"market": "HK", "count": 101}, "It must be a whole number from 1 to 100."),
        ({"market": "HK", "min_volume": -1}, "min_volume cannot be used."),
        ({"market": "HK", "sector": "banks"}, 'There is no argument "sector".'),
    ],
)
async def test_a_wrong_argument_says_what_is_allowed(client: Client, arguments: dict[str, Any], said: str) -> None:
    result = await call(client, **arguments)
    assert result.is_error
    assert said in result.content[0].text


async def test_without_an_opend_the_error_says_what_is_needed(environment: dict[str, str]) -> None:
    async with Client(build_server(load_settings(FUTU_OPEND_PORT="9")), raise_exceptions=True) as client:
        result = await call(client, market="HK")
        assert result.is_error
        assert "No OpenD answers at 127.0.0.1:9. Start OpenD" in result.content[0].text
    settings = load_settings(FUTU_SOURCE="futu_cloud")
    async with Client(build_server(settings), raise_exceptions=True) as client:
        assert "Rankings come from OpenD only" in (await call(client, market="HK")).content[0].text
