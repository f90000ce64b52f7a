"""US short volume by where it was traded: off exchange (FINRA), and on the exchanges that sources tell of.

FINRA's figures and those of the exchanges are of different trades, so that short sales of both add up. What they leave
out are the exchanges that no source here tells of, so that the sum is a lower bound of all short sales of a day:

    all_venue_pct >= 100 x (off-exchange short + Nasdaq exchange short + NYSE group short) / consolidated volume
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from mcp_shortvol.domain.errors import ShortVolumeError
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Day, Series

__all__ = ["VenueDay", "VenueSeries", "venue_day"]


class VenueDay(NamedTuple):
    """One trading day in shares; None where the source of a part does not have it.

    `consolidated_volume` is that of all venues, `nasdaq_volume` that of the Nasdaq exchange alone.
    """

    date: date
    off_exchange_short: int | None = None
    off_exchange_total: int | None = None
    nasdaq_short: int | None = None
    nyse_short: int | None = None
    consolidated_volume: int | None = None
    nasdaq_volume: int | None = None

    @property
    def known_short(self) -> int | None:
        """The short sales of every venue that is known; None where off exchange or the Nasdaq exchange is missing."""
        if self.off_exchange_short is None or self.nasdaq_short is None:
            return None
        return self.off_exchange_short + self.nasdaq_short + (self.nyse_short or 0)

    @property
    def all_venue_pct(self) -> float | None:
        """At least so much of all volume was sold short, unrounded; None where one of the parts is missing."""
        if self.nyse_short is None or self.known_short is None or not self.consolidated_volume:
            return None
        return 100 * self.known_short / self.consolidated_volume

    @property
    def off_exchange_share_pct(self) -> float | None:
        """Off-exchange volume as a percentage of all volume, unrounded."""
        if self.off_exchange_total is None or not self.consolidated_volume:
            return None
        return 100 * self.off_exchange_total / self.consolidated_volume

    @property
    def off_exchange_pct(self) -> float | None:
        """FINRA's own ratio: of off-exchange volume."""
        return _pct(self.off_exchange_short, self.off_exchange_total)

    @property
    def exchanges_pct(self) -> float | None:
        """Futu's ratio: short sales of two exchanges, of all volume."""
        if self.nasdaq_short is None or self.nyse_short is None:
            return None
        return _pct(self.nasdaq_short + self.nyse_short, self.consolidated_volume)

    @property
    def nasdaq_pct(self) -> float | None:
        """Longbridge's ratio: of the Nasdaq exchange's volume."""
        return _pct(self.nasdaq_short, self.nasdaq_volume)


def _pct(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else 100 * part / whole


def venue_day(
    day: date, finra: Day | None, futu: Day | None, longbridge: Day | None, *, without_futu: bool
) -> VenueDay:
    """The day that up to three sources tell of; `without_futu`, Longbridge's Nasdaq part stands in for Futu's."""
    exchange = longbridge if without_futu else futu
    return VenueDay(
        date=day,
        off_exchange_short=finra.short_volume if finra else None,
        off_exchange_total=finra.total_volume if finra else None,
        nasdaq_short=exchange.nasdaq_short_volume if exchange else None,
        nyse_short=futu.nyse_short_volume if futu else None,
        consolidated_volume=futu.total_volume if futu else None,
        nasdaq_volume=longbridge.total_volume if longbridge else None,
    )


@dataclass(frozen=True, slots=True)
class VenueSeries:
    """The days that answer a question, newest first, and the series they were put together from.

    `parts` are those series by "finra", "futu" and "longbridge"; `failures` says why one that is set up is missing.
    """

    question: Question
    days: Sequence[VenueDay]
    parts: Mapping[str, Series]
    failures: Mapping[str, ShortVolumeError]

    @property
    def invented(self) -> bool:
        """Whether the figures come from the sandbox and from no market."""
        return any(series.invented for series in self.parts.values())

    @property
    def exchanges(self) -> Series | None:
        """The series that the exchanges' parts are of."""
        return self.parts.get("futu") or self.parts.get("longbridge")

    @property
    def complete(self) -> bool:
        """Whether off exchange, both exchanges and all volume are here for every day asked for."""
        here = {"finra", "futu"} <= self.parts.keys() and self.parts["finra"].complete and self.parts["futu"].complete
        return here and all(day.all_venue_pct is not None for day in self.days)
