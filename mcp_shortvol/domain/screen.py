"""A screen of a whole market: which names of a date are asked for, and what it finds.

The statistics of a name stand on the trading days before the date that are here without a gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from mcp_shortvol.domain.market_day import Volumes
from mcp_shortvol.domain.ranking import Direction
from mcp_shortvol.domain.short_volume import Interruption

__all__ = ["MOST_DAYS", "ScreenOrder", "ScreenQuery", "ScreenResult", "Screened"]

ScreenOrder = Literal["short_ratio", "short_volume", "jump", "z_score", "streak"]
"""What names are ordered by: the day's ratio or volume, its distance from the own mean, that in standard deviations, or
the days it has risen (or fallen) in a row."""

MOST_DAYS = 21
"""The most trading days that one screen reads: the date and a month before it."""


@dataclass(frozen=True, slots=True)
class ScreenQuery:
    """`min_volume` is in shares traded off exchange, `min_ratio` in percent; `days` includes the date itself."""

    date: date | None
    order_by: ScreenOrder
    direction: Direction
    count: int
    min_volume: int
    min_ratio: float
    days: int


class Screened(NamedTuple):
    """A name by its canonical symbol, and its volumes on the days of the screen, newest first; None where not there."""

    symbol: str
    volumes: Sequence[tuple[date, Volumes | None]]


@dataclass(frozen=True, slots=True)
class ScreenResult:
    """What a screen found. `days` are the dates that its statistics stand on, newest first, the date itself first.

    `names` is how many names the date has, `passing` how many of them pass the least volume and ratio.
    """

    query: ScreenQuery
    source: str
    ratio_basis: str
    days: Sequence[date]
    names: int
    passing: int
    unreadable: int
    found: Sequence[Screened]
    interruption: Interruption | None = None

    @property
    def invented(self) -> bool:
        """Whether the figures come from the sandbox and from no market."""
        return self.source.startswith("sandbox:")

    @property
    def complete(self) -> bool:
        """Whether the statistics stand on as many days as were asked for."""
        return self.interruption is None
