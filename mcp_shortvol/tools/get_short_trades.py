"""The tool `get_short_trades`: daily short volume over Longbridge."""

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

__all__ = ["get_short_trades_tool"]

_DEFAULT_COUNT = 20
_DESCRIPTION = f"""\
Get the daily short volume of one US or Hong Kong stock from Longbridge: shares sold short each day, total volume, \
short ratio in percent, close, and in Hong Kong the HKD value sold short.
Use it for "how much of X was shorted", "is today unusual", a date or a month. It is a flow of sales; short_position \
is the newest short interest (open positions). A US ratio here is a share of the Nasdaq exchange's volume: compare it \
with no other source.
Days: count alone gives the newest days (default {_DEFAULT_COUNT}); start_date, with or without end_date, every day \
between; end_date with count the days up to it. Statistics always cover every day asked for. Newest first, \
market-local dates; the newest day appears after the close or the day after."""


def get_short_trades_tool(upstreams: Upstreams) -> StrictTool:
    """The tool over the Longbridge of `upstreams`."""

    async def get_short_trades(
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
            vendor = await upstreams.longbridge()
            series = await series_with_position(
                upstreams.history, vendor, question, deadline=deadline, progress=progress_of(context)
            )
        return short_volume_result(upstreams, series, interval, response_format)

    return StrictTool.of(
        get_short_trades,
        name="get_short_trades",
        title="Daily short volume (Longbridge)",
        description=_DESCRIPTION,
    )
