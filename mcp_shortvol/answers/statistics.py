"""What the days of a series say: level, spread, rank, trend, extremes, and how price moved along.

Only days whose short ratio is known take part in a ratio statistic; a day without one is left out, never counted as 0.
Everything is computed from unrounded ratios and rounded once, at the end, to 2 decimals (the slope to 4). A statistic
that too few days support is None.

Two days with the same share sold short have the very same ratio here, however large their volumes are: Python divides
two integers to the nearest float, so 1/3 and 2/6 agree to the last bit, and comparing ratios is safe.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from itertools import pairwise
from operator import itemgetter
from typing import Literal

from mcp_shortvol.answers.totals import money_of, shares_of, weighted_ratio_pct
from mcp_shortvol.domain.short_volume import Day

__all__ = ["Statistics", "Trend", "statistics_of"]

Trend = Literal["rising", "falling", "flat"]

_MIN_DAYS = 10  # fewer say nothing about a rank, a z-score or a trend
_MIN_PAIRS = 20
_HIGHEST = 5
# Percentage points, a return as a fraction, a price: far below what a traded share or a price tick makes, far above
# what rounding to binary fractions does. Values closer together than this are one value.
_NOISE = 1e-9


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of a series: percents end in `_pct`, percentage points in `_pp`; None where the days do not suffice.

    The fields, in this order, are the `statistics` section of the tools' answers.
    """

    latest_date: date
    latest_pct: float
    previous_pct: float | None
    change_pp: float | None
    mean_pct: float
    weighted_mean_pct: float | None
    stdev_pp: float | None
    deviation_pp: float | None
    z_score: float | None
    percentile: float | None
    min_pct: float
    min_date: date
    max_pct: float
    max_date: date
    highest_days: tuple[tuple[date, float], ...]
    mean_5d_pct: float | None
    mean_20d_pct: float | None
    slope_pp_per_day: float | None
    trend: Trend | None
    streak_days: int
    total_short_volume: int | None
    total_short_turnover: int | float | None
    price_correlation: float | None

    def as_dict(self) -> dict[str, object]:
        """The fields as JSON carries them: dates in ISO form, `highest_days` as [[date, pct], ...]."""
        return {field.name: _as_json(getattr(self, field.name)) for field in fields(self)}


def statistics_of(days: Iterable[Day]) -> Statistics | None:
    """The statistics of `days`, in whatever order they come; None where no day has a known ratio."""
    days = sorted(days, key=itemgetter(0), reverse=True)  # by date
    known = [(day.date, ratio) for day in days if (ratio := day.short_ratio_pct) is not None]
    if not known:
        return None
    ratios = [ratio for _, ratio in known]
    latest, before = ratios[0], ratios[1:]
    # The newest day comes first, and min, max and sorted keep the first of equals: the newest wins a tie.
    lowest = min(known, key=itemgetter(1))
    highest = sorted(known, key=itemgetter(1), reverse=True)[:_HIGHEST]
    fit = _line(ratios[::-1])
    deviation = _deviation(latest, before)
    return Statistics(
        latest_date=known[0][0],
        latest_pct=_rounded(latest),
        previous_pct=_rounded(before[0]) if before else None,
        change_pp=_rounded(latest - before[0]) if before else None,
        mean_pct=_rounded(_mean(ratios)),
        weighted_mean_pct=_if_known(weighted_ratio_pct(days)),
        stdev_pp=_if_known(_stdev(ratios)),
        deviation_pp=_if_known(deviation),
        z_score=_if_known(_z_score(deviation, before)),
        percentile=_if_known(_percentile(latest, before)),
        min_pct=_rounded(lowest[1]),
        min_date=lowest[0],
        max_pct=_rounded(highest[0][1]),
        max_date=highest[0][0],
        highest_days=tuple((day, _rounded(ratio)) for day, ratio in highest),
        mean_5d_pct=_if_known(_mean_of_newest(5, ratios)),
        mean_20d_pct=_if_known(_mean_of_newest(20, ratios)),
        slope_pp_per_day=_rounded(fit.slope, 4) if fit else None,
        trend=fit.trend if fit else None,
        streak_days=_streak(ratios),
        total_short_volume=shares_of(day.short_volume for day in days),
        total_short_turnover=_amount(money_of(day.short_turnover for day in days)),
        price_correlation=_if_known(_price_correlation(days)),
    )


def _mean(values: Sequence[float]) -> float:
    """Arithmetic mean, sum(x) / n (any textbook of statistics).

    Summed as distances from the first value, so that the mean of equal values is that value to the last bit, and with
    `math.fsum`, so that the order of the values cannot matter.
    """
    origin = values[0]
    return origin + math.fsum(value - origin for value in values) / len(values)


def _mean_of_newest(count: int, ratios: Sequence[float]) -> float | None:
    """Simple moving average over the newest `count` days (the common chart overlay); None where there are fewer."""
    return _mean(ratios[:count]) if len(ratios) >= count else None


