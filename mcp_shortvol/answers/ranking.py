"""A market's ranking → the answer of `rank_short_selling`, as text and as the structured model."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from mcp_shortvol.answers.formatting import big, source_in_words, source_title
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
_POSITIONS = frozenset({"short_interest", "short_interest_pct", "days_to_cover"})
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


class RankingAnswer(BaseModel):
    """A figure that is unknown is null, never 0."""

    market: str
    source: str
    summary: str
    ratio_basis: str
    fetched_at: str
    trading_date: str | None
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
        ratio_basis=result.ratio_basis,
        fetched_at=result.fetched_at.isoformat(timespec="minutes"),
        trading_date=result.trading_date.isoformat() if result.trading_date else None,
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
    notes = "\n".join(f"- {note}" for note in answer.notes)
    return fitted((heading, answer.summary), answer.columns, answer.rows, notes, every_row_counts=True)


def _figure(row: Ranked, name: str) -> int | float | None:
    return rounded(getattr(row, name), 4 if name == "close" else 2)


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name not in _SHARES:
        return f"{value:.2f}"
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
        f"{label}{len(result.rows)} {result.market.full_name} stocks with the {way} {order}, led by "
        f"{first.symbol}{name} with {figure} ({source_title(result.source)}; short ratio of {result.ratio_basis})."
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
    yield _dates(result)


def _dates(result: RankingResult) -> str:
    """Of which dates the columns shown are, as far as that is known."""
    fetched = f"Fetched {result.fetched_at:%Y-%m-%d %H:%M} UTC."
    figures = _FIGURES[result.order_by]
    sentences = []
    if any(name not in _POSITIONS and name != "close" for name in figures):
        if result.trading_date is not None:
            sentences.append(f"The day's figures are of {result.trading_date}.")
        else:
            sentences.append("The source does not say of which trading day the figures are.")
    if any(name in _POSITIONS for name in figures):
        sentences.append("Short interest is the latest reported, of a date the source does not name.")
    return " ".join([fetched, *sentences])
