"""Days by venue → the answer of `get_short_volume_by_venue`, as text and as the structured model.

Beside the days stands what each source's own ratio is a share of, with the figures of one day: the answer to "why do
three sources say three numbers".
"""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from mcp_shortvol.answers.formatting import big, days_in_words, percent, source_title
from mcp_shortvol.answers.notes import interrupted
from mcp_shortvol.answers.sample import mean_of
from mcp_shortvol.answers.short_volume import rounded, within_budget
from mcp_shortvol.answers.tables import fitted
from mcp_shortvol.domain.short_volume import Ending
from mcp_shortvol.domain.venues import VenueDay, VenueSeries
from mcp_shortvol.domain.wording import listed

__all__ = ["VenueAnswer", "venue_answer_of", "venue_text"]

_COLUMNS = (
    "date",
    "off_exchange_short",
    "off_exchange_total",
    "nasdaq_short",
    "nyse_short",
    "known_short",
    "consolidated_volume",
    "all_venue_pct",
    "off_exchange_share_pct",
)
_TITLES = {"finra": "FINRA", "futu": "Futu", "longbridge": "Longbridge"}
_TEXT_ROWS = 10
_OTHER_VENUES = ("Cboe", "IEX", "MEMX", "other exchanges")


class VenueAnswer(BaseModel):
    """A figure that is unknown is null, never 0. `ratios` are of one day, each with what it is a share of."""

    symbol: str
    market: str
    sources: list[str]
    summary: str
    first_date: str | None
    last_date: str | None
    requested: int | None
    returned: int
    complete: bool
    ratios: list[dict[str, Any]]
    missing_venues: list[str]
    columns: list[str]
    rows: list[list[Any]]
    rows_omitted: int
    notes: list[str]


def venue_answer_of(series: VenueSeries) -> VenueAnswer:
    """The structured answer that days by venue give, newest first."""
    symbol, days = series.question.symbol, series.days
    rows = within_budget([_cells(day) for day in days])
    omitted = len(days) - len(rows)
    return VenueAnswer(
        symbol=str(symbol),
        market=symbol.market.value,
        sources=[part.source for part in series.parts.values()],
        summary=_summary(series),
        first_date=days[-1].date.isoformat() if days else None,
        last_date=days[0].date.isoformat() if days else None,
        requested=series.question.count,
        returned=len(days),
        complete=series.complete,
        ratios=_ratios(_told(days)) if days else [],
        missing_venues=_missing(series),
        columns=list(_COLUMNS),
        rows=rows,
        rows_omitted=omitted,
        notes=[*_notes(series, omitted)],
    )


def venue_text(answer: VenueAnswer) -> str:
    """The answer for a person, or for a model whose host passes text only; at most 2,048 bytes."""
    who = listed([source_title(source) for source in answer.sources])
    if any(source.startswith("sandbox:") for source in answer.sources):
        who = f"SANDBOX playing {who}, invented figures"
    incomplete = "" if answer.complete else ", INCOMPLETE"
    span = f", {days_in_words(answer.returned)} to {answer.last_date}" if answer.last_date else ""
    heading = f"**{answer.symbol} short volume by venue{span}** ({who}{incomplete})"
    notes = "\n".join(f"- {note}" for note in answer.notes)
    head = (heading, answer.summary, _ratio_table(answer.ratios)) if answer.ratios else (heading, answer.summary)
    return fitted(head, answer.columns, answer.rows[:_TEXT_ROWS], notes)


def _cells(day: VenueDay) -> list[Any]:
    cells: list[Any] = [day.date.isoformat()]
    for name in _COLUMNS[1:]:
        value = getattr(day, name)
        cells.append(rounded(value, 2) if name.endswith("_pct") else value)
    return cells


def _told(days: Sequence[VenueDay]) -> VenueDay:
    """The newest day of which everything is known that is known of any day."""
    for name in ("all_venue_pct", "known_short", "off_exchange_pct"):
        if found := next((day for day in days if getattr(day, name) is not None), None):
            return found
    return days[0]


