"""Reports of short interest → the answer of `get_short_interest`, as text and as the structured model."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from mcp_shortvol.answers.formatting import big, percent, source_in_words, source_title
from mcp_shortvol.answers.notes import interrupted, restatement
from mcp_shortvol.answers.short_volume import ResponseFormat, rounded
from mcp_shortvol.answers.tables import csv, fitted
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_interest import InterestSeries, Report, days_to_cover, next_report
from mcp_shortvol.domain.short_volume import Ending
from mcp_shortvol.domain.wording import listed, moment

__all__ = ["InterestAnswer", "interest_answer_of", "interest_text"]

_MOST_ROWS = 20

Cell = str | int | float | None


class InterestAnswer(BaseModel):
    """A figure that is unknown is null, never 0."""

    symbol: str
    market: str
    source: str
    summary: str
    first_date: str | None
    last_date: str | None
    requested: int
    returned: int
    complete: bool
    pct_basis: str
    columns: list[str]
    rows: list[list[Any]]
    notes: list[str]


def interest_answer_of(series: InterestSeries, response_format: ResponseFormat = "concise") -> InterestAnswer:
    """The structured answer that reports give, newest first."""
    symbol, reports = series.question.symbol, series.reports
    lines = [
        _figures(report, shares, change) for report, (shares, change) in zip(reports, series.changes(), strict=True)
    ]
    columns = ["date", "short_interest", "short_interest_pct", "days_to_cover", "change_pct", "close"]
    if symbol.market is Market.HK:
        columns.append("short_interest_value")
    if response_format == "full":
        more = (
            "change_shares",
            "average_daily_volume",
            "source_days_to_cover",
            "previous_short_interest",
            "previous_close",
        )
        columns += [name for name in more if any(line[name] is not None for line in lines)]
    return InterestAnswer(
        symbol=str(symbol),
        market=symbol.market.value,
        source=series.source,
        summary=_summary(series),
        first_date=reports[-1].date.isoformat() if reports else None,
        last_date=reports[0].date.isoformat() if reports else None,
        requested=series.question.limit,
        returned=len(reports),
        complete=series.complete,
        pct_basis=series.pct_basis,
        columns=columns,
        rows=[[line[name] for name in columns] for line in lines],
        notes=[*_notes(series)],
    )


def interest_text(answer: InterestAnswer, response_format: ResponseFormat = "concise") -> str:
    """The answer for a person, in at most 2,048 bytes where it is concise; a full one ends with CSV."""
    incomplete = "" if answer.complete else ", INCOMPLETE"
    span = f", {answer.returned} reports to {answer.last_date}" if answer.last_date else ""
    head = f"**{answer.symbol} short interest{span}** ({source_in_words(answer.source)}{incomplete})", answer.summary
    notes = "\n".join(f"- {note}" for note in answer.notes)
    if response_format == "full":
        return "\n\n".join((*head, notes, csv(answer.columns, answer.rows)))
    return fitted(head, answer.columns, answer.rows[:_MOST_ROWS], notes)


def _figures(report: Report, change_shares: int | None, change_pct: float | None) -> dict[str, Cell]:
    return {
        "date": report.date.isoformat(),
        "short_interest": report.short_interest,
        "short_interest_pct": rounded(report.short_interest_pct, 2),
        "days_to_cover": rounded(days_to_cover(report), 2),
        "change_pct": rounded(change_pct, 2),
        "close": rounded(report.close, 4),
        "short_interest_value": rounded(report.short_interest_value, 0),
        "change_shares": change_shares,
        "average_daily_volume": report.average_daily_volume,
        "source_days_to_cover": rounded(report.source_days_to_cover, 2),
        "previous_short_interest": report.previous_short_interest,
        "previous_close": rounded(report.previous_close, 4),
    }


def _summary(series: InterestSeries) -> str:
    label = "Sandbox, invented figures. " if series.invented else ""
    if series.interruption is not None and (since := series.interruption.as_of) is not None:
        label += f"Kept figures as of {moment(since)}, not refreshed. "
    if not series.reports:
        until = f" up to {series.question.end}" if series.question.end else ""
        return f"{label}No reports of short interest for {series.question.symbol}{until}."
    report, (shares, change) = series.reports[0], series.changes()[0]
    known = report.short_interest_pct
    pct = f", {percent(known)} of {series.pct_basis}" if known is not None else ""
    shares_open = f"{big(report.short_interest)} shares open short{pct} ({source_title(series.source)})"
    sentences = [f"{series.question.symbol} on {report.date}: {shares_open}."]
    if (cover := days_to_cover(report)) is not None:
        sentences.append(f"{cover:.2f} days to cover.")
    if shares is not None and change is not None:
        word = "up" if shares > 0 else "down"
        moved = f"{word} {big(abs(shares))} shares ({change:+.2f} %)" if shares else "unchanged"
        sentences.append(f"Against the report before: {moved}.")
    sentences += _since_the_oldest(series.reports)
    return label + " ".join(sentences)


def _since_the_oldest(reports: Sequence[Report]) -> Iterator[str]:
    newest, oldest = reports[0], reports[-1]
    if any(report.split for report in reports[:-1]):
        return  # the two counts of shares are not comparable
    if len(reports) > 2 and newest.short_interest is not None and oldest.short_interest:
        change = 100 * (newest.short_interest / oldest.short_interest - 1)
        verb = "rose" if change > 0 else "fell" if change < 0 else "stayed the same"
        yield f"Since {oldest.date} short interest {verb} from {big(oldest.short_interest)} ({change:+.2f} %)."


def _notes(series: InterestSeries) -> Iterator[str]:
    market, reports = series.question.symbol.market, series.reports
    if series.unreadable:
        yield f"{series.unreadable} reports without a readable date had to be left out."
    if damaged := sum(report.damaged for report in reports):
        yield f"Figures of {damaged} reports could not be read and are null here: they are unknown, not 0."
    if series.restated:
        yield restatement(series.restated, "reports")
    if series.interruption is not None:
        yield interrupted(series.interruption)
    elif series.ending is Ending.STALLED:
        yield "Incomplete: the source stopped giving older reports without an end; ask again, or for fewer."
    elif series.ending is Ending.SOURCE_LIMIT:
        yield f"Incomplete: {series.older_rows}"
    elif series.ending is Ending.HISTORY_BEGINS and reports and not series.unreadable:
        yield f"All there is: the source's history begins on {reports[-1].date}."
    if reports and series.question.end is None:
        yield _age(series)
    yield from _flagged(series)
    yield from _computed(series)
    if any(_floored(report) for report in reports):
        yield "Where days to cover is null, the vendor printed a floor of 1.00 or a sentinel for no volume: no reading."
    if not reports:
        yield "Empty proves nothing: coverage differs by vendor, and a mistyped or delisted code is empty too."
    elif market is Market.HK:
        words = (
            "A stock of open positions, not a day's volume. A lower bound: the SFC counts positions of at least HKD 30 "
            "M or 0.02 % of issued shares, weekly."
        )
        yield f"{words} {series.caveat}".rstrip()
    else:
        words = "A stock of open positions on settlement dates, twice a month; not a day's short volume."
        yield f"{words} {series.caveat}".rstrip()


def _flagged(series: InterestSeries) -> Iterator[str]:
    """Splits and revisions that the source names."""
    if split := [str(report.date) for report in series.reports if report.split]:
        yield f"No change is given for {listed(split)}: the stock was split since the report before."
    older = [*series.reports[1:], series.before]
    for report, before in zip(series.reports, older, strict=False):
        was, now = before.short_interest if before else None, report.previous_short_interest
        differ = was is not None and now is not None and was != now and not report.split
        if report.revised or differ:
            figures = f" from {was:,} to {now:,} shares" if differ else ""
            yield f"The report before {report.date} was revised{figures}; the change is against the revised figure."
            return  # the newest revision is enough


def _computed(series: InterestSeries) -> Iterator[str]:
    """How figures came about that the source does not send."""
    if "days_to_cover" in series.computed:
        yield "Days to cover: shares / mean daily volume of the 20 trading days up to the report's date, computed here."
    if series.no_volumes:
        yield f"Without days to cover, as the daily volumes could not be had: {series.no_volumes}"
    if "short_interest_value" in series.computed:
        yield "The value is shares x close of that date, computed here."


def _age(series: InterestSeries) -> str:
    newest = series.reports[0].date
    following, published = next_report(series.question.symbol.market, newest)
    age = (series.today - newest).days
    late = " Newer ones should be out by now." if published < series.today else ""
    return f"The newest report is {age} days old; the next, of about {following}, is due about {published}.{late}"


def _floored(report: Report) -> bool:
    return report.source_days_to_cover is not None and days_to_cover(report) is None
