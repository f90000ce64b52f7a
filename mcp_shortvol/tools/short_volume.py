"""What the two short-volume tools have in common: a series of one symbol → the result."""

from typing import Annotated

from mcp_types import CallToolResult

from mcp_shortvol.answers.short_volume import (
    Interval,
    ResponseFormat,
    ShortVolumeAnswer,
    answer_of,
    answers_without_rows,
)
from mcp_shortvol.answers.short_volume_text import concise_text, full_text
from mcp_shortvol.domain.short_volume import Series
from mcp_shortvol.tools.calls import result
from mcp_shortvol.upstreams import Upstreams

__all__ = ["ShortVolumeResult", "short_volume_result"]

ShortVolumeResult = Annotated[CallToolResult, ShortVolumeAnswer]


def short_volume_result(
    upstreams: Upstreams, series: Series, interval: Interval, response_format: ResponseFormat
) -> CallToolResult:
    """The tool result that a series gives."""
    made: CallToolResult = upstreams.results.of(
        (series,), (interval, response_format), lambda: _result(series, interval, response_format)
    )
    return made.model_copy()


def _result(series: Series, interval: Interval, response_format: ResponseFormat) -> CallToolResult:
    if response_format == "summary":
        said, brief = answers_without_rows(series, interval)
        return result(concise_text(said, interval), brief)
    answer = answer_of(series, response_format, interval)
    return result(full_text(answer, interval) if response_format == "full" else concise_text(answer, interval), answer)
