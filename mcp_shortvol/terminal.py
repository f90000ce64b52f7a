"""The command `query`: asks the very tool an assistant would call, and prints its answer."""

import argparse
import json
import sys
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp_types import CallToolResult, TextContent

from mcp_shortvol.errors import InvalidRequest, NotConfigured, SetupError, UnknownSecurity
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

__all__ = ["query"]

_ANSWERED, _OUR_DEFECT, _WRONG_QUESTION, _NOT_SET_UP, _VENDOR_FAILED = range(5)


class _TerminalContext(Context[Any, Any]):
    """Reports progress on standard error, and only where a person is looking."""

    async def report_progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        if sys.stderr.isatty():
            share = f"{progress:.0f}/{total:.0f} " if total else ""
            sys.stderr.write(f"\r\x1b[K{share}{message or ''}")
            sys.stderr.flush()


def query(options: argparse.Namespace) -> int:
    """Print the answer, or on standard error why there is none; returns the exit code."""
    given = {"symbol": options.symbol, "count": options.count, "start_date": options.start, "end_date": options.end}
    arguments = {name: value for name, value in given.items() if value is not None}
    if options.full:
        arguments["response_format"] = "full"
    try:
        settings = load_settings(**({"SHORTVOL_SANDBOX": "1"} if options.sandbox else {}))
        result = anyio.run(_call, build_server(settings), "get_short_trades", arguments)
    except (NotConfigured, ToolError) as error:
        sys.stderr.write(f"mcp-shortvol: {error}\n")
        return _exit_code(error)
    finally:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
    if options.json:
        print(json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":")))  # noqa: T201
    else:
        for block in result.content:
            assert isinstance(block, TextContent)
            print(block.text)  # noqa: T201
    return _ANSWERED


async def _call(server: MCPServer[Any], name: str, arguments: dict[str, Any]) -> CallToolResult:
    assert server.settings.lifespan is not None
    async with server.settings.lifespan(server):
        result = await server.call_tool(name, arguments, _TerminalContext(mcp_server=server))
    assert isinstance(result, CallToolResult)
    return result


def _exit_code(error: Exception) -> int:
    if isinstance(error, UnexpectedToolError):
        return _OUR_DEFECT
    cause = error.__cause__ if isinstance(error, ToolError) else error
    if isinstance(cause, SetupError):
        return _NOT_SET_UP
    if isinstance(cause, (InvalidRequest, UnknownSecurity)) or not hasattr(cause, "next_step"):
        return _WRONG_QUESTION
    return _VENDOR_FAILED
