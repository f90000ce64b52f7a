"""What the two short-volume tools have in common: arguments → question → series → the answer in both its forms."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import anyio
from mcp.server.mcpserver.context import Context
from mcp_types import CallToolResult, TextContent

from mcp_shortvol.answer import Interval, ResponseFormat, ShortVolumeAnswer, answer_of
from mcp_shortvol.errors import UpstreamUnreachable
from mcp_shortvol.history import Progress, fetch_series
from mcp_shortvol.question import Question
from mcp_shortvol.sources import Source
from mcp_shortvol.text import concise_text, full_text

__all__ = ["ShortVolumeResult", "answer_question", "progress_of", "within"]

ShortVolumeResult = Annotated[CallToolResult, ShortVolumeAnswer]


async def answer_question(
    question: Question,
    interval: Interval,
    response_format: ResponseFormat,
    *,
    open_source: Callable[[], Awaitable[Source]],
    deadline: float,
    context: Context[Any, Any],
) -> CallToolResult:
    """The tool result for a question, within `deadline` seconds; raises errors of `mcp_shortvol.errors`."""
    async with within(deadline):
        series = await fetch_series(await open_source(), question, progress_of(context))
    answer = answer_of(series, response_format, interval)
    text = full_text(answer, interval) if response_format == "full" else concise_text(answer, interval)
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
