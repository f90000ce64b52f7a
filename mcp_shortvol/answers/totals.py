"""Sums over days, where a missing figure is left out and nothing but missing figures is None, never 0."""

import math
from collections.abc import Iterable

from mcp_shortvol.domain.short_volume import Day

__all__ = ["both_volumes", "money_of", "shares_of", "weighted_ratio_pct"]


def shares_of(volumes: Iterable[int | None]) -> int | None:
    """The sum of the known volumes."""
    known = [volume for volume in volumes if volume is not None]
    return sum(known) if known else None


def money_of(amounts: Iterable[float | None]) -> float | None:
    """The sum of the known amounts, whatever their order."""
    known = [amount for amount in amounts if amount is not None]
    return math.fsum(known) if known else None


def both_volumes(day: Day) -> tuple[int, int] | None:
    """Short and total volume of a day where both are known and anything was traded."""
    return (day.short_volume, day.total_volume) if day.short_volume is not None and day.total_volume else None


def weighted_ratio_pct(days: Iterable[Day]) -> float | None:
    """Ratio of the sums, 100 * sum(short volume) / sum(total volume), over the days that have both volumes.

    The mean of the daily ratios weighted by total volume, in the way a volume-weighted average price weighs prices: the
    share of all that was traded over these days that was sold short. A day with one volume only would tilt it.
    """
    volumes = [volumes for day in days if (volumes := both_volumes(day))]
    return 100 * sum(short for short, _ in volumes) / sum(total for _, total in volumes) if volumes else None
