"""The tool `get_short_interest`: the history of open short positions of one symbol."""

from typing import Annotated, Any

from mcp.server.mcpserver.context import Context
from mcp_types import CallToolResult
from pydantic import BeforeValidator, Field
from pydantic.json_schema import SkipJsonSchema

from mcp_shortvol.answers.short_interest import InterestAnswer, interest_answer_of, interest_text
from mcp_shortvol.domain.errors import UpstreamUnreachable
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.positions import interest_with_volumes
from mcp_shortvol.tools.arguments import (
    EndDateArgument,
    FormatArgument,
    InterestSourceArgument,
    SymbolArgument,
    optional,
    whole_number,
)
from mcp_shortvol.tools.calls import progress_of, result, within
from mcp_shortvol.tools.strict import StrictTool
from mcp_shortvol.upstreams import Upstreams

__all__ = ["get_short_interest_tool"]

_DEFAULT_COUNT = 6
_MOST_REPORTS = 100
_DESCRIPTION = """\
Get the short interest of one US or Hong Kong stock: shares still open short on each report's date, as a percentage \
(pct_basis says of what), days to cover, and the change against the report before.
Use it for "what is the short interest", "days to cover", "did shorts cover". A US stock needs no account: FINRA's \
reports since 2017. It is a stock of positions; for the shares sold short in a day use get_short_trades or \
get_daily_short_volume. Reports come twice a month in the US, days after their settlement date, and weekly in Hong \
Kong. Not available here: borrow fee, float, holders."""

ReportCountArgument = Annotated[
    Annotated[int, Field(ge=1, le=_MOST_REPORTS)] | SkipJsonSchema[None],
    BeforeValidator(whole_number),
    Field(json_schema_extra=optional, description=f"Reports, the newest first; {_DEFAULT_COUNT} if left out."),
]
InterestResult = Annotated[CallToolResult, InterestAnswer]


def get_short_interest_tool(upstreams: Upstreams) -> StrictTool:
    """The tool over whichever source of `upstreams` is asked for."""

    async def get_short_interest(
        context: Context[Any, Any],
        symbol: SymbolArgument,
        count: ReportCountArgument = None,
        end_date: EndDateArgument = None,
        source: InterestSourceArgument = "auto",
        response_format: FormatArgument = "concise",
    ) -> InterestResult:
        question = Question.of(
            Symbol.parse(symbol), count=count, start=None, end=end_date, default_count=_DEFAULT_COUNT
        )
        async with within(upstreams.deadline) as deadline:
            interest, volume = await upstreams.interest(source, question.symbol.market)
            try:
                series = await interest_with_volumes(
                    upstreams.history, interest, volume, question, deadline=deadline, progress=progress_of(context)
                )
            except UpstreamUnreachable as error:
                if source == "auto" and question.symbol.market is Market.HK:
                    raise error.adding("Without an account source=sfc has the weekly file.") from None
                raise
        answer = interest_answer_of(series, response_format)
        return result(interest_text(answer, response_format), answer)

    return StrictTool.of(
        get_short_interest, name="get_short_interest", title="Short interest", description=_DESCRIPTION
    )
