"""The command `query`: asks the very tool an assistant would call, and prints its answer."""

import argparse
import json
import logging
import sys
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp_types import CallToolResult, TextContent
from pydantic import ValidationError

from mcp_shortvol.domain.errors import (
    ISSUES,
    InvalidRequest,
    NotConfigured,
    SetupError,
    UnknownSecurity,
    UpstreamUnreachable,
)
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import Settings, load_settings

__all__ = ["query"]

_NOTHING_SET_UP = NotConfigured(
    "Nothing is set up yet: Longbridge has no credentials, and no OpenD answers on this machine.",
    "Set LONGBRIDGE_APP_KEY, LONGBRIDGE_APP_SECRET and LONGBRIDGE_ACCESS_TOKEN, or start Futu's OpenD; or add "
    "--sandbox to try it with invented figures.",
)
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
    nothing_set_up = False
    try:
        settings = _settings(options)
        nothing_set_up = settings.futu_source == "auto" and not settings.anything_set_up
        result = anyio.run(_call, build_server(settings), _tool(options, settings), arguments)
    except NotConfigured as error:
        return _failed(error, error)
    except UnexpectedToolError:
        logging.getLogger(__name__).debug("the tool failed unexpectedly", exc_info=True)
        sys.stderr.write(f"mcp-shortvol: This is a defect of mcp-shortvol. Report it with your question at {ISSUES}\n")
        return _OUR_DEFECT
    except ToolError as error:
        if nothing_set_up and isinstance(error.__cause__, UpstreamUnreachable):
            return _failed(_NOTHING_SET_UP, _NOTHING_SET_UP)
        return _failed(error, error.__cause__)
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


def _settings(options: argparse.Namespace) -> Settings:
    overrides = {"SHORTVOL_SANDBOX": "1"} if options.sandbox else {}
    if options.source.startswith("futu_"):
        overrides["FUTU_SOURCE"] = options.source
    return load_settings(**overrides)


def _tool(options: argparse.Namespace, settings: Settings) -> str:
    """The tool that asks the source wanted."""
    longbridge = "longbridge" in {options.source, settings.first_choice if options.source == "auto" else None}
    return "get_short_trades" if longbridge else "get_daily_short_volume"


async def _call(server: MCPServer[Any], name: str, arguments: dict[str, Any]) -> CallToolResult:
    assert server.settings.lifespan is not None
    async with server.settings.lifespan(server):
        result = await server.call_tool(name, arguments, _TerminalContext(mcp_server=server))
    assert isinstance(result, CallToolResult)
    return result


def _failed(error: Exception, cause: BaseException | None) -> int:
    sys.stderr.write(f"mcp-shortvol: {error}\n")
    if isinstance(cause, SetupError):
        return _NOT_SET_UP
    if isinstance(cause, (InvalidRequest, UnknownSecurity, ValidationError)):
        return _WRONG_QUESTION
    return _VENDOR_FAILED
