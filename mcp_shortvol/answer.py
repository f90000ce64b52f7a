"""Series → the structured answer, the contract of the short-volume tools.

The model is what the output schema publishes: plain fields, nothing optional, so that a client finds every key. Volumes
are shares, money is in the market's currency, ratios are percent rounded to 2 decimals; a missing figure is null.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from mcp_shortvol.markets import Market
from mcp_shortvol.notes import notes_on
from mcp_shortvol.series import Day, Series
from mcp_shortvol.statistics import statistics_of
from mcp_shortvol.summary import summary_of

__all__ = ["ResponseFormat", "ShortVolumeAnswer", "answer_of", "columns_of"]

ResponseFormat = Literal["concise", "full"]

_CONCISE_ROWS = 250
_CONCISE_BYTES = 15 * 1024

Cell = str | int | float | None


class ShortVolumeAnswer(BaseModel):
    """What `get_short_trades` and `get_daily_short_volume` answer."""

    symbol: str
    market: str
    source: str
    summary: str
    first_date: str | None
    last_date: str | None
    requested: int | None
    returned: int
    complete: bool
    ratio_basis: str
    columns: list[str]
    rows: list[list[Any]]
    rows_omitted: int
    statistics: dict[str, Any] | None
    short_position: dict[str, Any] | None
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `rows`: its name and a day's figure for it, rounded as it is printed."""

    name: str
    value: Callable[[Day], Cell]


def rounded(value: float | None, decimals: int) -> int | float | None:
    """A figure as it travels: rounded, and without a fraction where there is none."""
    if value is None:
        return None
    result = round(value, decimals)
    return int(result) if result == int(result) else result


_DATE = Column("date", lambda day: day.date.isoformat())
_CORE = (
    _DATE,
    Column("short_volume", lambda day: day.short_volume),
    Column("total_volume", lambda day: day.total_volume),
    Column("short_ratio_pct", lambda day: rounded(day.short_ratio_pct, 2)),
    Column("close", lambda day: rounded(day.close, 4)),
)
_SHORT_TURNOVER = Column("short_turnover", lambda day: rounded(day.short_turnover, 0))  # as the exchange prints it
_FULL = (
    Column("source_ratio_pct", lambda day: rounded(day.source_ratio_pct, 4)),
    Column("nasdaq_short_volume", lambda day: day.nasdaq_short_volume),
    Column("nyse_short_volume", lambda day: day.nyse_short_volume),
    Column("total_turnover", lambda day: rounded(day.total_turnover, 2)),
    Column("open", lambda day: rounded(day.open, 4)),
    Column("previous_close", lambda day: rounded(day.previous_close, 4)),
    Column("average_ratio_20d_pct", lambda day: rounded(day.average_ratio_20d_pct, 3)),
)


def columns_of(market: Market, days: Sequence[Day], response_format: ResponseFormat) -> list[Column]:
    """The columns of an answer: the core always, and in a full one whatever else the source gave."""
    core = [*_CORE, _SHORT_TURNOVER] if market is Market.HK else [*_CORE]
    if response_format == "concise":
        return core
    return core + [column for column in _FULL if any(column.value(day) is not None for day in days)]


def _within_budget(rows: list[list[Cell]]) -> list[list[Cell]]:
    """The newest rows of a concise answer: 250 of them, fewer only where their figures are uncommonly long."""
    size = 0
    for count, row in enumerate(rows[:_CONCISE_ROWS]):
        size += len(json.dumps(row, separators=(",", ":"))) + 1
        if size > _CONCISE_BYTES:
            return rows[:count]
    return rows[:_CONCISE_ROWS]


def answer_of(series: Series, response_format: ResponseFormat) -> ShortVolumeAnswer:
    """The structured answer that a series gives."""
    symbol, days = series.question.symbol, series.days
    columns = columns_of(symbol.market, days, response_format)
    rows = [[column.value(day) for column in columns] for day in days]
    shown = rows if response_format == "full" else _within_budget(rows)
    position = series.short_position
    statistics = statistics_of(days)
    return ShortVolumeAnswer(
        symbol=str(symbol),
        market=symbol.market.value,
        source=series.source,
        summary=summary_of(series, statistics),
        first_date=days[-1].date.isoformat() if days else None,
        last_date=days[0].date.isoformat() if days else None,
        requested=series.question.count,
        returned=len(days),
        complete=series.complete,
        ratio_basis=series.ratio_basis,
        columns=[column.name for column in columns],
        rows=shown,
        rows_omitted=len(rows) - len(shown),
        statistics=statistics and statistics.as_dict(),
        short_position=position
        and {
            "shares": position.shares,
            "pct_of_issued": position.pct_of_issued,
            "date": position.date.isoformat() if position.date else None,
        },
        notes=notes_on(series, omitted=len(rows) - len(shown)),
    )
