"""Several series → one comparison: who is unusual against its own history, over the same trading dates.

Ratios of different markets are shares of different volumes and are never ranked against each other; a z-score, which
measures each stock against itself, may be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel

from mcp_shortvol.answers.formatting import days_in_words, how_unusual, percent, source_in_words
from mcp_shortvol.answers.statistics import Statistics, statistics_of
from mcp_shortvol.answers.tables import fitted
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Series
from mcp_shortvol.domain.wording import moment

__all__ = ["Comparison", "comparison_of", "comparison_text"]

_FIGURES = ("latest_pct", "change_pp", "mean_pct", "z_score", "percentile")
_COLUMNS = ("symbol", "last_date", *_FIGURES, "days")
_HEADS = ("Symbol", "Last date", "Latest %", "Change pp", "Mean %", "z", "Percentile", "Days")


class Comparison(BaseModel):
    """One row a symbol, the most unusual first; a figure that too few days support is null."""

    source: str
    summary: str
    ratio_basis: str
    complete: bool
    columns: list[str]
    rows: list[list[Any]]
    failures: list[dict[str, str]]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class _Line:
    """A symbol over the dates it shares with the others of its market; `days` counts those with a known ratio."""

    series: Series
    statistics: Statistics
    days: int

    @property
    def symbol(self) -> str:
        return str(self.series.question.symbol)

    @property
    def unusual(self) -> tuple[bool, float, str]:
        """What the rows are ordered by: the distance from the symbol's own mean, the unknown last."""
        z_score = self.statistics.z_score
        return z_score is None, -abs(z_score or 0), self.symbol

    @property
    def cells(self) -> list[Any]:
        found = self.statistics.as_dict()
        return [self.symbol, found["latest_date"], *(found[name] for name in _FIGURES), self.days]


def comparison_of(found: Sequence[Series], failures: Mapping[str, str]) -> Comparison:
    """The comparison of the series found, at least one; `failures` says of other symbols why they have none."""
    by_market = {
        market: [series for series in found if series.question.symbol.market is market and series.days]
        for market in Market
    }
    common = {market: _common_dates(members) for market, members in by_market.items() if members}
    lines = []
    missing = dict(failures)
    for series in found:
        dates = common.get(series.question.symbol.market, frozenset())
        days = [day for day in series.days if day.date in dates]
        if statistics := statistics_of(days):
            lines.append(_Line(series, statistics, sum(day.short_ratio_pct is not None for day in days)))
        else:
            missing[str(series.question.symbol)] = "It has no short ratio on the dates that the others have."
    lines.sort(key=lambda line: line.unusual)
    bases = {market: members[0].ratio_basis for market, members in by_market.items() if members}
    return Comparison(
        source=found[0].source,
        summary=_summary(lines, common),
        ratio_basis="; ".join(f"{market}: {basis}" for market, basis in bases.items()),
        complete=not missing and all(line.series.complete for line in lines),
        columns=list(_COLUMNS),
        rows=[line.cells for line in lines],
        failures=[{"symbol": symbol, "error": error} for symbol, error in missing.items()],
        notes=_notes(lines, by_market, common),
    )


def comparison_text(comparison: Comparison) -> str:
    """The comparison for a person, or for a model whose host passes text only; at most 2,048 bytes."""
    incomplete = "" if comparison.complete else ", INCOMPLETE"
    heading = f"**Short volume compared** ({source_in_words(comparison.source)}{incomplete})"
    rows = [["-" if cell is None else str(cell) for cell in row] for row in comparison.rows]
    failed = [f"- {failure['symbol']}: {failure['error']}" for failure in comparison.failures]
    foot = "\n".join([*failed, *(f"- {note}" for note in comparison.notes)])
    return fitted((heading, comparison.summary), _HEADS, rows, foot)


def _common_dates(members: Sequence[Series]) -> frozenset[date]:
    return frozenset.intersection(*(frozenset(day.date for day in series.days) for series in members))


def _summary(lines: Sequence[_Line], common: Mapping[Market, frozenset[date]]) -> str:
    if not lines:
        return "Nothing could be compared."
    label = "Sandbox, invented figures. " if lines[0].series.invented else ""
    spans = [
        f"{market.full_name}: {days_in_words(len(dates))} {min(dates)} to {max(dates)}."
        for market, dates in common.items()
        if dates
    ]
    first = lines[0]
    z_score = first.statistics.z_score
    if z_score is None:
        verdict = "Too few common days to say who is unusual."
    else:
        verdict = (
            f"Farthest from its own mean: {first.symbol}, {percent(first.statistics.latest_pct)} on "
            f"{first.statistics.latest_date}, z {z_score:.2f} ({how_unusual(z_score)})."
        )
    return f"{label}{verdict} {' '.join(spans)}"


def _notes(
    lines: Sequence[_Line], by_market: Mapping[Market, Sequence[Series]], common: Mapping[Market, frozenset[date]]
) -> list[str]:
    notes = []
    for market, dates in common.items():
        longest = max(len(series.days) for series in by_market[market])
        shortest = min(by_market[market], key=lambda series: len(series.days))
        if len(dates) < longest:
            notes.append(
                f"{market.full_name}: only {days_in_words(len(dates))} of {longest} are common to all; "
                f"{shortest.question.symbol} has {len(shortest.days)}: leave it out for more."
            )
    cuts = {line.symbol: cut for line in lines if (cut := line.series.interruption) and cut.as_of is not None}
    if cuts:
        since, why = min(cut.as_of or 0 for cut in cuts.values()), next(iter(cuts.values())).what
        notes.append(f"As kept on {moment(since)}, newer days may exist: {', '.join(cuts)}. {why}")
    if restated := [line.symbol for line in lines if line.series.restated]:
        notes.append(f"Restated by the source since last asked, perhaps for a split: {', '.join(restated)}.")
    if incomplete := [line.symbol for line in lines if not line.series.complete]:
        notes.append(f"Incomplete: {', '.join(incomplete)}; ask for each by itself to see why.")
    if len(common) > 1:
        notes.append(
            "Never rank the ratios of the two markets against each other: only z_score and percentile compare."
        )
    notes.append("Short volume is a day's sales, not short interest; z_score measures each stock against itself.")
    return notes
