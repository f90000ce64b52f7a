"""What the tools share while a call runs: its deadline, its progress, and the result in both forms."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp.server.mcpserver.context import Context
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel

from mcp_shortvol.domain.errors import out_of_time
from mcp_shortvol.domain.progress import Progress

__all__ = ["progress_of", "result", "within"]

_GRACE = 1.0


def result(text: str, answer: BaseModel) -> CallToolResult:
    """A tool's result: the text for a person, the structured answer for a program; neither is the other again."""
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=answer.model_dump())


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[float]:
    """At most about so many seconds for what stands inside; raises UpstreamTimedOut after them.

    Gives the deadline, a time of the event loop. Whoever can make do with less than everything does so by then, and has
    a moment more to say it.
    """
    deadline = anyio.current_time() + seconds
    try:
        with anyio.fail_after(seconds + _GRACE):
            yield deadline
    except TimeoutError:
        raise out_of_time(seconds) from None


def progress_of(context: Context[Any, Any]) -> Progress | None:
    """The function that reports progress; None when a program calls the tool in process, outside any request."""
    if type(context) is Context:  # a subclass of ours has its own way
        try:
            context.request_context  # noqa: B018
        except ValueError:
            return None
    return context.report_progress
