"""Several series → one comparison: who is unusual against its own history, over the same trading dates.

Ratios of different markets are shares of different volumes and are never ranked against each other; a z-score, which
measures each stock against itself, may be.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Literal

from pydantic import BaseModel

from mcp_shortvol.answers.formatting import days_in_words, how_unusual, percent, source_in_words, source_title
from mcp_shortvol.answers.sample import rounded_if_known, standard_score
from mcp_shortvol.answers.statistics import Statistics, statistics_of
from mcp_shortvol.answers.tables import fitted
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Day, Series
from mcp_shortvol.domain.wording import moment

__all__ = ["CompareBy", "Comparison", "comparison_of", "comparison_text"]

CompareBy = Literal["z_score", "change", "percentile", "latest"]
"""What the rows are ordered by: the distance from the own mean, the jump, the rank, or the ratio itself."""

_COLUMNS = (
    "symbol",
    "last_date",
    "latest_pct",
    "change_pp",
    "change_z",
    "mean_pct",
    "z_score",
    "percentile",
    "streak_days",
    "short_volume",
    "price_change_pct",
    "days",
)


class Comparison(BaseModel):
    """One row a symbol, in the order asked for; a figure that too few days support is null."""

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
    """A symbol over the dates it shares with the others of its market, newest first."""

    series: Series
    days: Sequence[Day]
    statistics: Statistics

    @property
    def symbol(self) -> str:
        return str(self.series.question.symbol)

    @property
    def change_z(self) -> float | None:
        """Standard score of the latest change of the ratio against the changes before it: how big a jump it is."""
        ratios = [ratio for day in self.days if (ratio := day.short_ratio_pct) is not None]
        changes = [newer - older for newer, older in pairwise(ratios)]
        return rounded_if_known(standard_score(changes[0], changes[1:])) if changes else None

    @property
    def price_change_pct(self) -> float | None:
        """Return of the close over the latest day."""
        closes = [day.close for day in self.days[:2]]
        if len(closes) < 2 or closes[0] is None or not closes[1]:
            return None
        return rounded_if_known(100 * (closes[0] / closes[1] - 1))

    @property
    def cells(self) -> list[Any]:
        found = self.statistics.as_dict() | {
            "symbol": self.symbol,
            "last_date": self.statistics.latest_date.isoformat(),
            "change_z": self.change_z,
            "short_volume": self.days[0].short_volume,
            "price_change_pct": self.price_change_pct,
            "days": sum(day.short_ratio_pct is not None for day in self.days),
        }
        return [found[name] for name in _COLUMNS]


_ORDER: Mapping[CompareBy, Callable[[_Line], float | None]] = {
    "z_score": lambda line: None if line.statistics.z_score is None else abs(line.statistics.z_score),
    "change": lambda line: None if line.change_z is None else abs(line.change_z),
    "percentile": lambda line: line.statistics.percentile,
    "latest": lambda line: line.statistics.latest_pct,
}


def comparison_of(found: Sequence[Series], failures: Mapping[str, str], order_by: CompareBy = "z_score") -> Comparison:
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
            lines.append(_Line(series, days, statistics))
        else:
            missing[str(series.question.symbol)] = "It has no short ratio on the dates that the others have."
    figures = {line.symbol: _ORDER[order_by](line) for line in lines}
    lines.sort(key=lambda line: (figures[line.symbol] is None, -(figures[line.symbol] or 0), line.symbol))
    if order_by == "latest":  # ratios of one market only can be ranked
        lines.sort(key=lambda line: line.series.question.symbol.market.value)
    bases = {market: members[0].ratio_basis for market, members in by_market.items() if members}
    basis = "; ".join(f"{market}: {basis}" for market, basis in bases.items())
    return Comparison(
        source=found[0].source,
        summary=_summary(lines, common, order_by, f"{source_title(found[0].source)}; ratio of {basis}"),
        ratio_basis=basis,
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
    failed = [f"- {failure['symbol']}: {failure['error']}" for failure in comparison.failures]
    foot = "\n".join([*failed, *(f"- {note}" for note in comparison.notes)])
    # The summary says the dates of each market, which all of its stocks share.
    columns = [name for name in comparison.columns if name not in {"last_date", "days"}]
    places = [comparison.columns.index(name) for name in columns]
    rows = [[row[place] for place in places] for row in comparison.rows]
    return fitted((heading, comparison.summary), columns, rows, foot, every_row_counts=True)


def _common_dates(members: Sequence[Series]) -> frozenset[date]:
    return frozenset.intersection(*(frozenset(day.date for day in series.days) for series in members))


def _summary(lines: Sequence[_Line], common: Mapping[Market, frozenset[date]], order_by: CompareBy, origin: str) -> str:
    if not lines:
        return "Nothing could be compared."
    label = "Sandbox, invented figures. " if lines[0].series.invented else ""
    spans = [
        f"{market.full_name}: {days_in_words(len(dates))} {min(dates)} to {max(dates)}."
        for market, dates in common.items()
        if dates
    ]
    return f"{label}{_verdict(lines[0], order_by)} ({origin}). {' '.join(spans)}"


def _verdict(first: _Line, order_by: CompareBy) -> str:
    """What is to be said of the first row."""
    statistics = first.statistics
    figure = f"{first.symbol}, {percent(statistics.latest_pct)} on {statistics.latest_date}"
    if order_by == "latest":
        return f"Highest ratio: {figure}"
    if _ORDER[order_by](first) is None:
        return "Too few common days to say who is unusual"
    if order_by == "percentile":
        return f"Highest against its own days before: {figure}, percentile {statistics.percentile:.0f}"
    if order_by == "change":
        return f"Biggest jump for its own changes: {figure}, {statistics.change_pp:+.2f} pp, z {first.change_z:.2f}"
    z_score = statistics.z_score or 0.0
    return f"Farthest from its own mean: {figure}, z {z_score:.2f}, {how_unusual(z_score)}"


def _notes(
    lines: Sequence[_Line],
    by_market: Mapping[Market, Sequence[Series]],
    common: Mapping[Market, frozenset[date]],
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
            "Never rank the ratios of the two markets against each other: compare z_score, change_z or percentile."
        )
    notes += dict.fromkeys(caveat for members in by_market.values() if members and (caveat := members[0].caveat))
    notes.append(
        "Short volume is a day's sales, not short interest; z_score measures each stock against its own days before. "
        "Another tool may answer from another source: compare ratios within this answer only."
    )
    return notes
