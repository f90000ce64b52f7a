"""Every name of a market on one day: what a screen of the market is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

__all__ = ["MarketDay", "Volumes"]


class Volumes(NamedTuple):
    """Shares of one name on one day: sold short, and traded."""

    short: int
    total: int


@dataclass(frozen=True, slots=True)
class MarketDay:
    """The names of a date by their canonical symbols, and how many names were left out as unreadable."""

    date: date
    names: Mapping[str, Volumes]
    unreadable: int
    sandbox: bool
