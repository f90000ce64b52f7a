"""The tool `get_daily_short_volume`: daily short volume over Futu/moomoo, from OpenD or the cloud."""

from typing import Any

from mcp.server.mcpserver.context import Context

from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.positions import series_with_position
from mcp_shortvol.tools.arguments import (
    CountArgument,
    EndDateArgument,
    FormatArgument,
    IntervalArgument,
    StartDateArgument,
    SymbolArgument,
)
from mcp_shortvol.tools.calls import progress_of, within
from mcp_shortvol.tools.short_volume import ShortVolumeResult, short_volume_result
from mcp_shortvol.tools.strict import StrictTool
from mcp_shortvol.upstreams import Upstreams

__all__ = ["get_daily_short_volume_tool"]

_DEFAULT_COUNT = 30
_DESCRIPTION = f"""\
Get the daily short volume of one US or Hong Kong stock from Futu/moomoo: shares sold short each day, total volume, \
short ratio in percent, close, and in Hong Kong the HKD value sold short.
Use it where Futu or moomoo is set up, and for a US ratio of all venues' volume; get_short_trades asks Longbridge \
instead. Never compare US ratios of the two: their denominators differ. It is a flow of sales; short_position (open \
positions, own date) is the newest short interest.
Days: as in get_short_trades, count alone by default {_DEFAULT_COUNT}. Over the cloud at most the newest 90 days; over \
OpenD many, at 50 a page and 30 pages in 30 s, so that hundreds of days can take a while."""


def get_daily_short_volume_tool(upstreams: Upstreams) -> StrictTool:
    """The tool over the Futu of `upstreams`."""

    async def get_daily_short_volume(
        context: Context[Any, Any],
        symbol: SymbolArgument,
        count: CountArgument = None,
        start_date: StartDateArgument = None,
        end_date: EndDateArgument = None,
        interval: IntervalArgument = "day",
        response_format: FormatArgument = "concise",
    ) -> ShortVolumeResult:
        question = Question.of(
            Symbol.parse(symbol), count=count, start=start_date, end=end_date, default_count=_DEFAULT_COUNT
        )
        async with within(upstreams.deadline) as deadline:
            vendor = await upstreams.futu()
            series = await series_with_position(
                upstreams.history, vendor, question, deadline=deadline, progress=progress_of(context)
            )
        return short_volume_result(series, interval, response_format)

    return StrictTool.of(
        get_daily_short_volume,
        name="get_daily_short_volume",
        title="Daily short volume (Futu/moomoo)",
        description=_DESCRIPTION,
    )
