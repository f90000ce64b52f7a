"""The same questions over every way in, by one fixture: standard input and output, HTTP, and replicas with a Redis."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import Client, StdioServerParameters, stdio_client
from mcp_types import CallToolResult

from mcp_shortvol.sandbox.runner import Sandbox
from tests.conftest import AS_OF
from tests.serving.served import COMMAND, Served, question, serving
from tests.valkey.redis_server import redis_server

pytestmark = pytest.mark.anyio

DAY = {"end_date": "2026-05-15", "count": 2}
CALLS: dict[str, dict[str, Any]] = {
    "get_short_trades": {"symbol": "700.HK", **DAY},
    "get_daily_short_volume": {"symbol": "AAPL", **DAY},
    "compare_short_volume": {"symbols": ["TSLA", "AAPL"], "end_date": "2026-05-15", "count": 30},
    "get_short_interest": {"symbol": "GME", "end_date": "2026-04-30", "count": 2},
    "get_short_volume_by_venue": {"symbol": "AAPL", **DAY},
    "rank_short_selling": {"market": "HK", "count": 3},
    "screen_short_volume": {"date": "2026-05-15", "count": 3},
}


@pytest.fixture(scope="module")
def played() -> Iterator[Sandbox]:
    with Sandbox(AS_OF) as running:
        running.opend.limited = False
        yield running


@pytest.fixture(scope="module")
def upstreams(played: Sandbox) -> dict[str, str]:
    return played.environment()


@pytest.fixture(scope="module")
def over_http(upstreams: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("http"), SHORTVOL_SANDBOX="0", **upstreams) as running:
        yield running


@pytest.fixture(scope="module")
def replicas(upstreams: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Served]]:
    """Two servers that share a Redis."""
    with redis_server(tmp_path_factory.mktemp("redis")) as redis:
        shared = {"SHORTVOL_SANDBOX": "0", "SHORTVOL_STORE": redis.url, **upstreams}
        folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
        with serving(folders[0], **shared) as one, serving(folders[1], **shared) as two:
            yield [one, two]


@pytest.fixture(params=["stdio", "http", "first of two replicas", "second of two replicas"])
def way_in(request: pytest.FixtureRequest, upstreams: dict[str, str]) -> Any:
    """What a client connects to."""
    if request.param == "http":
        return f"{request.getfixturevalue('over_http').url}/mcp"
    if "replicas" in request.param:
        return f"{request.getfixturevalue('replicas')['second' in request.param].url}/mcp"
    return StdioServerParameters(command=COMMAND, env=upstreams | {"SHORTVOL_STORE": "memory:"})


@asynccontextmanager
async def connected(way_in: Any, mode: str = "auto") -> AsyncIterator[Client]:
    target = stdio_client(way_in) if isinstance(way_in, StdioServerParameters) else way_in
    async with Client(target, mode=mode) as client:  # type: ignore[arg-type]
        yield client


async def call(client: Client, tool: str, arguments: dict[str, Any]) -> CallToolResult:
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, CallToolResult)
    return result


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_every_tool_answers(way_in: Any, mode: str) -> None:
    async with connected(way_in, mode) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == set(CALLS)
        for tool, arguments in CALLS.items():
            result = await call(client, tool, arguments)
            assert not result.is_error, result.content
            assert result.structured_content is not None
            assert result.structured_content["summary"] in result.content[0].text  # type: ignore[union-attr]


async def test_the_figures_are_the_published_ones(way_in: Any) -> None:
    async with connected(way_in) as client:
        found = (await call(client, "get_short_volume_by_venue", CALLS["get_short_volume_by_venue"])).structured_content
    assert found is not None
    assert found["rows"][0][:3] == ["2026-05-15", 8714049, 16275823]
    assert found["rows"][0][7] == 29.17


def test_what_one_replica_keeps_the_other_has(replicas: list[Served], played: Sandbox) -> None:
    one, two = replicas
    first = one.post(question("get_short_trades", symbol="823.HK", count=60, end_date="2026-05-15")).json()["result"]
    assert one.get("/readyz").json()["degraded"] == []
    played.longbridge.requests.clear()
    second = two.post(question("get_short_trades", symbol="823.HK", count=60, end_date="2026-05-15")).json()["result"]
    assert not [request for request in played.longbridge.requests if "short-trades" in request.path]
    assert second["structuredContent"] == first["structuredContent"]


async def test_a_mistake_is_worded(way_in: Any) -> None:
    async with connected(way_in) as client:
        for arguments, said in (
            ({"symbol": "600519.SH"}, "another market (Shanghai"),
            ({"symbol": "700.HK", "count": 0}, "It must be a whole number from 1 to 1000."),
            ({"symbol": "700.HK", "days": 5}, 'There is no argument "days".'),
        ):
            result = await call(client, "get_short_trades", arguments)
            assert result.is_error
            assert said in result.content[0].text  # type: ignore[union-attr]


async def test_resources_and_prompts_are_there(way_in: Any) -> None:
    async with connected(way_in) as client:
        (glossary,) = (await client.read_resource("shortvol://glossary")).contents
        assert "short_ratio_pct" in glossary.text  # type: ignore[union-attr]
        (status,) = (await client.read_resource("shortvol://status")).contents
        assert re.search(r"Longbridge +answers in", status.text)  # type: ignore[union-attr]
        assert len((await client.list_prompts()).prompts) >= 5
