"""The server as an assistant starts it: a real process, spoken to over standard input and output."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters, stdio_client

from mcp_shortvol import __version__
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway

COMMAND = str(Path(sys.executable).with_name("mcp-shortvol"))


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_lists_and_calls_over_stdio(
    mode: str, gateway: LongbridgeGateway, environment: dict[str, str]
) -> None:
    server = StdioServerParameters(command=COMMAND, env=environment)
    async with Client(stdio_client(server), mode=mode) as client:
        assert client.server_info is not None
        assert [client.server_info.name, client.server_info.version] == ["mcp-shortvol", __version__]
        assert "get_short_trades" in {tool.name for tool in (await client.list_tools()).tools}
        result = await client.call_tool("get_short_trades", {"symbol": "700.HK", "count": 1, "end_date": "2026-05-18"})
        assert result.structured_content is not None
        assert result.structured_content["rows"][0][:3] == ["2026-05-18", 2926000, 29497076]


def speak(environment: dict[str, str], *messages: dict[str, Any], until: int) -> tuple[list[str], str]:
    """Every line of standard output up to the answer with id `until`, and all of standard error."""
    with subprocess.Popen(
        [COMMAND],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for message in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        process.stdin.flush()
        lines = []
        for line in process.stdout:
            lines.append(line)
            if json.loads(line).get("id") == until:
                break
        rest, errors = process.communicate(timeout=10)
    return lines + rest.splitlines(), errors


def test_standard_output_is_the_protocol_s_and_no_secret_comes_out_at_any_log_level(
    gateway: LongbridgeGateway, environment: dict[str, str]
) -> None:
    gateway.fail("error_500", times=1)
    lines, errors = speak(
        environment | {"SHORTVOL_LOG_LEVEL": "DEBUG"},
        {
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            },
        },
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "get_short_trades", "arguments": {"symbol": "700.HK"}}},
        until=2,
    )
    assert json.loads(lines[-1])["result"]["structuredContent"]["returned"] == 20
    secrets = [environment[f"LONGBRIDGE_{name}"] for name in ("APP_KEY", "APP_SECRET", "ACCESS_TOKEN")]
    assert not [secret for secret in secrets if secret in errors + "".join(lines)]


def test_a_setting_that_cannot_be_used_ends_it_with_a_sentence() -> None:
    done = subprocess.run(
        [COMMAND], env=os.environ | {"SHORTVOL_TIMEOUT": "soon"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("mcp-shortvol: A setting cannot be used (SHORTVOL_TIMEOUT")


HEAVY = {
    "httpx",
    "sqlite3",
    "stamina",
    "filelock",
    "holidays",
    "tabulate",
    "platformdirs",
    "statistics",
    "mcp_shortvol.history.history",
}


def test_the_tools_are_listed_before_anything_heavy_is_imported() -> None:
    """`python -v` would name every module; `sys.modules` at the end of a session that only lists the tools does too."""
    program = """
import sys, anyio
from mcp import Client
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

before = set(sys.modules)

async def main():
    async with Client(build_server(load_settings())) as client:
        assert len((await client.list_tools()).tools) == 7

anyio.run(main)
print(*(name for name in sys.modules if name not in before or name.startswith("mcp_shortvol")), *before)
"""
    bare = "import sys, anyio, mcp.server.mcpserver, mcp.client, pydantic_settings; print(*sys.modules)"
    done, sdk = (
        subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.split()
        for text in (program, bare)
    )
    assert not HEAVY & (set(done) - set(sdk))
    assert not HEAVY & {name for name in done if name.startswith("mcp_shortvol")}
