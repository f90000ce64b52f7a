"""What the server says of itself before any tool is called."""

import pytest
from mcp import Client
from mcp_types import PromptReference

from mcp_shortvol.answers.glossary import glossary_text
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

pytestmark = pytest.mark.anyio


async def instructions(**variables: str) -> str:
    async with Client(build_server(load_settings(**variables)), mode="legacy") as client:
        assert client.instructions is not None
        return client.instructions


async def test_the_instructions_say_which_tool_measures_what_and_what_no_tool_has() -> None:
    text = await instructions()
    assert "Futu measures against the volume of all venues, Longbridge against the Nasdaq exchange's, FINRA" in text
    assert "get_short_volume_by_venue puts them together" in text
    assert "No tool here has market totals, intraday figures, borrow fees, holders, fails to deliver or alerts." in text
    assert len(text.encode()) <= 1280


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "Set up here: nothing; an OpenD on this machine is used where one answers."),
        ({"FUTU_OPEND_HOST": "127.0.0.1"}, "Set up here: Futu OpenD."),
        ({"FUTU_API_TOKEN": "t", "LONGBRIDGE_CLIENT_ID": "c"}, "Set up here: Longbridge, Futu cloud."),
        ({"FUTU_API_TOKEN": "t", "FUTU_SOURCE": "futu_opend"}, "Set up here: nothing; "),
        ({"SHORTVOL_SANDBOX": "1"}, "The sandbox answers for every source: all figures are invented."),
    ],
)
async def test_the_instructions_say_what_is_set_up_here(variables: dict[str, str], said: str) -> None:
    assert said in await instructions(**variables)


async def test_the_glossary_is_a_resource() -> None:
    async with Client(build_server(load_settings())) as client:
        listed = {str(resource.uri): resource.mime_type for resource in (await client.list_resources()).resources}
        assert listed["shortvol://glossary"] == "text/markdown"
        (contents,) = (await client.read_resource("shortvol://glossary")).contents
        assert contents.text == glossary_text()  # type: ignore[union-attr]


async def test_the_status_is_what_the_doctor_says(gateway: LongbridgeGateway, environment: dict[str, str]) -> None:
    async with Client(build_server(load_settings())) as client:
        (contents,) = (await client.read_resource("shortvol://status")).contents
    text = contents.text  # type: ignore[union-attr]
    assert "US volume: OpenD; US interest: FINRA" in text
    assert "Longbridge   answers in " in text
    assert not any(value in text for name, value in environment.items() if "SECRET" in name or "TOKEN" in name)


async def test_symbols_already_asked_for_are_offered_first() -> None:
    settings = load_settings(SHORTVOL_SANDBOX="1", SHORTVOL_STORE="memory:")
    async with Client(build_server(settings)) as client:
        prompt = PromptReference(type="ref/prompt", name="short_selling_brief")
        await client.call_tool("get_short_trades", {"symbol": "823.HK", "count": 3})
        offered = await client.complete(prompt, {"name": "symbol", "value": ""})
        assert offered.completion.values[0] == "823.HK"
        assert "700.HK" in offered.completion.values
        narrowed = await client.complete(prompt, {"name": "symbol", "value": "8"})
        assert narrowed.completion.values == ["823.HK"]
