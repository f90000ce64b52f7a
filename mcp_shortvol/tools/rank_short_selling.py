"""The tool `rank_short_selling`: a market's names in the order of a figure of short selling."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from mcp.server.mcpserver.context import Context
from mcp_types import CallToolResult
from pydantic import BeforeValidator, Field

from mcp_shortvol.answers.ranking import RankingAnswer, ranking_answer_of, ranking_text
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.ranking import Direction, OrderBy, Ranked
from mcp_shortvol.history.positions import trading_date_of
from mcp_shortvol.history.ranking_pages import fetch_ranking
from mcp_shortvol.tools.arguments import whole_number
from mcp_shortvol.tools.calls import progress_of, result, within
from mcp_shortvol.tools.strict import StrictTool
from mcp_shortvol.upstreams import Upstreams

__all__ = ["rank_short_selling_tool"]

_MOST_NAMES = 100
_RMB_COUNTERS = range(80_000, 90_000)
_FLOOR_DAYS = 1.0  # FINRA prints it for anything less, so that it ranks nothing
_DESCRIPTION = """\
Rank the stocks of the US or Hong Kong market by short selling, from Futu's OpenD: by the newest day's short ratio \
or volume, by short interest, by days to cover, or by week and month averages.
Use it for "most shorted stocks today", "most days to cover"; without OpenD, for a past date or a jump of a US stock \
use screen_short_volume; for stocks you already know compare_short_volume. \
Thin names are left out by min_volume, since a ratio of a few shares means nothing, and so are Hong Kong's RMB \
counters. short_* are a day's flow, short_interest* and days_to_cover the latest reported positions. ETFs are ranked \
with the stocks. Not there: an order by turnover, a past date, a sector."""

NameCountArgument = Annotated[
    Annotated[int, Field(ge=1, le=_MOST_NAMES)], BeforeValidator(whole_number), Field(description="How many names.")
]
VolumeArgument = Annotated[
    Annotated[int, Field(ge=0, le=10**12)],
    BeforeValidator(whole_number),
    Field(description="Least shares traded that day."),
]
RankingResultType = Annotated[CallToolResult, RankingAnswer]


def rank_short_selling_tool(upstreams: Upstreams) -> StrictTool:
    """The tool over the OpenD of `upstreams`."""

    async def rank_short_selling(
        context: Context[Any, Any],
        market: Annotated[Literal["US", "HK"], Field(description="The market to rank.")],
        order_by: Annotated[OrderBy, Field(description="What to rank by.")] = "short_ratio",
        direction: Annotated[Direction, Field(description="desc: highest first.")] = "desc",
        count: NameCountArgument = 10,
        min_volume: VolumeArgument = 100_000,
        include_rmb_counters: Annotated[bool, Field(description="Keep HK codes 80000-89999.")] = False,
    ) -> RankingResultType:
        def drop(row: Ranked) -> str | None:
            if row.figure(order_by) is None:
                return f"no {order_by.replace('_', ' ')} known"
            if order_by == "days_to_cover" and row.days_to_cover == _FLOOR_DAYS:
                return "days to cover at the floor of 1.00"
            if not include_rmb_counters and _is_rmb_counter(row):
                return "RMB counters"
            return f"under {min_volume:,} shares traded" if min_volume and (row.volume or 0) < min_volume else None

        async with within(upstreams.deadline) as deadline:
            vendor, source = await upstreams.ranking()
            found = await fetch_ranking(
                source, Market(market), order_by, direction, count, drop, progress_of(context), deadline=deadline
            )
            trading_date = await trading_date_of(upstreams.history, vendor, found, deadline)
        answer = ranking_answer_of(replace(found, trading_date=trading_date))
        return result(ranking_text(answer), answer)

    return StrictTool.of(
        rank_short_selling,
        name="rank_short_selling",
        title="Rank short selling",
        description=_DESCRIPTION,
        drawn=False,
    )


def _is_rmb_counter(row: Ranked) -> bool:
    return row.symbol.market is Market.HK and int(row.symbol.code) in _RMB_COUNTERS