def _ratios(day: VenueDay) -> list[dict[str, Any]]:
    """What each source's ratio of a day is: which short sales, as a share of which volume."""
    ratios: list[tuple[str, float | None, str, str]] = [
        ("FINRA", day.off_exchange_pct, "off exchange", "off-exchange volume"),
        ("Longbridge", day.nasdaq_pct, "on the Nasdaq exchange", "the Nasdaq exchange's volume"),
        ("Futu/moomoo", day.exchanges_pct, "on the Nasdaq and NYSE exchanges", "volume of all venues"),
        ("together, at least", day.all_venue_pct, "off exchange and on these exchanges", "volume of all venues"),
    ]
    return [
        {"date": day.date.isoformat(), "who": who, "pct": rounded(pct, 2), "short_sales": sales, "share_of": volume}
        for who, pct, sales, volume in ratios
    ]


def _ratio_table(ratios: Sequence[dict[str, Any]]) -> str:
    day = ratios[0]["date"]
    lines = [
        f"{ratio['who']}|{'-' if ratio['pct'] is None else format(ratio['pct'], '.2f')}|{ratio['short_sales']}|"
        f"{ratio['share_of']}"
        for ratio in ratios
    ]
    return "\n".join([f"Who says|% {day}|short sales|share of", "-|-:|-|-", *lines])


def _missing(series: VenueSeries) -> list[str]:
    """The venues whose short sales are in no figure here."""
    exchanges = series.exchanges
    named = [] if "finra" in series.parts else ["off exchange (FINRA)"]
    if exchanges is None:
        named.append("Nasdaq exchange")
    if "futu" not in series.parts:
        named.append("NYSE group")
    return [*named, *_OTHER_VENUES]


def _summary(series: VenueSeries) -> str:
    label = "Sandbox, invented figures. " if series.invented else ""
    if not series.days:
        return f"{label}No short-volume days for {series.question.symbol}."
    day = _told(series.days)
    sentences = [f"{series.question.symbol} on {day.date}: {_headline(day)}."]
    if day.off_exchange_share_pct is not None and day.off_exchange_pct is not None:
        sentences.append(
            f"Off exchange: {percent(day.off_exchange_share_pct)} of all volume, {percent(day.off_exchange_pct)} of it "
            "short."
        )
    known = [pct for each in series.days if (pct := each.all_venue_pct) is not None]
    if len(known) > 1:
        sentences.append(
            f"Mean of {days_in_words(len(known))}: at least {percent(mean_of(known))}, from {percent(min(known))} to "
            f"{percent(max(known))}."
        )
    sentences.append("No source's own ratio is wrong: each is a share of another volume.")
    return label + " ".join(sentences)


def _headline(day: VenueDay) -> str:
    if day.all_venue_pct is not None:
        return (
            f"at least {percent(day.all_venue_pct)} of all volume was sold short, {big(day.known_short)} of "
            f"{big(day.consolidated_volume)} shares"
        )
    if day.known_short is not None:
        return f"at least {big(day.known_short)} shares were sold short off exchange and on the Nasdaq exchange"
    if day.off_exchange_pct is not None:
        return f"{percent(day.off_exchange_pct)} of off-exchange volume was sold short; the exchanges' part is unknown"
    return "only a part of the venues is known"


def _notes(series: VenueSeries, omitted: int) -> Iterator[str]:
    futu, longbridge = series.parts.get("futu"), series.parts.get("longbridge")
    for name, error in series.failures.items():
        yield f"Incomplete, without {_TITLES[name]}: {error}"
    if futu is None and "futu" not in series.failures:
        part = " Longbridge's rows stand in for the Nasdaq exchange." if longbridge else ""
        yield (
            "Incomplete: the exchanges' short sales and the volume of all venues come from Futu. Start OpenD and log "
            f"in, or set FUTU_API_TOKEN.{part}"
        )
    for name, part_series in series.parts.items():
        if part_series.interruption is not None:
            yield f"{source_title(part_series.source)}: {interrupted(part_series.interruption)}"
        elif part_series.ending is Ending.SOURCE_LIMIT:
            yield f"{source_title(part_series.source)}: incomplete, {part_series.older_rows}"
        elif part_series.restated:
            restated = listed([str(day) for day in part_series.restated[:3]])
            yield f"{_TITLES[name]} restated {restated} since it was last asked."
    if omitted:
        yield f"{omitted} older rows are left out here: narrow the dates to get them."
    halves = sum(day.known_short is None for day in series.days)
    if series.exchanges is not None and "finra" in series.parts and halves:
        yield f"{days_in_words(halves)} only one side has so far: shown with nulls and not summed."
    yield (
        f"A lower bound: short sales on {listed(_OTHER_VENUES)} are in no source here. Market making is included. "
        "Short sale data \u00a9 FINRA."
    )
