"""The tool `compare_short_volume`: several symbols over the same trading dates, the most unusual first."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any

import anyio
from mcp.server.mcpserver.context import Context
from mcp_types import CallToolResult
from pydantic import BeforeValidator, Field

from mcp_shortvol.answers.comparison import Comparison, comparison_of, comparison_text
from mcp_shortvol.domain.errors import InvalidRequest, SetupError, ShortVolumeError
from mcp_shortvol.domain.progress import Progress
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Series
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.domain.wording import plain
from mcp_shortvol.tools.arguments import CountArgument, SourceArgument
from mcp_shortvol.tools.calls import progress_of, result, within
from mcp_shortvol.tools.strict import StrictTool
from mcp_shortvol.upstreams import Upstreams

__all__ = ["compare_short_volume_tool"]

_DEFAULT_COUNT = 30
_MOST_SYMBOLS = 10
_DESCRIPTION = """\
Compare the daily short volume of 2 to 10 US or Hong Kong stocks: for each the latest short ratio, its change, mean, \
z-score and percentile over the same trading dates, the most unusual first.
Use it for "which of these is shorted unusually today" or a watch list; for one stock, its days or its history use \
get_short_trades or get_daily_short_volume. Ratios of a US and a Hong Kong stock are shares of different volumes: \
compare those by z_score only. A symbol that fails is named in failures and does not fail the rest."""


def _split(value: object) -> object:
    """A list, where an assistant sent the names in one string."""
    return value.split(",") if isinstance(value, str) else value


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
ComparisonResult = Annotated[CallToolResult, Comparison]


def compare_short_volume_tool(upstreams: Upstreams) -> StrictTool:
    """The tool over whichever source of `upstreams` is asked for."""

    async def compare_short_volume(
        context: Context[Any, Any],
        symbols: SymbolsArgument,
        count: CountArgument = None,
        source: SourceArgument = "auto",
    ) -> ComparisonResult:
        failures: dict[str, str] = {}
        wanted = _parsed(symbols, failures)
        async with within(upstreams.deadline) as deadline:
            vendor = await upstreams.open(source)
            fetch = partial(upstreams.history.series, vendor.volume, deadline=deadline)
            found = await _fetched(fetch, wanted, count, failures, progress_of(context), vendor.volume.title)
        if not found:
            raise InvalidRequest(
                "None of these symbols could be compared.",
                " ".join(f"{symbol}: {error}" for symbol, error in failures.items()),
            )
        comparison = comparison_of(found, failures)
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
    symbols: list[Symbol],
    count: int | None,
    failures: dict[str, str],
    progress: Progress | None,
    title: str,
) -> list[Series]:
    """The series of the symbols, fetched side by side, in the order asked for; what fails goes to `failures`.

    A failure of the set-up concerns every symbol and is raised.
    """
    found: dict[Symbol, Series] = {}
    set_up: list[SetupError] = []

    async def ask(symbol: Symbol) -> None:
        question = Question.of(symbol, count=count, start=None, end=None, default_count=_DEFAULT_COUNT)
        try:
            found[symbol] = await fetch(question)
        except SetupError as error:
            set_up.append(error)
            tasks.cancel_scope.cancel()
        except ShortVolumeError as error:
            failures[str(symbol)] = str(error)
        if progress is not None:
            await progress(len(found), len(symbols), f"{len(found)} of {len(symbols)} symbols from {title}")

    async with anyio.create_task_group() as tasks:
        for symbol in symbols:
            tasks.start_soon(ask, symbol)
    if set_up:
        raise set_up[0]
    return [found[symbol] for symbol in symbols if symbol in found]
