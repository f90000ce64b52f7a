"""Reports of open short positions: short interest, a stock of shares on a date, and never a day's flow.

US reports are dated by FINRA's settlement dates, twice a month. Hong Kong's are dated by the last trading day of a
week; the SFC aggregates only the positions above its reporting threshold. Units are as in `short_volume`.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from mcp_shortvol.domain.calendar import next_trading_day, previous_trading_day
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Day, Ending, Interruption, times

__all__ = ["VOLUME_DAYS", "InterestSeries", "Report", "days_to_cover", "mean_volume", "next_report"]

# FINRA prints 999.99 or 1000 where there was no volume, and 1.00 for anything less than 1: neither is a measurement.
_SENTINEL_DAYS = 999.0
_FLOOR_DAYS = 1.0
_US_PUBLISHED_AFTER = 7  # trading days after the settlement date
_HK_PUBLISHED_AFTER = timedelta(days=7)
VOLUME_DAYS = 20
"""Trading days in the mean volume by which a position is divided where its report has no average."""

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5


class Report(NamedTuple):
    """One symbol's open short positions on `date`, a settlement or reporting date, as one vendor reports them.

    `short_interest` is in shares, `short_interest_pct` a percentage of what the source says it is one of,
    `short_interest_value` in HKD. `average_daily_volume` is shares a day since the report before, and
    `source_days_to_cover` the vendor's own quotient, sentinels included. `previous_short_interest` is the position of
    the report before as this report states it; `revised` says that it was corrected since, and `split` that the stock
    was split in between, so that the two counts of shares are not comparable. `damaged` says that a figure was sent
    which could not be read.
    """

    date: date
    short_interest: int | None
    short_interest_pct: float | None
    close: float | None
    previous_close: float | None = None
    short_interest_value: float | None = None
    average_daily_volume: int | None = None
    source_days_to_cover: float | None = None
    previous_short_interest: int | None = None
    split: bool | None = None
    revised: bool | None = None
    damaged: bool = False

    @property
    def whole(self) -> bool:
        """Whether the position is known and every figure that was sent could be read."""
        return self.short_interest is not None and not self.damaged

    @property
    def shares(self) -> tuple[int | None, ...]:
        """The figures whose change makes a restatement."""
        return (self.short_interest,)

    def with_prices_times(self, factor: float | None) -> "Report":
        """The same report with prices of another adjustment for dividends; without prices for None."""
        return self._replace(close=times(self.close, factor), previous_close=times(self.previous_close, factor))


@dataclass(frozen=True, slots=True)
class InterestSeries:
    """The reports that answer a question, newest first, and how complete they are; as `Series` is for days.

    `before` is the report before the oldest one, where there is one: the oldest change is measured against it.
    `computed` names the figures that the source does not send and that were computed here; `no_volumes` says why some
    could not be. `caveat` is what the source says of its own figures.
    """

    question: Question
    source: str
    pct_basis: str
    reports: Sequence[Report]
    before: Report | None
    ending: Ending
    today: date
    unreadable: int = 0
    older_rows: str = ""
    restated: Sequence[date] = ()
    interruption: Interruption | None = None
    computed: frozenset[str] = frozenset()
    no_volumes: str = ""
    caveat: str = ""

    @property
    def invented(self) -> bool:
        """Whether the figures come from the sandbox and from no market."""
        return self.source.startswith("sandbox:")

    @property
    def complete(self) -> bool:
        """Whether every report the source has for the question is here."""
        return self.ending in {Ending.COVERED, Ending.HISTORY_BEGINS} and not self.unreadable

    def changes(self) -> list[tuple[int | None, float | None]]:
        """For each report the change against the one before it, in shares and in percent; None where one is unknown."""
        older = [*self.reports[1:], self.before]  # one more than needed where there are no reports
        return [_change(report, previous) for report, previous in zip(self.reports, older, strict=False)]


def _change(report: Report, previous: Report | None) -> tuple[int | None, float | None]:
    before = report.previous_short_interest  # the later word of the two, where a position was revised
    if before is None and previous is not None:
        before = previous.short_interest
    if before is None or report.short_interest is None or report.split:
        return None, None
    shares = report.short_interest - before
    return shares, 100 * shares / before if before else None


def days_to_cover(report: Report) -> float | None:
    """Short interest / average daily volume, unrounded: the days that buying it all back would take at that volume.

    Computed from the report's own figures where both are known. Otherwise it is the vendor's quotient, unless that is
    FINRA's sentinel for no volume or its floor of 1.00, which only says "at most one day".
    """
    if report.short_interest is not None and report.average_daily_volume:
        return report.short_interest / report.average_daily_volume
    given = report.source_days_to_cover
    return given if given is not None and _FLOOR_DAYS < given < _SENTINEL_DAYS else None


def mean_volume(newest_first: Sequence[Day], on: date) -> int | None:
    """Mean daily volume of the 20 trading days up to `on`, in shares; None where one of them or its volume is missing.

    It stands in for an average that a source does not send with its reports (days to cover, wire/futu.md).
    """
    window = [day.total_volume for day in newest_first if day.date <= on][:VOLUME_DAYS]
    known = [volume for volume in window if volume is not None]
    return round(sum(known) / VOLUME_DAYS) if len(known) == VOLUME_DAYS else None


def next_report(market: Market, newest: date) -> tuple[date, date]:
    """The date of the next report after `newest`, and about when it is published.

    US: FINRA's settlement dates are the 15th and the last day of a month, or the trading day before; publication is
    seven trading days later. Hong Kong: the SFC reports positions of the last trading day of a week, and publishes them
    a week later.
    """
    if market is Market.HK:
        reported = _week_end_after(newest)
        return reported, next_trading_day(market, reported + _HK_PUBLISHED_AFTER - _ONE_DAY)
    settlement = _settlement_after(newest)
    published = settlement
    for _ in range(_US_PUBLISHED_AFTER):
        published = next_trading_day(market, published)
    return settlement, published


def _week_end_after(day: date) -> date:
    """The first date after `day` that is the last Hong Kong trading day of its week."""
    saturday = day + timedelta(days=(_SATURDAY - day.weekday()) % 7)
    while (week_end := previous_trading_day(Market.HK, saturday)) <= day:
        saturday += timedelta(days=7)
    return week_end


def _settlement_after(day: date) -> date:
    """FINRA's first settlement date after `day`."""
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    for month in (first, following):
        for number in (15, monthrange(month.year, month.month)[1]):
            settlement = previous_trading_day(Market.US, month.replace(day=number) + _ONE_DAY)
            if settlement > day:
                return settlement
    raise AssertionError("every month has two settlement dates")
