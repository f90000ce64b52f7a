"""A screen of the market → the answer of `screen_short_volume`, as text and as the structured model."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from mcp_shortvol.answers.formatting import big, days_in_words, percent, source_in_words, source_title
from mcp_shortvol.answers.statistics import Statistics, statistics_of
from mcp_shortvol.answers.tables import fitted
from mcp_shortvol.domain.screen import MOST_DAYS, Screened, ScreenOrder, ScreenResult
from mcp_shortvol.domain.short_volume import Day
from mcp_shortvol.domain.wording import moment

__all__ = ["ScreenAnswer", "screen_answer_of", "screen_text"]

_COLUMNS = (
    "symbol",
    "short_ratio_pct",
    "short_volume",
    "total_volume",
    "prior_mean_pct",
    "deviation_pp",
    "z_score",
    "streak_days",
    "days",
)
_WORDS: dict[ScreenOrder, str] = {
    "short_ratio": "short ratio",
    "short_volume": "short volume",
    "jump": "jump above the own mean",
    "z_score": "z-score",
    "streak": "days in a row of a rising ratio",
}


class ScreenAnswer(BaseModel):
    """A figure that is unknown is null, never 0. `statistics_days` are the trading days that statistics stand on."""

    market: str
    source: str
    summary: str
    ratio_basis: str
    date: str
    statistics_days: int
    names: int
    names_passing: int
    complete: bool
    columns: list[str]
    rows: list[list[Any]]
    notes: list[str]


def screen_answer_of(result: ScreenResult) -> ScreenAnswer:
    """The structured answer that a screen gives, in its order."""
    figures = [(each, statistics) for each in result.found if _is_ordered(result, statistics := _statistics(each))]
    return ScreenAnswer(
        market="US",
        source=result.source,
        summary=_summary(result, figures),
        ratio_basis=result.ratio_basis,
        date=result.days[0].isoformat(),
        statistics_days=len(result.days),
        names=result.names,
        names_passing=result.passing,
        complete=result.complete,
        columns=list(_COLUMNS),
        rows=[_cells(each, statistics) for each, statistics in figures],
        notes=[*_notes(result)],
    )


def screen_text(answer: ScreenAnswer) -> str:
    """The screen for a person, or for a model whose host passes text only; at most 2,048 bytes."""
    incomplete = "" if answer.complete else ", INCOMPLETE"
    heading = f"**US market screened, {answer.date}** ({source_in_words(answer.source)}{incomplete})"
    notes = "\n".join(f"- {note}" for note in answer.notes)
    return fitted((heading, answer.summary), answer.columns, answer.rows, notes, every_row_counts=True)


def _is_ordered(result: ScreenResult, statistics: Statistics | None) -> bool:
    """Whether the figure that orders the screen is known, by the exact statistics."""
    if statistics is None:
        return False
    figure = {"jump": statistics.deviation_pp, "z_score": statistics.z_score}.get(result.query.order_by, 0.0)
    return figure is not None


def _streak(each: Screened) -> int:
    """Trading days in a row that the ratio rose (+) or fell (-); a day without trades ends it."""
    ratios = []
    for _, volumes in each.volumes:
        if volumes is None or not volumes.total:
            break
        ratios.append(volumes.short / volumes.total)
    steps = [(newer > older) - (newer < older) for newer, older in pairwise(ratios)]
    if not steps or not steps[0]:
        return 0
    length = next((place for place, step in enumerate(steps) if step != steps[0]), len(steps))
    return steps[0] * length


def _statistics(each: Screened) -> Statistics | None:
    return statistics_of([Day(day, *volumes, None) for day, volumes in each.volumes if volumes is not None])


def _cells(each: Screened, statistics: Statistics | None) -> list[Any]:
    (_, latest), found = each.volumes[0], statistics.as_dict() if statistics else {}
    cells = {
        **found,
        "symbol": each.symbol,
        "short_ratio_pct": found.get("latest_pct"),
        "short_volume": latest.short if latest else None,
        "total_volume": latest.total if latest else None,
        "streak_days": _streak(each),
        "days": sum(volumes is not None and volumes.total > 0 for _, volumes in each.volumes),
    }
    return [cells.get(name) for name in _COLUMNS]


def _summary(result: ScreenResult, figures: Sequence[tuple[Screened, Statistics | None]]) -> str:
    label = "Sandbox, invented figures. " if result.invented else ""
    query, day = result.query, result.days[0]
    order = _WORDS[query.order_by]
    way = "highest" if query.direction == "desc" else "lowest"
    if query.order_by == "streak":
        way, order = "most", order if query.direction == "desc" else order.replace("rising", "falling")
    scope = f"{result.passing:,} of {result.names:,} US names on {day} traded at least {big(query.min_volume)} shares"
    scope += f" and had a ratio of at least {percent(query.min_ratio)}" if query.min_ratio else ""
    if not figures:
        return f"{label}{scope}; none of them has a figure to order by."
    first, statistics = figures[0]
    return (
        f"{label}{len(figures)} US names with the {way} {order}, led by {first.symbol}: "
        f"{_figure(result, first, statistics)} ({source_title(result.source)}; ratio of {result.ratio_basis}). {scope}."
    )


def _figure(result: ScreenResult, first: Screened, statistics: Statistics | None) -> str:
    _, latest = first.volumes[0]
    assert statistics is not None
    assert latest is not None
    ratio = percent(statistics.latest_pct)
    match result.query.order_by:
        case "short_volume":
            return f"{big(latest.short)} shares, {ratio}"
        case "jump":
            return f"{ratio}, {statistics.deviation_pp:+.2f} pp against the mean before"
        case "z_score":
            return f"{ratio}, z {statistics.z_score:.2f}"
        case "streak":
            return f"{ratio}, {abs(_streak(first))} days in a row"
    return f"{ratio} of {big(latest.total)} shares"


def _notes(result: ScreenResult) -> Iterator[str]:
    if result.interruption is not None and result.interruption.as_of is not None:
        yield (
            f"Incomplete: figures as of {moment(result.interruption.as_of)}, perhaps corrected since. "
            f"{result.interruption.what} {result.interruption.next_step}"
        )
    elif result.interruption is not None:
        yield (
            f"Incomplete: statistics stand on {days_in_words(len(result.days))} of {result.query.days}. "
            f"{result.interruption.what} Days already fetched are kept: ask again. {result.interruption.next_step}"
        )
    else:
        more = "" if len(result.days) == MOST_DAYS else f"; days={MOST_DAYS} gives them a month"
        yield f"Statistics stand on {days_in_words(len(result.days))}, {_span(result.days)}{more}."
    if result.unreadable:
        yield f"{result.unreadable} names could not be read and are left out."
    if any(not each.symbol.endswith(".US") for each in result.found):
        yield "A symbol without .US is in FINRA's own spelling (preferred shares, warrants, units)."
    yield (
        "Off-exchange short sales only, market makers' hedges included: 40-50 % is ordinary, and a high ratio of a "
        "thin name means little. No prices: for the price change ask compare_short_volume. Short sale data \u00a9 "
        "FINRA."
    )


def _span(newest_first: Sequence[date]) -> str:
    return str(newest_first[0]) if len(newest_first) == 1 else f"{newest_first[-1]} to {newest_first[0]}"
