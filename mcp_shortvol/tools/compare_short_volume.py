"""The tool `compare_short_volume`: several symbols over the same trading dates, the most unusual first."""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

import anyio
from mcp.server.mcpserver.context import Context
from mcp_types import CallToolResult
from pydantic import BeforeValidator, Field
from pydantic.json_schema import SkipJsonSchema

from mcp_shortvol.answers.comparison import CompareBy, Comparison, comparison_of, comparison_text
from mcp_shortvol.domain.errors import InvalidRequest, SetupError, ShortVolumeError
from mcp_shortvol.domain.progress import Progress
from mcp_shortvol.domain.question import MAX_DAYS, Question
from mcp_shortvol.domain.short_volume import Series
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.domain.wording import plain
from mcp_shortvol.tools.arguments import (
    EndDateArgument,
    StartDateArgument,
    VolumeSourceArgument,
    optional,
    otherwise,
    whole_number,
)
from mcp_shortvol.tools.calls import progress_of, result, within
from mcp_shortvol.tools.strict import StrictTool
from mcp_shortvol.upstreams import Upstreams

__all__ = ["compare_short_volume_tool"]

_DEFAULT_COUNT = 30
_BETWEEN = re.compile(r"[,;\u3001\uff0c\n]|(?<!\s) +(?!US\b|HK\b)")  # between symbols, but not inside "700 HK"
_MOST_SYMBOLS = 10
_DESCRIPTION = """\
Compare the daily short volume of 2 to 10 US or Hong Kong stocks: for each the latest short ratio and short volume, \
its change, mean, z-score, percentile, streak and the day's price change, the most unusual first.
Use it for "which of these is shorted unusually today", "biggest jump" or a watch list; for one stock use \
get_short_trades or get_daily_short_volume. The trading dates are the same within a market only. Ratios of a US and a \
Hong Kong stock are shares of different volumes: compare those by z-scores. A symbol that fails is named in failures \
and does not fail the rest."""


def _split(value: object) -> object:
    """A list of strings, where an assistant sent the names in one string, as JSON, or as numbers."""
    if isinstance(value, str):
        value = [name for name in _BETWEEN.split(value.strip("[]() \n")) if name.strip()]
    return [str(name) if type(name) is int else name for name in value] if isinstance(value, list) else value


SymbolsArgument = Annotated[
    list[str],
    BeforeValidator(_split),
    Field(
        min_length=2,
        max_length=_MOST_SYMBOLS,
        description="The stocks, in any usual spelling.",
        examples=[["700.HK", "9988.HK"]],
    ),
]
CountArgument = Annotated[
    Annotated[int, Field(ge=1, le=MAX_DAYS)] | SkipJsonSchema[None],
    BeforeValidator(whole_number),
    Field(json_schema_extra=optional, description=f"Trading days, never weeks; {_DEFAULT_COUNT} if left out."),
]
OrderArgument = Annotated[
    CompareBy,
    otherwise("z_score"),
    Field(description="What comes first: |z_score|, the biggest change (|change_z|), percentile or the latest ratio."),
]
ComparisonResult = Annotated[CallToolResult, Comparison]


def compare_short_volume_tool(upstreams: Upstreams) -> StrictTool:
    """The tool over whichever source of `upstreams` is asked for."""

    async def compare_short_volume(
        context: Context[Any, Any],
        symbols: SymbolsArgument,
        count: CountArgument = None,
        start_date: StartDateArgument = None,
        end_date: EndDateArgument = None,
        order_by: OrderArgument = "z_score",
        source: VolumeSourceArgument = "auto",
    ) -> ComparisonResult:
        failures: dict[str, str] = {}
        wanted = _parsed(symbols, failures)
        async with within(upstreams.deadline) as deadline:
            ask = partial(Question.of, count=count, start=start_date, end=end_date, default_count=_DEFAULT_COUNT)
            questions = [ask(symbol) for symbol in wanted]
            # One source a market: ratios of two sources are never put beside each other.
            sources = {
                market: (await upstreams.open(source, market)).volume
                for market in sorted({symbol.market for symbol in wanted})
            }

            async def fetch(question: Question) -> Series:
                asked = sources[question.symbol.market]
                return await upstreams.history.series(asked, question, deadline=deadline)

            found = await _fetched(fetch, questions, failures, progress_of(context))
        if not found:
            raise InvalidRequest(
                "None of these symbols could be compared.",
                " ".join(f"{symbol}: {error}" for symbol, error in failures.items()),
            )
        comparison = comparison_of(found, failures, order_by)
        return result(comparison_text(comparison), comparison)

    return StrictTool.of(
        compare_short_volume,
        name="compare_short_volume",
        title="Compare short volume",
        description=_DESCRIPTION,
    )


def _parsed(texts: list[str], failures: dict[str, str]) -> list[Symbol]:
    """The symbols meant, each once; those that cannot be understood go to `failures`."""
    symbols: dict[Symbol, None] = {}
    for text in texts:
        try:
            symbols[Symbol.parse(text)] = None
        except InvalidRequest as error:
            failures[plain(text)] = str(error)
    if len(symbols) + len(failures) < 2:
        raise InvalidRequest("All symbols name the same stock.", "Give 2 to 10 different ones.")
    return list(symbols)


async def _fetched(
    fetch: Callable[[Question], Awaitable[Series]],
    questions: list[Question],
    failures: dict[str, str],
    progress: Progress | None,
) -> list[Series]:
    """The series that answer, fetched side by side, in the order asked for; what fails goes to `failures`.

    A failure of the set-up concerns every symbol and is raised.
    """
    found: dict[Symbol, Series] = {}
    set_up: list[SetupError] = []

    async def ask(question: Question) -> None:
        try:
            found[question.symbol] = await fetch(question)
        except SetupError as error:
            set_up.append(error)
            tasks.cancel_scope.cancel()
        except ShortVolumeError as error:
            failures[str(question.symbol)] = str(error)
        if progress is not None:
            done, all_of_them = len(found), len(questions)
            await progress(done, all_of_them, f"{done} of {all_of_them} symbols")

    async with anyio.create_task_group() as tasks:
        for question in questions:
            tasks.start_soon(ask, question)
    if set_up:
        raise set_up[0]
    return [found[question.symbol] for question in questions if question.symbol in found]
