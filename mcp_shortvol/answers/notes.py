"""What to know before quoting a series: short sentences, the most important first, at most five.

First whatever makes the answer incomplete, then what the days themselves give away (`checks`), last what the figures
mean, once and briefly.
"""

from collections.abc import Iterator, Sequence
from datetime import date

from mcp_shortvol.answers.checks import findings
from mcp_shortvol.answers.formatting import days_in_words
from mcp_shortvol.answers.periods import Period, cut_end, cut_start
from mcp_shortvol.answers.statistics import DAYS_NEEDED, Statistics
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import MAX_DAYS
from mcp_shortvol.domain.short_volume import Ending, Interruption, Series
from mcp_shortvol.domain.wording import moment

__all__ = ["interrupted", "notes_on", "restatement"]

_MOST = 5


def notes_on(
    series: Series, statistics: Statistics | None = None, *, omitted: int = 0, periods: Sequence[Period] = ()
) -> list[str]:
    """The notes of an answer that leaves `omitted` rows out, and whose rows are `periods` where they are no days."""
    said = [*_completeness(series), *_cut_periods(series, periods)]
    if omitted:
        said.append(f"{omitted} older rows are left out here: narrow the dates, or use response_format=full.")
    # The sandbox may play a day long past, which makes its newest day not stale.
    today = min(series.today, series.days[0].date) if series.invented and series.days else series.today
    found = findings(series, today)
    small = [*_missing_position(series), *_too_few_days(series, statistics)]
    return [*[*said, *found, *small][: _MOST - 1], _meaning(series)]


def _completeness(series: Series) -> Iterator[str]:
    question, days = series.question, series.days
    if series.interruption is not None:
        yield interrupted(series.interruption)
    elif series.ending is Ending.DAY_LIMIT:
        yield f"Incomplete: the newest {MAX_DAYS} days of the range; for older ones ask with end_date={days[-1].date}."
    elif series.ending is Ending.SOURCE_LIMIT:
        yield f"Incomplete: {series.older_rows}"
    elif series.ending is Ending.STALLED:
        yield "Incomplete: the source stopped giving older days without an end; ask again, or for fewer days."
    elif series.ending is Ending.HISTORY_BEGINS and days and not series.unreadable:
        wanted = days_in_words(question.count) if question.count else f"days from {question.start}"
        yield f"All there is of the {wanted}: the source's history begins on {days[-1].date}."
    if series.restated:
        yield restatement(series.restated, "days")


def interrupted(interruption: Interruption) -> str:
    """Why an answer is incomplete that a failure interrupted, and as of when it is."""
    said = f"{interruption.what} {interruption.next_step}"
    if interruption.as_of is None:
        return f"Incomplete, the older ones are missing: {said}"
    return f"Incomplete: kept as of {moment(interruption.as_of)}, newer ones may exist. {said}"


def restatement(dates: Sequence[date], unit: str) -> str:
    """The source now sends other volumes for some dates than it did before."""
    others = len(dates) - 1
    more = f" and {others} other {'date' if others == 1 else 'dates'}" if others else ""
    return (
        f"The source restated {dates[0]}{more} since it was last asked, perhaps for a split; all {unit} here are its "
        "newest figures."
    )


def _cut_periods(series: Series, periods: Sequence[Period]) -> Iterator[str]:
    """The oldest and the newest period, where the question or today leaves out some of their days."""
    if not periods:
        return
    question, days = series.question, series.days
    start = max(question.start or date.min, days[-1].date if question.count else date.min)
    end = min(question.end or date.max, days[0].date if series.invented else series.today)
    cuts = []
    if series.ending is not Ending.HISTORY_BEGINS and cut_start(periods[-1], start):
        cuts.append(f"the oldest only from {start}")
    if cut_end(periods[0], end):
        cuts.append(f"the newest only to {end}")
    if cuts:
        yield f"Not every row is a whole period: {' and '.join(cuts)}."


def _missing_position(series: Series) -> Iterator[str]:
    if series.no_position:
        yield series.no_position


def _too_few_days(series: Series, statistics: Statistics | None) -> Iterator[str]:
    """Which statistics are null for want of days; those that need the fewest first."""
    if statistics is None:
        return
    here = sum(day.short_ratio_pct is not None for day in series.days)
    needed: dict[int, list[str]] = {}
    for name, days in DAYS_NEEDED.items():
        if getattr(statistics, name) is None and here < days:
            needed.setdefault(days, []).append(name)
    if needed:
        wants = [f"{' and '.join(names)} ({days} days)" for days, names in needed.items()]
        yield f"Null for want of days: {', '.join(wants)}."


def _meaning(series: Series) -> str:
    hong_kong = series.question.symbol.market is Market.HK
    if not series.days:
        scope = "Hong Kong covers designated securities only" if hong_kong else "coverage differs by vendor"
        return f"Empty proves nothing: {scope}, and a mistyped or delisted code is empty too."
    if hong_kong:
        scope = "Short volume is a day's sales, not open short positions; Hong Kong covers designated securities only."
    else:
        scope = (
            "Short volume is a day's sales, market making included, not short interest; compare a ratio only within "
            "this source."
        )
    missing = " The NYSE part is not there." if series.nyse_part_is_missing else ""
    return f"{scope} {series.caveat}{missing}".rstrip()
