"""What the days say of one more measure than the ratio: shares sold short, or money."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from operator import itemgetter

from mcp_shortvol.answers.sample import Trend, line_of, mean_of, rounded_float

__all__ = ["Measure", "measure_of"]


@dataclass(frozen=True, slots=True)
class Measure:
    """Mean and highest day in shares or whole dollars; the trend, and its size over the days in percent of the mean."""

    mean: int
    max: int
    max_date: date
    trend: Trend | None
    trend_pct: float | None


def measure_of(newest_first: Iterable[tuple[date, float | None]]) -> Measure | None:
    """The measure of the days on which it is known; None where it is known on none. The newest day wins a tie."""
    known = [(day, value) for day, value in newest_first if value is not None]
    if not known:
        return None
    values = [value for _, value in known]
    mean = mean_of(values)
    line = line_of(values[::-1])
    max_date, highest = max(known, key=itemgetter(1))
    return Measure(
        mean=round(mean),
        max=round(highest),
        max_date=max_date,
        trend=line.trend if line else None,
        trend_pct=rounded_float(100 * line.change / mean) if line and mean else None,
    )