def _stdev(values: Sequence[float]) -> float | None:
    """Sample standard deviation, sqrt(sum((x - mean)^2) / (n - 1)) (Bessel's correction); None under 2 values.

    Two passes, the mean first: the one-pass form subtracts two large and nearly equal sums.
    """
    if len(values) < 2:
        return None
    if not _varies(values):
        return 0.0
    mean = _mean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _deviation(latest: float, before: Sequence[float]) -> float | None:
    """The latest ratio less the mean of the days before it, in percentage points; None where no day is before.

    Hong Kong's financial press quotes it daily as the deviation value of a stock's short-selling ratio.
    """
    return latest - _mean(before) if before else None


def _z_score(deviation: float | None, before: Sequence[float]) -> float | None:
    """Standard score of the latest ratio, (x - mean) / stdev, against the days before it, given its distance x - mean.

    The latest day is kept out of the mean and the deviation, as for any new observation: inside them it would hide part
    of its own distance. None under 10 days before, or where they do not vary.
    """
    if len(before) < _MIN_DAYS or deviation is None or not (stdev := _stdev(before)):
        return None
    return deviation / stdev


def _percentile(latest: float, before: Sequence[float]) -> float | None:
    """Percentile rank of the latest ratio, 100 * (days below + half of the days equal) / days before it.

    The mid-rank form of test scoring, which puts a value equal to all others at 50; None under 10 days before.
    """
    if len(before) < _MIN_DAYS:
        return None
    below = sum(ratio < latest for ratio in before)
    equal = sum(ratio == latest for ratio in before)
    return 100 * (2 * below + equal) / (2 * len(before))


@dataclass(frozen=True, slots=True)
class _Line:
    """A fitted line: percentage points a day, and the standard error of that slope."""

    slope: float
    standard_error: float

    @property
    def trend(self) -> Trend:
        """Whether the slope is more than two standard errors from 0: the rough 95 % test of a regression slope."""
        if abs(self.slope) <= 2 * self.standard_error:
            return "flat"
        return "rising" if self.slope > 0 else "falling"


def _line(oldest_first: Sequence[float]) -> _Line | None:
    """Least-squares line of the ratios on their index 0 .. n - 1 (simple linear regression); None under 10 days.

    slope = Sxy / Sxx and standard error = sqrt(SSE / (n - 2) / Sxx), where SSE is the sum of squared residuals.
    """
    n = len(oldest_first)
    if n < _MIN_DAYS:
        return None
    if not _varies(oldest_first):
        return _Line(0.0, 0.0)
    mean = _mean(oldest_first)
    points = [(index - (n - 1) / 2, ratio - mean) for index, ratio in enumerate(oldest_first)]
    sxx = math.fsum(x * x for x, _ in points)
    slope = math.fsum(x * y for x, y in points) / sxx
    sse = math.fsum((y - slope * x) ** 2 for x, y in points)
    return _Line(slope, math.sqrt(sse / (n - 2) / sxx))


def _streak(newest_first: Sequence[float]) -> int:
    """Consecutive rises (+n) or falls (-n) up to the latest day, as traders count a run of up or down days."""
    streak = 0
    for newer, older in pairwise(newest_first):
        step = (newer > older) - (newer < older)
        if step == 0 or step * streak < 0:
            break
        streak += step
    return streak


def _price_correlation(newest_first: Sequence[Day]) -> float | None:
    """Pearson's correlation of the day's change of the ratio with the day's return of the close, close / previous - 1.

    r = Sxy / sqrt(Sxx * Syy), over neighbouring days that both have a ratio and a price; None under 20 such pairs, or
    where either side does not vary.
    """
    figures = [(day.short_ratio_pct, day.close) for day in newest_first]  # a ratio is computed each time it is read
    moves = [move for newer, older in pairwise(figures) if (move := _move(newer, older))]
    if len(moves) < _MIN_PAIRS:
        return None
    changes, returns = (list(side) for side in zip(*moves, strict=True))
    if not (_varies(changes) and _varies(returns)):
        return None
    mean_change, mean_return = _mean(changes), _mean(returns)
    centred = [(change - mean_change, gain - mean_return) for change, gain in moves]
    sxx = math.fsum(x * x for x, _ in centred)
    syy = math.fsum(y * y for _, y in centred)
    return math.fsum(x * y for x, y in centred) / math.sqrt(sxx * syy)


def _move(
    newer: tuple[float | None, float | None], older: tuple[float | None, float | None]
) -> tuple[float, float] | None:
    """Change of the ratio in percentage points and return of the close; None where a figure is missing."""
    (ratio, close), (ratio_before, close_before) = newer, older
    if ratio is None or ratio_before is None or close is None or close_before is None:
        return None
    # A price of 0 is not a price, and a return on a price near 0 says nothing.
    if close <= _NOISE or close_before <= _NOISE:
        return None
    return ratio - ratio_before, close / close_before - 1


def _varies(values: Sequence[float]) -> bool:
    return max(values) - min(values) > _NOISE


def _rounded(value: float, decimals: int = 2) -> float:
    return round(value, decimals) + 0.0  # -0.0 + 0.0 is 0.0


def _if_known(value: float | None) -> float | None:
    return None if value is None else _rounded(value)


def _amount(money: float | None) -> int | float | None:
    """Money to the cent, as an integer where it is whole: a sum of floats shows digits that are not money."""
    if money is None:
        return None
    amount = _rounded(money)
    return int(amount) if amount.is_integer() else amount


def _as_json(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    return [_as_json(item) for item in value] if isinstance(value, tuple) else value
