"""The tool `get_daily_short_volume`: daily short volume over Futu/moomoo, or over FINRA without an account."""

from typing import Annotated, Any, Literal

from mcp.server.mcpserver.context import Context
from pydantic import Field

from mcp_shortvol.automatic import FUTU_OR_FINRA
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
    otherwise,
)
from mcp_shortvol.tools.calls import progress_of, within
from mcp_shortvol.tools.short_volume import ShortVolumeResult, short_volume_result
from mcp_shortvol.tools.strict import StrictTool
from mcp_shortvol.upstreams import Upstreams

__all__ = ["get_daily_short_volume_tool"]

_DEFAULT_COUNT = 30
_DESCRIPTION = f"""\
Get the daily short volume of one US or Hong Kong stock from Futu/moomoo, or of a US stock from FINRA, which needs no \
account: shares sold short each day, total volume, short ratio in percent, close, and in Hong Kong the HKD value.
Futu's US ratio is of all venues' volume; FINRA's is of off-exchange volume (40-50 % is ordinary), without prices, \
365 days; get_short_trades asks Longbridge. Never compare ratios of two sources: get_short_volume_by_venue \
adds them up. It is a flow of sales; short_position is the newest short interest.
Days: as in get_short_trades, count alone by default {_DEFAULT_COUNT}. Over the cloud at most 90 days; over OpenD \
many, at 50 a page and 30 pages in 30 s."""

SourceArgument = Annotated[
    Literal["auto", "futu_opend", "futu_cloud", "finra"],
    otherwise("auto"),
    Field(description="auto: Futu; FINRA (US) where no Futu is set up."),
]


def get_daily_short_volume_tool(upstreams: Upstreams) -> StrictTool:
    """The tool over the Futu of `upstreams`, or FINRA."""

    async def get_daily_short_volume(
        context: Context[Any, Any],
        symbol: SymbolArgument,
        count: CountArgument = None,
        start_date: StartDateArgument = None,
        end_date: EndDateArgument = None,
        interval: IntervalArgument = "day",
        response_format: FormatArgument = "concise",
        source: SourceArgument = "auto",
    ) -> ShortVolumeResult:
        question = Question.of(
            Symbol.parse(symbol), count=count, start=start_date, end=end_date, default_count=_DEFAULT_COUNT
        )
        async with within(upstreams.deadline) as deadline:
            vendor = await upstreams.open(source, question.symbol.market, FUTU_OR_FINRA)
            series = await series_with_position(
                upstreams.history, vendor, question, deadline=deadline, progress=progress_of(context)
            )
        return short_volume_result(upstreams, series, interval, response_format)

    return StrictTool.of(
        get_daily_short_volume,
        name="get_daily_short_volume",
        title="Daily short volume (Futu/moomoo, FINRA)",
        description=_DESCRIPTION,
    )
