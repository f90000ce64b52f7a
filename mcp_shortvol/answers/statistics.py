"""What the days of a series say: level, spread, rank, trend, extremes, notable days, and how price moved along.

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

from mcp_shortvol.answers.measures import Measure, measure_of
from mcp_shortvol.answers.notable_days import NotableDay, notable_days
from mcp_shortvol.answers.sample import (
    MIN_DAYS,
    NOISE,
    Trend,
    amount,
    line_of,
    mean_of,
    rounded_float,
    rounded_if_known,
    standard_score,
    stdev_of,
    varies,
)
from mcp_shortvol.answers.totals import money_of, shares_of, weighted_ratio_pct
from mcp_shortvol.domain.short_volume import Day

__all__ = ["DAYS_NEEDED", "Statistics", "statistics_of"]

_MIN_PAIRS = 20
_HIGHEST = 5

DAYS_NEEDED = {
    "trend": MIN_DAYS,
    "z_score": MIN_DAYS + 1,
    "percentile": MIN_DAYS + 1,
    "price_correlation": _MIN_PAIRS + 1,
}
"""The fewest days with a ratio (for the last one with a close, too) from which a statistic is computed."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of a series: percents end in `_pct`, percentage points in `_pp`; None where the days do not suffice.

    `prior_mean_pct` and `prior_stdev_pp` are of the days before the latest: the base of deviation, z-score and
    percentile. The fields, in this order, are the `statistics` section of the tools' answers.
    """

    latest_date: date
    latest_pct: float
    previous_pct: float | None
    change_pp: float | None
    mean_pct: float
    weighted_mean_pct: float | None
    stdev_pp: float | None
    prior_mean_pct: float | None
    prior_stdev_pp: float | None
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
    short_volume: Measure | None
    short_turnover: Measure | None
    notable_days: tuple[NotableDay, ...]

    def as_dict(self) -> dict[str, object]:
        """The fields as JSON carries them: dates in ISO form, days as arrays in the order of their fields."""
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
    fit = line_of(ratios[::-1])
    return Statistics(
        latest_date=known[0][0],
        latest_pct=rounded_float(latest),
        previous_pct=rounded_float(before[0]) if before else None,
        change_pp=rounded_float(latest - before[0]) if before else None,
        mean_pct=rounded_float(mean_of(ratios)),
        weighted_mean_pct=rounded_if_known(weighted_ratio_pct(days)),
        stdev_pp=rounded_if_known(stdev_of(ratios)),
        prior_mean_pct=rounded_if_known(mean_of(before) if before else None),
        prior_stdev_pp=rounded_if_known(stdev_of(before)),
        deviation_pp=rounded_if_known(_deviation(latest, before)),
        z_score=rounded_if_known(standard_score(latest, before)),
        percentile=rounded_if_known(_percentile(latest, before)),
        min_pct=rounded_float(lowest[1]),
        min_date=lowest[0],
        max_pct=rounded_float(highest[0][1]),
        max_date=highest[0][0],
        highest_days=tuple((day, rounded_float(ratio)) for day, ratio in highest),
        mean_5d_pct=rounded_if_known(_mean_of_newest(5, ratios)),
        mean_20d_pct=rounded_if_known(_mean_of_newest(20, ratios)),
        slope_pp_per_day=rounded_float(fit.slope, 4) if fit else None,
        trend=fit.trend if fit else None,
        streak_days=_streak(ratios),
        total_short_volume=shares_of(day.short_volume for day in days),
        total_short_turnover=amount(money_of(day.short_turnover for day in days)),
        price_correlation=rounded_if_known(_price_correlation(days)),
        short_volume=measure_of((day.date, day.short_volume) for day in days),
        short_turnover=measure_of((day.date, day.short_turnover) for day in days),
        notable_days=notable_days(days, dict(known)),
    )


def _mean_of_newest(count: int, ratios: Sequence[float]) -> float | None:
    """Simple moving average over the newest `count` days (the common chart overlay); None where there are fewer."""
    return mean_of(ratios[:count]) if len(ratios) >= count else None


def _deviation(latest: float, before: Sequence[float]) -> float | None:
    """The latest ratio less the mean of the days before it, in percentage points; None where no day is before.

    Hong Kong's financial press quotes it daily as the deviation value of a stock's short-selling ratio.
    """
    return latest - mean_of(before) if before else None


def _percentile(latest: float, before: Sequence[float]) -> float | None:
    """Percentile rank of the latest ratio, 100 * (days below + half of the days equal) / days before it.

    The mid-rank form of test scoring, which puts a value equal to all others at 50; None under 10 days before.
    """
    if len(before) < MIN_DAYS:
        return None
    below = sum(ratio < latest for ratio in before)
    equal = sum(ratio == latest for ratio in before)
    return 100 * (2 * below + equal) / (2 * len(before))


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
    if not (varies(changes) and varies(returns)):
        return None
    mean_change, mean_return = mean_of(changes), mean_of(returns)
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
    if close <= NOISE or close_before <= NOISE:
        return None
    return ratio - ratio_before, close / close_before - 1


def _as_json(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Measure):
        return {field.name: _as_json(getattr(value, field.name)) for field in fields(value)}
    return [_as_json(item) for item in value] if isinstance(value, tuple) else value
