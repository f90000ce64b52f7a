"""What a model sees of the tools: reviewed as product, within a budget, portable to every vendor's bridge."""

import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings


@pytest.fixture(scope="module")
def tools() -> list[dict[str, Any]]:
    listed = anyio.run(build_server(load_settings()).list_tools)
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in listed]


def size(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":")).encode())


def test_the_definitions_are_as_reviewed(tools: list[dict[str, Any]], snapshot: Callable[[str, str], None]) -> None:
    snapshot("tools.json", json.dumps(tools, indent=1) + "\n")


def test_they_are_within_their_budget(tools: list[dict[str, Any]]) -> None:
    seen = [{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in tools]
    assert size(seen[:3]) <= 5632  # the short-volume tools
    assert size({"tools": tools[:3]}) <= 9216
    assert size(seen) <= 11520
    assert size({"tools": tools}) <= 18944
    assert all(len(tool["description"]) <= 2048 for tool in tools)


def test_they_are_announced_as_read_only(tools: list[dict[str, Any]]) -> None:
    hints = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False}
    assert all(tool["annotations"] == hints for tool in tools)


def test_inputs_are_portable(tools: list[dict[str, Any]]) -> None:
    """Single-typed properties; nothing that a vendor's bridge is known to trip over."""
    for tool in tools:
        assert "additionalProperties" not in tool["inputSchema"]
        for name, schema in tool["inputSchema"]["properties"].items():
            assert isinstance(schema["type"], str), name
            assert not schema.keys() & {"anyOf", "oneOf", "const", "$ref", "title"}, name
            assert schema["description"], name


def test_every_key_of_the_answer_is_promised(tools: list[dict[str, Any]]) -> None:
    for tool in tools:
        assert set(tool["outputSchema"]["required"]) == set(tool["outputSchema"]["properties"])
