"""A market's ranking → the answer of `rank_short_selling`, as text and as the structured model."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from mcp_shortvol.answers.formatting import big, source_in_words
from mcp_shortvol.answers.short_volume import rounded
from mcp_shortvol.answers.tables import fitted
from mcp_shortvol.domain.ranking import OrderBy, Ranked, RankingEnding, RankingResult
from mcp_shortvol.domain.wording import listed

__all__ = ["RankingAnswer", "ranking_answer_of", "ranking_text"]

# The figure that is asked for, and the few that explain it.
_FIGURES: Mapping[OrderBy, tuple[str, ...]] = {
    "short_ratio": ("short_ratio_pct", "short_volume", "volume", "close"),
    "short_ratio_change": ("short_ratio_change", "short_ratio_pct", "short_volume", "volume"),
    "short_volume": ("short_volume", "short_ratio_pct", "volume", "close"),
    "short_volume_change": ("short_volume_change", "short_volume", "short_ratio_pct", "volume"),
    "volume": ("volume", "short_volume", "short_ratio_pct", "close"),
    "short_interest": ("short_interest", "short_interest_pct", "days_to_cover", "close"),
    "short_interest_pct": ("short_interest_pct", "short_interest", "days_to_cover", "close"),
    "days_to_cover": ("days_to_cover", "short_interest", "short_interest_pct", "volume"),
    "week_average_short_volume": ("week_average_short_volume", "short_volume", "short_ratio_pct", "volume"),
    "week_average_short_ratio": ("week_average_short_ratio_pct", "short_ratio_pct", "short_volume", "volume"),
    "month_average_short_volume": ("month_average_short_volume", "short_volume", "short_ratio_pct", "volume"),
    "month_average_short_ratio": ("month_average_short_ratio_pct", "short_ratio_pct", "short_volume", "volume"),
}
_SHARES = frozenset(
    {
        "volume",
        "short_volume",
        "short_volume_change",
        "short_interest",
        "week_average_short_volume",
        "month_average_short_volume",
    }
)
_HEADS = {
    "short_ratio_pct": "Short %",
    "short_ratio_change": "Ratio change",
    "short_volume": "Short",
    "short_volume_change": "Short change",
    "volume": "Total",
    "close": "Close",
    "short_interest": "Short interest",
    "short_interest_pct": "Interest %",
    "days_to_cover": "Days to cover",
    "week_average_short_volume": "Week's short",
    "week_average_short_ratio_pct": "Week's %",
    "month_average_short_volume": "Month's short",
    "month_average_short_ratio_pct": "Month's %",
}


class RankingAnswer(BaseModel):
    """A figure that is unknown is null, never 0."""

    market: str
    source: str
    summary: str
    fetched_at: str
    complete: bool
    columns: list[str]
    rows: list[list[Any]]
    left_out: dict[str, int]
    notes: list[str]


def ranking_answer_of(result: RankingResult) -> RankingAnswer:
    """The structured answer that a ranking gives, in the vendor's order."""
    figures = _FIGURES[result.order_by]
    return RankingAnswer(
        market=result.market.value,
        source=result.source,
        summary=_summary(result),
        fetched_at=result.fetched_at.isoformat(timespec="minutes"),
        complete=result.complete,
        columns=["symbol", "name", *figures],
        rows=[[str(row.symbol), row.name, *(_figure(row, name) for name in figures)] for row in result.rows],
        left_out=dict(result.left_out),
        notes=[*_notes(result)],
    )


def ranking_text(answer: RankingAnswer) -> str:
    """The ranking for a person, or for a model whose host passes text only; at most 2,048 bytes."""
    incomplete = "" if answer.complete else ", INCOMPLETE"
    heading = f"**Short selling ranked, {answer.market}** ({source_in_words(answer.source)}{incomplete})"
    figures = answer.columns[2:]
    heads = ["Symbol", "Name", *(_HEADS[name] for name in figures)]
    rows = [[*row[:2], *map(_cell, figures, row[2:])] for row in answer.rows]
    return fitted((heading, answer.summary), heads, rows, "\n".join(f"- {note}" for note in answer.notes))


def _figure(row: Ranked, name: str) -> int | float | None:
    return rounded(getattr(row, name), 4 if name == "close" else 2)


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name not in _SHARES:
        return f"{value:g}"
    return f"-{big(-value)}" if value < 0 else big(value)


def _summary(result: RankingResult) -> str:
    label = "Sandbox, invented figures. " if result.invented else ""
    order = result.order_by.replace("_", " ")
    way = "highest" if result.direction == "desc" else "lowest"
    if not result.rows:
        return f"{label}The ranking of {result.market.full_name} stocks by {order} is empty."
    first = result.rows[0]
    figure = _in_words(_FIGURES[result.order_by][0], first.figure(result.order_by))
    name = f" ({first.name})" if first.name else ""
    return (
        f"{label}{len(result.rows)} {result.market.full_name} stocks with the {way} {order}, "
        f"led by {first.symbol}{name} with {figure}."
    )


def _in_words(name: str, value: float | None) -> str:
    text = _cell(name, rounded(value, 2))
    if name.endswith("_pct"):
        return f"{text} %"
    return f"{text} shares" if name in _SHARES else text


def _notes(result: RankingResult) -> Iterator[str]:
    if result.interruption is not None:
        yield f"Incomplete, names further down are missing: {result.interruption.what} {result.interruption.next_step}"
    elif result.ending is RankingEnding.STALLED:
        yield "Incomplete: the source kept giving the same names; ask again."
    elif result.ending is RankingEnding.READ_LIMIT:
        yield "Incomplete: one call reads no further down the list; ask for fewer names or a lower min_volume."
    elif result.ending is RankingEnding.LIST_ENDS and result.rows:
        yield "The list has no more names than these."
    elif not result.rows:
        yield "An empty ranking is normal before the market's first figures of the day."
    if result.left_out:
        reasons = [f"{count} ({reason})" for reason, count in result.left_out.items()]
        yield f"Left out: {listed(reasons)}."
    if result.unreadable:
        yield f"{result.unreadable} names could not be read."
    yield (
        f"Fetched {result.fetched_at:%Y-%m-%d %H:%M} UTC. One row holds figures of two dates, and the source names "
        "neither: short volume is the newest day's flow, short interest the latest reported positions."
    )
