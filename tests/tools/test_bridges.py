"""The tools' input schemas pass through the bridges of other vendors, where those are installed."""

import copy
from typing import Any

import anyio
import pytest
from mcp_types import Tool

from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs, at import


@pytest.fixture(scope="module")
def tools() -> list[Tool]:
    return anyio.run(build_server(load_settings()).list_tools)


def test_openai_s_strict_conversion_takes_every_schema(tools: list[Tool]) -> None:
    strict_schema = pytest.importorskip("agents.strict_schema")
    for tool in tools:
        converted: dict[str, Any] = strict_schema.ensure_strict_json_schema(copy.deepcopy(tool.input_schema))
        assert converted["required"] == list(tool.input_schema["properties"])
        assert converted["additionalProperties"] is False


def test_google_genai_s_mcp_bridge_takes_every_tool(tools: list[Tool]) -> None:
    bridge = pytest.importorskip("google.genai._mcp_utils")
    converted = [declared for tool in bridge.mcp_to_gemini_tools(tools) for declared in tool.function_declarations]
    assert [declared.name for declared in converted] == [tool.name for tool in tools]
    for declared, tool in zip(converted, tools, strict=True):
        assert set(declared.parameters.properties) == set(tool.input_schema["properties"])
