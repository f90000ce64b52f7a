"""Figures of a sample: mean, spread, fitted line, and how a figure is rounded for an answer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from typing import Literal

__all__ = [
    "MIN_DAYS",
    "NOISE",
    "Line",
    "Trend",
    "amount",
    "line_of",
    "mean_of",
    "rounded_float",
    "rounded_if_known",
    "standard_score",
    "stdev_of",
    "varies",
]

Trend = Literal["rising", "falling", "flat"]

MIN_DAYS = 10
"""Fewer days say nothing about a rank, a z-score or a trend."""

NOISE = 1e-9
"""Values closer together than this are one value.

In percentage points, a return as a fraction or a price it is far below what a traded share or a price tick makes, and
far above what rounding to binary fractions does.
"""


def mean_of(values: Sequence[float]) -> float:
    """Arithmetic mean, sum(x) / n (any textbook of statistics).

    Summed as distances from the first value, so that the mean of equal values is that value to the last bit, and with
    `math.fsum`, so that the order of the values cannot matter.
    """
    origin = values[0]
    return origin + math.fsum([value - origin for value in values]) / len(values)


def stdev_of(values: Sequence[float]) -> float | None:
    """Sample standard deviation, sqrt(sum((x - mean)^2) / (n - 1)) (Bessel's correction); None under 2 values.

    Two passes, the mean first: the one-pass form subtracts two large and nearly equal sums.
    """
    if len(values) < 2:
        return None
    if not varies(values):
        return 0.0
    mean = mean_of(values)
    centred = [value - mean for value in values]
    return math.sqrt(math.fsum(map(mul, centred, centred)) / (len(values) - 1))


def standard_score(value: float, others: Sequence[float]) -> float | None:
    """(x - mean) / stdev of a value against others; None under 10 others, or where they do not vary.

    The value is kept out of the mean and the deviation, as for any new observation: inside them it would hide part of
    its own distance.
    """
    if len(others) < MIN_DAYS or not (stdev := stdev_of(others)):
        return None
    return (value - mean_of(others)) / stdev


@dataclass(frozen=True, slots=True)
class Line:
    """A line fitted to `days` values: its slope in the values' unit a day, and the standard error of that slope."""

    slope: float
    standard_error: float
    days: int

    @property
    def trend(self) -> Trend:
        """Whether the slope is more than two standard errors from 0: the rough 95 % test of a regression slope."""
        if abs(self.slope) <= 2 * self.standard_error:
            return "flat"
        return "rising" if self.slope > 0 else "falling"

    @property
    def change(self) -> float:
        """From the first day to the last along the line, in the values' unit."""
        return self.slope * (self.days - 1)


def line_of(oldest_first: Sequence[float]) -> Line | None:
    """Least-squares line of values on their index 0 .. n - 1 (simple linear regression); None under 10 days.

    slope = Sxy / Sxx and standard error = sqrt(SSE / (n - 2) / Sxx), where SSE is the sum of squared residuals.
    """
    n = len(oldest_first)
    if n < MIN_DAYS:
        return None
    if not varies(oldest_first):
        return Line(0.0, 0.0, n)
    mean = mean_of(oldest_first)
    places = [index - (n - 1) / 2 for index in range(n)]
    centred = [value - mean for value in oldest_first]
    sxx = math.fsum(map(mul, places, places))
    slope = math.fsum(map(mul, places, centred)) / sxx
    residuals = [y - slope * x for x, y in zip(places, centred, strict=True)]
    sse = math.fsum(map(mul, residuals, residuals))
    return Line(slope, math.sqrt(sse / (n - 2) / sxx), n)


def varies(values: Sequence[float]) -> bool:
    """Whether the values are more than one value with the noise of binary fractions."""
    return max(values) - min(values) > NOISE


def rounded_float(value: float, decimals: int = 2) -> float:
    """Rounded, and never minus zero."""
    return round(value, decimals) + 0.0  # -0.0 + 0.0 is 0.0


def rounded_if_known(value: float | None) -> float | None:
    """Rounded to 2 decimals; None stays None."""
    return None if value is None else rounded_float(value)


def amount(money: float | None) -> int | float | None:
    """Money to the cent, as an integer where it is whole: a sum of floats shows digits that are not money."""
    if money is None:
        return None
    cents = rounded_float(money)
    return int(cents) if cents.is_integer() else cents
