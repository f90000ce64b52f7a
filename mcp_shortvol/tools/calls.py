"""What the tools share while a call runs: its deadline, where its progress is told, the result in both its forms."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.server.mcpserver.context import Context
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel

from mcp_shortvol.errors import UpstreamUnreachable
from mcp_shortvol.history import Progress

__all__ = ["progress_of", "result", "within"]


def result(text: str, answer: BaseModel) -> CallToolResult:
    """A tool's result: the text for a person, the structured answer for a program; neither is the other again."""
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=answer.model_dump())


@asynccontextmanager
async def within(deadline: float) -> AsyncIterator[None]:
    """At most so many seconds for what stands inside; raises UpstreamUnreachable after them."""
    try:
        with anyio.fail_after(deadline):
            yield
    except TimeoutError:
        raise UpstreamUnreachable(
            f"The answer was not complete within {deadline:g} seconds.",
            "Ask for less at once, or raise SHORTVOL_DEADLINE.",
        ) from None


def progress_of(context: Context[Any, Any]) -> Progress | None:
    """Where progress is told: nowhere when a program calls the tool in process, outside any request."""
    if type(context) is Context:  # a subclass of ours has its own way
        try:
            context.request_context  # noqa: B018
        except ValueError:
            return None
    return context.report_progress
