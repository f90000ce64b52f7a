"""The days of a series that stand out from the others, wherever in the series they lie."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from mcp_shortvol.answers.sample import MIN_DAYS, rounded_float, standard_score
from mcp_shortvol.domain.short_volume import Day

__all__ = ["NotableDay", "notable_days"]

_LEAST_Z = 3
_MOST = 5


class NotableDay(NamedTuple):
    """A day whose short ratio or short volume is more than 3 standard deviations from the others.

    `measure` is "short_ratio_pct" or "short_volume", and `value` is in its unit. `z_score` is measured against the
    other days without the most extreme one of them, so that one spike does not hide another.
    `short_volume_change_pct` is against the trading day before: a high ratio with a negative change came from few
    shares traded, and not from more shares sold short.
    """

    date: date
    measure: str
    value: float
    z_score: float
    short_volume_change_pct: float | None


def notable_days(newest_first: Sequence[Day], ratio_of: Mapping[date, float]) -> tuple[NotableDay, ...]:
    """The five days that stand out the most, newest first; none where fewer than 12 days have the figure.

    `ratio_of` has the short ratio of each day on which it is known.
    """
    ratios = [(index, ratio_of[day.date]) for index, day in enumerate(newest_first) if day.date in ratio_of]
    shares = [(index, day.short_volume) for index, day in enumerate(newest_first) if day.short_volume is not None]
    found = [
        NotableDay(
            newest_first[index].date,
            measure,
            rounded_float(value) if measure == "short_ratio_pct" else value,
            rounded_float(z_score),
            _short_volume_change_pct(newest_first, index),
        )
        for measure, known in (("short_ratio_pct", ratios), ("short_volume", shares))
        for index, value, z_score in _outliers(known)
    ]
    farthest = sorted(found, key=lambda day: abs(day.z_score), reverse=True)[:_MOST]
    return tuple(sorted(farthest, key=lambda day: day.date, reverse=True))


def _outliers(known: Sequence[tuple[int, float]]) -> list[tuple[int, float, float]]:
    """Index, value and z-score of the values more than 3 standard deviations from the others.

    z = (x - mean) / stdev (standard score), of the others without the one that is farthest from the median.
    """
    if len(known) < MIN_DAYS + 2:
        return []
    median = sorted(value for _, value in known)[len(known) // 2]
    farthest = sorted(known, key=lambda item: abs(item[1] - median), reverse=True)
    values = [value for _, value in farthest]
    found = []
    for place, (index, value) in enumerate(farthest[:_MOST]):
        others = values[1:place] + values[place + 1 :] if place else values[2:]
        z_score = standard_score(value, others)
        if z_score is None or abs(z_score) <= _LEAST_Z:
            break  # those nearer to the median do not stand out either
        found.append((index, value, z_score))
    return found


def _short_volume_change_pct(newest_first: Sequence[Day], index: int) -> float | None:
    shares = newest_first[index].short_volume
    before = newest_first[index + 1].short_volume if index + 1 < len(newest_first) else None
    return rounded_float(100 * (shares / before - 1)) if shares is not None and before else None
