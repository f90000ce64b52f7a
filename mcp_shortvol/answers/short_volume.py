"""Series → the structured answer, the contract of the short-volume tools.

The model is what the output schema publishes: plain fields, nothing optional, so that a client finds every key. Volumes
are shares, money is in the market's currency, ratios are percent rounded to 2 decimals; a missing figure is null.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel

from mcp_shortvol.answers.notes import notes_on
from mcp_shortvol.answers.periods import Period, periods_of
from mcp_shortvol.answers.statistics import Statistics, statistics_of
from mcp_shortvol.answers.summary import summary_of
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Day, Series, ShortPosition

__all__ = [
    "Interval",
    "ResponseFormat",
    "ShortVolumeAnswer",
    "answer_of",
    "answers_without_rows",
    "rounded",
    "within_budget",
]

ResponseFormat = Literal["summary", "concise", "full"]
Interval = Literal["day", "week", "month"]
"""What a row is; the statistics and the count are of days whatever it is."""

_CONCISE_ROWS = 250
_CONCISE_BYTES = 15 * 1024
_SUMMARY_BYTES = 1536
_IMPLIED_STATISTICS = frozenset({"previous_pct", "highest_days", "slope_pp_per_day"})

Cell = str | int | float | None


class ShortVolumeAnswer(BaseModel):
    """A figure that is unknown is null, never 0."""

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


def rounded(value: float | None, decimals: int) -> int | float | None:
    """A figure as it travels: rounded, and without a fraction where there is none."""
    if value is None or type(value) is int:
        return value
    result = round(value, decimals)
    return int(result) if result == int(result) else result


def _cell(value: date | float, decimals: int) -> Cell:
    return value.isoformat() if isinstance(value, date) else rounded(value, decimals)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `rows`, named as the figure of a day or a period is, and the decimals it is printed with."""

    name: str
    decimals: int = 0

    def of(self, rows: Sequence[Day | Period]) -> list[Cell]:
        """The cells of rows; None where such a row has no such figure."""
        decimals = self.decimals
        values = [getattr(row, self.name, None) for row in rows]
        return [
            value if value is None or type(value) is int else _cell(value, decimals)  # most are the former
            for value in values
        ]


_CORE = (
    Column("date"),
    Column("short_volume"),
    Column("total_volume"),
    Column("short_ratio_pct", 2),
    Column("close", 4),
)
_SHORT_TURNOVER = Column("short_turnover")  # in whole dollars, as the exchange prints it
_DAYS = Column("days")
_NYSE_PART = Column("nyse_short_volume")
_FULL = (
    Column("source_ratio_pct", 4),
    Column("nasdaq_short_volume"),
    _NYSE_PART,
    Column("exempt_short_volume"),
    *(
        Column(f"{facility}_{part}_volume")
        for facility in ("nqtrf", "nctrf", "nytrf", "orf", "adf")
        for part in ("short", "total")
    ),
    Column("total_turnover", 2),
    Column("open", 4),
    Column("previous_close", 4),
    Column("average_ratio_20d_pct", 3),
)


def _columns(
    series: Series, rows: Sequence[Day | Period], interval: Interval, response_format: ResponseFormat
) -> list[Column]:
    """The columns of an answer: the core always, and in a full one whatever else the source gave."""
    core = [*_CORE]
    if series.question.symbol.market is Market.HK:
        core.append(_SHORT_TURNOVER)
    if interval != "day":
        core.append(_DAYS)
    if response_format == "concise":
        return core
    given = (column for column in _FULL if not (column is _NYSE_PART and series.nyse_part_is_missing))
    return core + [column for column in given if any(cell is not None for cell in column.of(rows))]


def within_budget(rows: list[list[Cell]]) -> list[list[Cell]]:
    """As many of the first rows as a concise answer has room for: fewer only where figures are uncommonly long."""
    while len(json.dumps(rows, separators=(",", ":"))) > _CONCISE_BYTES:
        rows = rows[: len(rows) * 9 // 10]
    return rows


def answer_of(
    series: Series, response_format: ResponseFormat = "concise", interval: Interval = "day"
) -> ShortVolumeAnswer:
    """The structured answer that a series gives."""
    return _answer(series, statistics_of(series.days), response_format, interval)


def _answer(
    series: Series, statistics: Statistics | None, response_format: ResponseFormat, interval: Interval
) -> ShortVolumeAnswer:
    symbol, days = series.question.symbol, series.days
    periods = [] if interval == "day" else periods_of(days, interval)
    lines: Sequence[Day | Period] = days if interval == "day" else periods
    columns = [] if response_format == "summary" else _columns(series, lines, interval, response_format)
    most = None if response_format == "full" else _CONCISE_ROWS
    rows = [list(cells) for cells in zip(*(column.of(lines[:most]) for column in columns), strict=True)]
    shown = rows if response_format == "full" else within_budget(rows)
    omitted = len(lines) - len(shown)
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
        rows_omitted=omitted,
        statistics=statistics and statistics.as_dict(),
        short_position=series.short_position and _position(series.short_position),
        notes=notes_on(series, statistics, omitted=omitted if columns else 0, periods=periods),
    )


def answers_without_rows(series: Series, interval: Interval) -> tuple[ShortVolumeAnswer, ShortVolumeAnswer]:
    """The answer without rows as its text says it, and the structured one: statistics and their judgement, in 1.5 KB.

    Statistics that are null, or that others imply, are left out; of many notable days the most notable ones stay.
    """
    statistics = statistics_of(series.days)
    answer = _answer(series, statistics, "summary", interval)
    summary = summary_of(series, statistics, brief=True)
    shown = {
        name: value
        for name, value in (answer.statistics or {}).items()
        if value is not None and name not in _IMPLIED_STATISTICS
    }
    brief = answer.model_copy(update={"summary": summary, "statistics": shown or None})
    notable: list[list[Any]] = shown.get("notable_days", [])
    while notable and len(brief.model_dump_json().encode()) > _SUMMARY_BYTES:
        notable = [day for day in notable if day is not min(notable, key=_distance)]
        shown["notable_days"] = notable
    return answer, brief


def _distance(notable_day: list[Any]) -> float:
    """The standard score of a notable day, whatever its sign; see `NotableDay` for the order of its fields."""
    return abs(float(notable_day[3]))


def _position(position: ShortPosition) -> dict[str, Cell]:
    return {
        "date": position.date.isoformat() if position.date else None,
        "shares": position.shares,
        "pct": rounded(position.pct, 4),
        "pct_basis": position.pct_basis,
        "days_to_cover": rounded(position.days_to_cover, 2),
    }
