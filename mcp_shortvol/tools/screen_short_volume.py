"""The tool `screen_short_volume`: the whole US market of a date, screened by off-exchange short volume."""

from typing import Annotated, Any

from mcp.server.mcpserver.context import Context
from mcp_types import CallToolResult
from pydantic import BeforeValidator, Field
from pydantic.json_schema import SkipJsonSchema

from mcp_shortvol.answers.screen import ScreenAnswer, screen_answer_of, screen_text
from mcp_shortvol.domain.ranking import Direction
from mcp_shortvol.domain.screen import MOST_DAYS, ScreenOrder, ScreenQuery
from mcp_shortvol.tools.arguments import DateArgument, optional, otherwise, whole_number
from mcp_shortvol.tools.calls import progress_of, result, within
from mcp_shortvol.tools.strict import StrictTool
from mcp_shortvol.upstreams import Upstreams

__all__ = ["screen_short_volume_tool"]

_MOST_NAMES = 100
_DAYS: dict[ScreenOrder, int] = {"short_ratio": 1, "short_volume": 1, "jump": 6, "z_score": 11, "streak": 6}
_LEAST_DAYS: dict[ScreenOrder, int] = {"jump": 2, "z_score": 11, "streak": 2}
_DESCRIPTION = f"""\
Screen the whole US market of a date by off-exchange short volume, from FINRA, which needs no account: about 12,500 \
names by ratio, volume, jump above the name's own mean, z-score, or days the ratio has risen in a row.
Use it for "which stocks have the highest short ratio today", "biggest jump in the market", "ratio rose 3 days in a \
row", also on a past date of the last year. rank_short_selling has short interest, Hong Kong and the exchanges' \
figures, over Futu's OpenD; for stocks you know use compare_short_volume, which has prices too.
Each market day takes about 6 requests once and is kept; statistics stand on the days that are kept or asked for (at \
most {MOST_DAYS}), and the answer says on how many. A high ratio of a thin name means little: min_volume."""

ScreenDateArgument = Annotated[
    DateArgument,
    Field(json_schema_extra=optional, description="Trading date; the newest if left out.", examples=["2026-05-15"]),
]
DaysArgument = Annotated[
    Annotated[int, Field(ge=1, le=MOST_DAYS)] | SkipJsonSchema[None],
    BeforeValidator(whole_number),
    Field(
        json_schema_extra=optional,
        description="Trading days for statistics, the date included; if left out 1, for jump and streak 6, z_score 11.",
    ),
]
ScreenResultType = Annotated[CallToolResult, ScreenAnswer]


def screen_short_volume_tool(upstreams: Upstreams) -> StrictTool:
    """The tool over the FINRA of `upstreams`."""

    async def screen_short_volume(
        context: Context[Any, Any],
        date: ScreenDateArgument = None,
        order_by: Annotated[
            ScreenOrder, otherwise("short_ratio"), Field(description="What to order by.")
        ] = "short_ratio",
        direction: Annotated[Direction, otherwise("desc"), Field(description="desc: highest first.")] = "desc",
        count: Annotated[
            Annotated[int, Field(ge=1, le=_MOST_NAMES)],
            BeforeValidator(whole_number),
            Field(description="How many names."),
        ] = 20,
        min_volume: Annotated[
            Annotated[int, Field(ge=0, le=10**12)],
            BeforeValidator(whole_number),
            Field(description="Least shares traded off exchange that day."),
        ] = 100_000,
        min_ratio: Annotated[float, Field(ge=0, le=100, description="Least short ratio, in percent.")] = 0,
        days: DaysArgument = None,
    ) -> ScreenResultType:
        wanted = max(days or _DAYS[order_by], _LEAST_DAYS.get(order_by, 1))
        query = ScreenQuery(date, order_by, direction, count, min_volume, min_ratio, wanted)
        async with within(upstreams.deadline) as deadline:
            source = await upstreams.market()
            found = await upstreams.market_days.screen(source, query, deadline=deadline, progress=progress_of(context))
        answer = screen_answer_of(found)
        return result(screen_text(answer), answer)

    return StrictTool.of(
        screen_short_volume,
        name="screen_short_volume",
        title="Screen the US market (FINRA)",
        description=_DESCRIPTION,
        drawn=False,
    )
