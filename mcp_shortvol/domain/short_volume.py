"""A day of short selling, and the series of days that every source yields and every answer reads.

Volumes are shares, money is in the market's currency, a ratio in percent ends in `_pct`. None means that the vendor
gave no readable value; it is never 0 in disguise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import NamedTuple

from mcp_shortvol.domain.question import Question

__all__ = ["Day", "Ending", "Interruption", "Series", "ShortPosition", "times"]


class Day(NamedTuple):
    """One trading day of one symbol, as one vendor reports it.

    A tuple, because decoding a long history makes a thousand of them, and a frozen dataclass takes more than twice as
    long to make. The fields of a facility are what was reported to it off exchange: the two FINRA/Nasdaq facilities in
    Carteret and Chicago (nqtrf, nctrf), the FINRA/NYSE facility (nytrf), that of OTC equities (orf), and FINRA's own
    display facility (adf). `exempt_short_volume` is the part of short volume exempt from Regulation SHO's price test.
    `damaged` says that a figure was sent which could not be read, and stands here as None.
    """

    date: date
    short_volume: int | None
    total_volume: int | None
    close: float | None
    short_turnover: float | None = None
    total_turnover: float | None = None
    open: float | None = None
    previous_close: float | None = None
    source_ratio_pct: float | None = None
    average_ratio_20d_pct: float | None = None
    nasdaq_short_volume: int | None = None
    nyse_short_volume: int | None = None
    exempt_short_volume: int | None = None
    nqtrf_short_volume: int | None = None
    nqtrf_total_volume: int | None = None
    nctrf_short_volume: int | None = None
    nctrf_total_volume: int | None = None
    nytrf_short_volume: int | None = None
    nytrf_total_volume: int | None = None
    orf_short_volume: int | None = None
    orf_total_volume: int | None = None
    adf_short_volume: int | None = None
    adf_total_volume: int | None = None
    damaged: bool = False

    @property
    def short_ratio_pct(self) -> float | None:
        """Short volume as a percentage of total volume, unrounded.

        Computed from the day's own volumes; the vendor's own ratio stands in only where a volume is missing, and None
        where there is neither. A day without any volume has no ratio.
        """
        if self.short_volume is None or self.total_volume is None:
            return self.source_ratio_pct
        return 100 * self.short_volume / self.total_volume if self.total_volume else None

    @property
    def whole(self) -> bool:
        """Whether both volumes are known and every figure that was sent could be read."""
        return self.short_volume is not None and self.total_volume is not None and not self.damaged

    @property
    def shares(self) -> tuple[int | None, ...]:
        """The figures whose change makes a restatement."""
        return self.short_volume, self.total_volume

    def with_prices_times(self, factor: float | None) -> "Day":
        """The same day with prices of another adjustment for dividends; without prices for None."""
        return self._replace(
            close=times(self.close, factor),
            open=times(self.open, factor),
            previous_close=times(self.previous_close, factor),
        )


def times(price: float | None, factor: float | None) -> float | None:
    """A price in another adjustment, to the nine decimals that Futu sends; None where either is unknown."""
    return None if price is None or factor is None else round(price * factor, 9)


@dataclass(frozen=True, slots=True)
class ShortPosition:
    """Shares still short on `date`, the newest reported: a stock of positions and not a day's flow.

    `pct` is a percentage of `pct_basis`. `days_to_cover` is shares / mean daily volume.
    """

    shares: int | None
    pct: float | None
    date: date | None
    pct_basis: str = "issued shares"  # as of the SFC's weekly figure
    days_to_cover: float | None = None


@dataclass(frozen=True, slots=True)
class Interruption:
    """What kept a question from being answered in full now: the failure in words, and what to do about it.

    `as_of` is the Unix time of the answer where kept days are given instead; None where the days were fetched now.
    """

    what: str
    next_step: str
    as_of: float | None


class Ending(Enum):
    """Why a series holds no older days than it does."""

    COVERED = "the question is answered in full"
    HISTORY_BEGINS = "the source has no older days"
    DAY_LIMIT = "the range holds more days than one call gives"
    SOURCE_LIMIT = "the source does not give days this far back"
    STALLED = "the source stopped giving older days without saying that there are none"
    INTERRUPTED = "a failure, or the end of the time a call has, came before the rest; or some came damaged"


@dataclass(frozen=True, slots=True)
class Series:
    """The days that answer a question, newest first and each date once, and how they were fetched.

    `today` is the date it was in the market when they were asked for. `caveat` is what the source says of its own
    figures, in sentences.

    `source` carries the prefix "sandbox:" when the figures are invented. `unreadable` counts rows lost because they
    had no readable date; `older_rows` says where there are more, when the source does not give them. `restated` are
    the dates of which the source now says something else than it did when their days were kept. `no_position` says why
    there is no `short_position`, where one was to be had.
    """

    question: Question
    source: str
    ratio_basis: str
    days: Sequence[Day]
    ending: Ending
    today: date
    unreadable: int = 0
    older_rows: str = ""
    short_position: ShortPosition | None = None
    no_position: str = ""
    restated: Sequence[date] = ()
    interruption: Interruption | None = None
    caveat: str = ""

    @property
    def invented(self) -> bool:
        """Whether the figures come from the sandbox and from no market."""
        return self.source.startswith("sandbox:")

    @property
    def nyse_part_is_missing(self) -> bool:
        """Whether the NYSE part is 0 on every day, which Longbridge sends where it does not know that part."""
        return any(day.nasdaq_short_volume for day in self.days) and all(
            day.nyse_short_volume == 0 for day in self.days
        )

    @property
    def damaged(self) -> int:
        """Days kept with a figure missing because it could not be read."""
        return sum(day.damaged for day in self.days)

    @property
    def complete(self) -> bool:
        """Whether every trading day the source has for the question is here."""
        return self.ending in {Ending.COVERED, Ending.HISTORY_BEGINS} and not self.unreadable
