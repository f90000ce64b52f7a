"""The command `query`: asks the very tool an assistant would call, and prints its answer."""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp_types import CallToolResult, TextContent
from pydantic import ValidationError

from mcp_shortvol.answers.tables import csv
from mcp_shortvol.cli.questions import question_of
from mcp_shortvol.cli.terminal import is_for_eyes, plotted, styled
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
    "--sandbox to try it with invented figures. US stocks need none of it: FINRA answers.",
)
_ANSWERED, _FAILED_HERE, _WRONG_QUESTION, _NOT_SET_UP, _VENDOR_FAILED = range(5)


class _TerminalContext(Context[Any, Any]):
    """Reports progress on standard error, and only where a person is looking."""

    async def report_progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        if sys.stderr.isatty():
            share = f"{progress:.0f}/{total:.0f} " if total else ""
            sys.stderr.write(f"\r\x1b[K{share}{message or ''}")
            sys.stderr.flush()


def query(options: argparse.Namespace) -> int:
    """Print the answer, or on standard error why there is none; returns the exit code."""
    nothing_set_up = False
    try:
        settings = _settings(options)
        nothing_set_up = options.source == "auto" and settings.futu_source == "auto" and not settings.anything_set_up
        tool, arguments = question_of(options, settings)
        result = anyio.run(_call, build_server(settings), tool, arguments)
    except (InvalidRequest, NotConfigured) as error:
        return _failed(error, error)
    except UnexpectedToolError:
        logging.getLogger(__name__).debug("the tool failed unexpectedly", exc_info=True)
        sys.stderr.write(f"mcp-shortvol: This is a defect of mcp-shortvol. Report it with your question at {ISSUES}\n")
        return _FAILED_HERE
    except ToolError as error:
        if nothing_set_up and isinstance(error.__cause__, UpstreamUnreachable) and "OpenD" in error.__cause__.what:
            return _failed(_NOTHING_SET_UP, _NOTHING_SET_UP)
        return _failed(error, error.__cause__)
    finally:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
    return _show(options, result)


def _show(options: argparse.Namespace, result: CallToolResult) -> int:
    """Print the answer in the form asked for; returns the exit code."""
    answer = result.structured_content
    assert answer is not None
    if options.html:
        return _write_html(options.html, answer)
    if options.json:
        text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    elif options.csv:
        text = csv(answer["columns"], answer["rows"])
    else:
        text = "\n".join(block.text for block in result.content if isinstance(block, TextContent))
        text = styled(text, answer) if is_for_eyes() else text
        if options.plot:
            text = f"{text}\n\n{plotted(answer) or 'There are too few figures to plot.'}"
    print(text)  # noqa: T201
    return _ANSWERED


def _write_html(name: str, answer: dict[str, Any]) -> int:
    from mcp_shortvol.view.document import report_html

    html = report_html(answer)
    if name == "-":
        print(html)  # noqa: T201
        return _ANSWERED
    try:
        Path(name).write_text(html, encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"mcp-shortvol: {name} cannot be written: {error.strerror}. Name another file.\n")
        return _FAILED_HERE
    sys.stderr.write(f"Wrote {name}: open it in any browser.\n")
    return _ANSWERED


def _settings(options: argparse.Namespace) -> Settings:
    return load_settings(SHORTVOL_SANDBOX="1") if options.sandbox else load_settings()


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
