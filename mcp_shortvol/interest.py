"""A report of open short positions: short interest, a stock of shares on a date, and never a day's flow.

US reports stand on FINRA's settlement dates, twice a month; Hong Kong's on the last trading day of a week, where the SFC
aggregates the positions it is told of, those above its reporting threshold only. Shares and percents as in `series`.
"""

from datetime import date
from typing import NamedTuple

__all__ = ["Report"]


class Report(NamedTuple):
    """One symbol's open short positions on `date`, a settlement or reporting date, as one vendor reports them.

    `short_interest` is in shares, `short_interest_pct` a percentage of what the source says it is one of,
    `short_interest_value` in HKD. `average_daily_volume` is shares a day since the report before, `source_days_to_cover`
    the vendor's own quotient, sentinels included. `damaged` says that a figure was sent which could not be read.
    """

    date: date
    short_interest: int | None
    short_interest_pct: float | None
    close: float | None
    previous_close: float | None = None
    short_interest_value: float | None = None
    average_daily_volume: int | None = None
    source_days_to_cover: float | None = None
    damaged: bool = False
