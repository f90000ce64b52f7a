"""The tool `get_short_volume_by_venue`: what share of all US trading in a stock was sold short, and where."""

from typing import Annotated, Any

from mcp.server.mcpserver.context import Context
from mcp_types import CallToolResult

from mcp_shortvol.answers.venues import VenueAnswer, venue_answer_of, venue_text
from mcp_shortvol.domain.errors import InvalidRequest
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.venues import series_by_venue
from mcp_shortvol.tools.arguments import CountArgument, EndDateArgument, StartDateArgument, SymbolArgument
from mcp_shortvol.tools.calls import progress_of, result, within
from mcp_shortvol.tools.strict import StrictTool
from mcp_shortvol.upstreams import Upstreams

__all__ = ["get_short_volume_by_venue_tool"]

_DEFAULT_COUNT = 20
_DESCRIPTION = f"""\
Get the short volume of one US stock by venue, side by side: off exchange (FINRA), the Nasdaq exchange and the NYSE \
group (Futu, or Longbridge for Nasdaq), their sum, and all_venue_pct: at least so much of ALL volume was sold short.
Use it for "what share of all trading is short", "how much trades in dark pools", "why is my number different", and \
"Longbridge says 36 %, moomoo 14 %, FINRA 53 %: who is right?": ratios says what each is a share of. FINRA needs no \
account; without Futu the answer is FINRA's part and incomplete.
Days: as in get_short_trades, count alone by default {_DEFAULT_COUNT}."""

VenueResult = Annotated[CallToolResult, VenueAnswer]


def get_short_volume_by_venue_tool(upstreams: Upstreams) -> StrictTool:
    """The tool over FINRA and whatever of `upstreams` has the exchanges' figures."""

    async def get_short_volume_by_venue(
        context: Context[Any, Any],
        symbol: SymbolArgument,
        count: CountArgument = None,
        start_date: StartDateArgument = None,
        end_date: EndDateArgument = None,
    ) -> VenueResult:
        asked = Symbol.parse(symbol)
        if asked.market is not Market.US:
            raise InvalidRequest(
                f"{asked} trades on one exchange only, and its short ratio is a share of that exchange's volume.",
                "Ask get_short_trades or get_daily_short_volume; this tool is for US stocks.",
            )
        question = Question.of(asked, count=count, start=start_date, end=end_date, default_count=_DEFAULT_COUNT)
        async with within(upstreams.deadline) as deadline:
            finra = (await upstreams.open("finra", Market.US)).volume
            sources = {"finra": finra, **await upstreams.exchanges()}
            series = await series_by_venue(
                upstreams.history, sources, question, deadline=deadline, progress=progress_of(context)
            )
        answer = venue_answer_of(series)
        return result(venue_text(answer), answer)

    return StrictTool.of(
        get_short_volume_by_venue,
        name="get_short_volume_by_venue",
        title="Short volume by venue (US)",
        description=_DESCRIPTION,
        drawn=False,
    )
