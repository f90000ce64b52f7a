"""Every statistic equals another computation of it, and obeys the laws that its name promises."""

import json
import random
import statistics as stdlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.answers.measures import Measure
from mcp_shortvol.answers.notable_days import NotableDay
from mcp_shortvol.answers.sample import Trend
from mcp_shortvol.answers.statistics import Statistics, statistics_of
from mcp_shortvol.domain.short_volume import Day

FIRST = date(2026, 1, 5)


def day_of(index: int, short: int | None, total: int | None = 1000, close: float | None = 100.0) -> Day:
    return Day(FIRST + timedelta(days=index), short, total, close)


def per_mille(*shorts: int | None, closes: Sequence[float | None] = ()) -> list[Day]:
    """Newest first as a source yields them: days on which so many of 1000 shares were sold short, told oldest first."""
    prices = closes or [100.0] * len(shorts)
    return [day_of(i, short, close=close) for i, (short, close) in enumerate(zip(shorts, prices, strict=True))][::-1]


def known(days: Sequence[Day]) -> Statistics:
    found = statistics_of(days)
    assert found is not None
    return found


def a_year(seed: int) -> list[Day]:
    """A year as a market could have made it, newest first, with odd volumes."""
    chance = random.Random(seed)
    price, days = 100.0, []
    for index in range(250):
        price = round(price * (1 + chance.gauss(0, 0.02)), 2)
        total = chance.randrange(10**6, 10**8)
        short = int(total * chance.uniform(0.05, 0.25))
        if index in {40, 41, 200}:
            total, short = total // 100, total // 250  # a high ratio of few shares
        if index == 120:
            total, short = total + 5 * 10**8, short + 10**8
        money = round(short * price * chance.uniform(0.99, 1.01), 2)
        days.append(day_of(index, short, total, price)._replace(short_turnover=money))
    return days[::-1]


# Another route to each figure: exact fractions and the standard library's statistics, written from the definitions.


def exact(days: Sequence[Day]) -> list[Fraction]:
    return [Fraction(100 * day.short_volume, day.total_volume) for day in days]  # type: ignore[operator]


def exact_z(days: Sequence[Day]) -> float:
    latest, *before = exact(days)
    return float((latest - stdlib.mean(before)) / Fraction(stdlib.stdev(before)))


def exact_weighted(days: Sequence[Day]) -> float:
    shorts, totals = [day.short_volume or 0 for day in days], [day.total_volume or 0 for day in days]
    return float(100 * Fraction(sum(shorts), sum(totals)))


def stdlib_slope(days: Sequence[Day]) -> float:
    return stdlib.linear_regression(range(len(days)), [float(ratio) for ratio in exact(days)[::-1]]).slope


def exact_trend(days: Sequence[Day]) -> Trend:
    return trend_of([float(ratio) for ratio in exact(days)])


def trend_of(newest_first: Sequence[float]) -> Trend:
    """The t statistic of a slope by way of the correlation with time: t^2 = r^2 (n - 2) / (1 - r^2)."""
    n, r = len(newest_first), stdlib.correlation(range(len(newest_first)), newest_first[::-1])
    if r**2 * (n - 2) <= 4 * (1 - r**2):
        return "flat"
    return "rising" if r > 0 else "falling"


def exact_measure(days: Sequence[Day], values: Sequence[Fraction]) -> Measure:
    mean = stdlib.mean(values)
    oldest_first = [float(value) for value in values[::-1]]
    change = stdlib.linear_regression(range(len(values)), oldest_first).slope * (len(values) - 1)
    return Measure(
        mean=round(mean),
        max=round(max(values)),
        max_date=days[values.index(max(values))].date,
        trend=trend_of(oldest_first[::-1]),
        trend_pct=round(100 * change / float(mean), 2),
    )


def naive_notable_days(days: Sequence[Day]) -> tuple[NotableDay, ...]:
    """Each day against all others but one, whatever its distance: no shortcut."""
    found = []
    shares = [Fraction(day.short_volume or 0) for day in days]
    for measure, values in (("short_ratio_pct", exact(days)), ("short_volume", shares)):
        median = sorted(values)[len(values) // 2]
        for index, value in enumerate(values):
            others = [*values[:index], *values[index + 1 :]]
            others.remove(max(others, key=lambda other: abs(other - median)))
            z_score = float(value - stdlib.mean(others)) / float(stdlib.stdev(others))
            if abs(z_score) > 3:
                before = shares[index + 1] if index + 1 < len(days) else None
                change = None if before is None else round(float(100 * (shares[index] / before - 1)), 2)
                figure = round(float(value), 2) if measure == "short_ratio_pct" else int(value)
                found.append(NotableDay(days[index].date, measure, figure, round(z_score, 2), change))
    kept = sorted(found, key=lambda day: -abs(day.z_score))[:5]
    return tuple(sorted(kept, key=lambda day: day.date, reverse=True))


def stdlib_price_correlation(days: Sequence[Day]) -> float:
    ratios, closes = exact(days), [Fraction(str(day.close)) for day in days]
    changes = [float(ratios[i] - ratios[i + 1]) for i in range(len(days) - 1)]
    returns = [float((closes[i] - closes[i + 1]) / closes[i + 1]) for i in range(len(days) - 1)]
    return stdlib.correlation(changes, returns)


def exact_percentile(days: Sequence[Day]) -> float:
    latest, *before = exact(days)
    return float(stdlib.mean(Fraction(100 if ratio < latest else 50 if ratio == latest else 0) for ratio in before))


INDEPENDENT: dict[str, Callable[[Sequence[Day]], object]] = {
    "latest_date": lambda days: days[0].date,
    "latest_pct": lambda days: float(round(exact(days)[0], 2)),
    "previous_pct": lambda days: float(round(exact(days)[1], 2)),
    "change_pp": lambda days: float(round(exact(days)[0] - exact(days)[1], 2)),
    "mean_pct": lambda days: float(round(stdlib.mean(exact(days)), 2)),
    "weighted_mean_pct": lambda days: round(exact_weighted(days), 2),
    "stdev_pp": lambda days: round(float(stdlib.stdev(exact(days))), 2),
    "prior_mean_pct": lambda days: float(round(stdlib.mean(exact(days)[1:]), 2)),
    "prior_stdev_pp": lambda days: round(float(stdlib.stdev(exact(days)[1:])), 2),
    "deviation_pp": lambda days: float(round(exact(days)[0] - stdlib.mean(exact(days)[1:]), 2)),
    "z_score": lambda days: round(exact_z(days), 2),
    "percentile": lambda days: round(exact_percentile(days), 2),
    "min_pct": lambda days: float(round(min(exact(days)), 2)),
    "min_date": lambda days: days[exact(days).index(min(exact(days)))].date,
    "max_pct": lambda days: float(round(max(exact(days)), 2)),
    "max_date": lambda days: days[exact(days).index(max(exact(days)))].date,
    "highest_days": lambda days: tuple(
        (day, float(round(ratio, 2)))
        for ratio, day in sorted(zip(exact(days), [day.date for day in days], strict=True), reverse=True)[:5]
    ),
    "mean_5d_pct": lambda days: float(round(stdlib.mean(exact(days)[:5]), 2)),
    "mean_20d_pct": lambda days: float(round(stdlib.mean(exact(days)[:20]), 2)),
    "slope_pp_per_day": lambda days: round(stdlib_slope(days), 4),
    "trend": exact_trend,
    "streak_days": lambda days: next(
        (
            sign * (run - 1)
            for sign in (1, -1)
            for run in range(len(days), 1, -1)
            if _monotonic(exact(days)[:run], sign)
        ),
        0,
    ),
    "total_short_volume": lambda days: sum(day.short_volume or 0 for day in days),
    "total_short_turnover": lambda days: float(sum(Fraction(str(day.short_turnover)) for day in days)),
    "price_correlation": lambda days: round(stdlib_price_correlation(days), 2),
    "short_volume": lambda days: exact_measure(days, [Fraction(day.short_volume or 0) for day in days]),
    "short_turnover": lambda days: exact_measure(days, [Fraction(str(day.short_turnover)) for day in days]),
    "notable_days": lambda days: naive_notable_days(days),
}


def _monotonic(newest_first: Sequence[Fraction], sign: int) -> bool:
    return all(sign * (newer - older) > 0 for newer, older in pairwise(newest_first))


class TestIndependentComputation:
    @pytest.mark.parametrize("seed", range(8))
    @pytest.mark.parametrize("name", INDEPENDENT)
    def test_each_figure_equals_another_route_to_it(self, name: str, seed: int) -> None:
        days = a_year(seed)
        assert getattr(known(days), name) == INDEPENDENT[name](days)

    def test_every_figure_has_another_route(self) -> None:
        assert list(INDEPENDENT) == list(known(a_year(0)).as_dict())

    def test_numpy_agrees(self) -> None:
        numpy = pytest.importorskip("numpy")
        days = a_year(99)
        ratios = numpy.array([100 * (day.short_volume or 0) / (day.total_volume or 1) for day in days])[::-1]
        closes = numpy.array([day.close for day in days])[::-1]
        found = known(days)
        assert found.mean_pct == round(float(ratios.mean()), 2)
        assert found.stdev_pp == round(float(ratios.std(ddof=1)), 2)
        assert found.slope_pp_per_day == round(float(numpy.polyfit(numpy.arange(250), ratios, 1)[0]), 4)
        returns = closes[1:] / closes[:-1] - 1
        assert found.price_correlation == round(float(numpy.corrcoef(numpy.diff(ratios), returns)[0, 1]), 2)


class TestByHand:
    def test_one_day_has_a_level_and_nothing_to_compare_it_with(self) -> None:
        found = known(per_mille(123))
        assert found.as_dict() == {
            "latest_date": "2026-01-05",
            "latest_pct": 12.3,
            "previous_pct": None,
            "change_pp": None,
            "mean_pct": 12.3,
            "weighted_mean_pct": 12.3,
            "stdev_pp": None,
            "prior_mean_pct": None,
            "prior_stdev_pp": None,
            "deviation_pp": None,
            "z_score": None,
            "percentile": None,
            "min_pct": 12.3,
            "min_date": "2026-01-05",
            "max_pct": 12.3,
            "max_date": "2026-01-05",
            "highest_days": [["2026-01-05", 12.3]],
            "mean_5d_pct": None,
            "mean_20d_pct": None,
            "slope_pp_per_day": None,
            "trend": None,
            "streak_days": 0,
            "total_short_volume": 123,
            "total_short_turnover": None,
            "price_correlation": None,
            "short_volume": {"mean": 123, "max": 123, "max_date": "2026-01-05", "trend": None, "trend_pct": None},
            "short_turnover": None,
            "notable_days": [],
        }

    def test_the_deviation_value_is_against_the_days_before(self) -> None:
        assert known(per_mille(100, 120, 140)).deviation_pp == 3.0  # 14 - (10 + 12) / 2

    def test_the_z_score_leaves_the_latest_day_out_of_its_yardstick(self) -> None:
        # Ten days of 9 and 11: mean 10, sum of squares 10, stdev sqrt(10 / 9) = 1.0541; (12 - 10) / 1.0541 = 1.897.
        assert known(per_mille(*[90, 110] * 5, 120)).z_score == 1.9
        assert known(per_mille(*[90, 110] * 5)).z_score is None

    def test_the_percentile_counts_half_of_the_equal_days(self) -> None:
        # Of ten days before, 4 are lower and 2 equal: (4 + 1) / 10.
        assert known(per_mille(10, 20, 30, 40, 50, 50, 60, 70, 80, 90, 50)).percentile == 50.0
        assert known(per_mille(*range(10), 10)).percentile == 100.0
        assert known(per_mille(*range(1, 11), 0)).percentile == 0.0
        assert known(per_mille(*range(10))).percentile is None

    def test_the_newest_day_wins_a_tie(self) -> None:
        found = known(per_mille(50, 200, 50, 200, 100))
        assert (found.min_date, found.max_date) == (FIRST + timedelta(2), FIRST + timedelta(3))
        assert [when.day - FIRST.day for when, _ in found.highest_days] == [3, 1, 4, 2, 0]

    def test_five_highest_days_highest_first(self) -> None:
        found = known(per_mille(10, 70, 30, 60, 20, 50, 40))
        assert [ratio for _, ratio in found.highest_days] == [7.0, 6.0, 5.0, 4.0, 3.0]

    @pytest.mark.parametrize(
        ("shorts", "streak"),
        [
            ([100, 110, 120, 130], 3),
            ([130, 110, 120], 1),
            ([100, 120, 110, 90], -2),
            ([100, 120, 120], 0),
            ([120, 120, 130], 1),
        ],
    )
    def test_a_streak_counts_moves_up_to_the_latest_day(self, shorts: list[int], streak: int) -> None:
        assert known(per_mille(*shorts)).streak_days == streak

    def test_a_straight_line_has_its_own_slope(self) -> None:
        rising = known(per_mille(*range(100, 130, 3)))
        assert (rising.slope_pp_per_day, rising.trend) == (0.3, "rising")
        falling = known(per_mille(*range(130, 100, -3)))
        assert (falling.slope_pp_per_day, falling.trend) == (-0.3, "falling")

    def test_a_zigzag_is_flat(self) -> None:
        found = known(per_mille(*[100, 120] * 6))
        assert found.trend == "flat"
        assert found.slope_pp_per_day == 0.042  # six pairs each give Sxy 1, Sxx is 12 * 143 / 12: 6 / 143

    def test_trend_needs_ten_days(self) -> None:
        nine, ten = known(per_mille(*range(9))), known(per_mille(*range(10)))
        assert (nine.slope_pp_per_day, nine.trend) == (None, None)
        assert ten.trend == "rising"

    def test_large_days_weigh_more_in_the_weighted_mean_only(self) -> None:
        found = known([day_of(0, 10, 100), day_of(1, 600, 1000)])
        assert (found.mean_pct, found.weighted_mean_pct) == (35.0, 55.45)  # 610 / 1100

    def test_price_correlation_needs_twenty_pairs(self) -> None:
        shorts = [100 + 7 * i % 50 for i in range(21)]
        closes = [100.0 + 3 * i % 17 for i in range(21)]
        assert known(per_mille(*shorts, closes=closes)).price_correlation is not None
        assert known(per_mille(*shorts[1:], closes=closes[1:])).price_correlation is None

    def test_a_day_without_price_or_ratio_breaks_two_pairs_and_makes_none(self) -> None:
        shorts = [100 + 7 * i % 50 for i in range(22)]
        closes: list[float | None] = [100.0 + 3 * i % 17 for i in range(22)]
        assert known(per_mille(*shorts, closes=closes)).price_correlation is not None
        assert known(per_mille(*shorts, closes=[*closes[:9], None, *closes[10:]])).price_correlation is None
        assert known(per_mille(*shorts[:9], None, *shorts[10:], closes=closes)).price_correlation is None
        assert known(per_mille(*shorts, closes=[*closes[:9], 0.0, *closes[10:]])).price_correlation is None

    def test_nothing_moves_with_a_price_or_a_ratio_that_only_goes_straight(self) -> None:
        wild = [100 + 7 * i % 50 for i in range(30)]
        still = [100.0] * 30
        compounding = [100 * 1.01**i for i in range(30)]
        closes = [100.0 + 3 * i % 17 for i in range(30)]
        assert known(per_mille(*wild, closes=still)).price_correlation is None
        assert known(per_mille(*wild, closes=compounding)).price_correlation is None
        assert known(per_mille(*range(100, 130), closes=closes)).price_correlation is None

    def test_turnover_is_an_integer_where_it_is_whole(self) -> None:
        quarters = [day._replace(short_turnover=10.25) for day in per_mille(100, 110, 120, 130)]
        total = known(quarters).total_short_turnover
        assert total == 41
        assert type(total) is int
        assert known(quarters[:2]).total_short_turnover == 20.5
        cents = [day._replace(short_turnover=0.1) for day in per_mille(1, 2, 3)]
        assert known(cents).total_short_turnover == 0.3


class TestNotableDays:
    def test_a_spike_inside_the_range_is_named_with_its_distance(self) -> None:
        shorts = [430 + 5 * (i % 5) for i in range(60)]
        shorts[25] = 670
        found = known(per_mille(*shorts))
        assert found.z_score is not None
        assert abs(found.z_score) < 1
        assert [(day.date, day.measure, day.value) for day in found.notable_days] == [
            (FIRST + timedelta(25), "short_ratio_pct", 67.0),
            (FIRST + timedelta(25), "short_volume", 670),
        ]
        assert found.notable_days[0].z_score > 30

    def test_one_spike_does_not_hide_another(self) -> None:
        shorts = [100 + i % 3 for i in range(30)]
        shorts[10], shorts[20] = 400, 300
        notable = known(per_mille(*shorts)).notable_days
        assert {day.date for day in notable} == {FIRST + timedelta(10), FIRST + timedelta(20)}

    def test_a_high_ratio_of_few_shares_shows_that_they_were_fewer_than_the_day_before(self) -> None:
        days = [day_of(i, 100 + i % 3) for i in range(30)]
        days[20] = day_of(20, 60, 100)
        notable = [day for day in known(days).notable_days if day.measure == "short_ratio_pct"]
        assert [(day.value, day.short_volume_change_pct) for day in notable] == [(60.0, -40.59)]

    def test_an_ordinary_series_has_none_and_too_few_days_have_none(self) -> None:
        assert known(per_mille(*[100 + i % 7 for i in range(60)])).notable_days == ()
        assert known(per_mille(*[100, 101] * 5, 900)).notable_days == ()

    def test_at_most_five_newest_first(self) -> None:
        shorts = [100 + i % 3 for i in range(250)]
        for index in range(20, 240, 40):
            shorts[index] = 500 + index
        notable = known(per_mille(*shorts)).notable_days
        assert len(notable) == 5
        assert [day.date for day in notable] == sorted((day.date for day in notable), reverse=True)


class TestMeasures:
    def test_mean_and_highest_day_of_shares_and_of_money_are_their_own(self) -> None:
        days = [day_of(0, 50, 100), day_of(1, 40, 1000), day_of(2, 45, 100)]
        days = [day._replace(short_turnover=money) for day, money in zip(days, (10.0, 999.4, 20.0), strict=True)]
        found = known(days)
        assert found.short_volume is not None
        assert found.short_turnover is not None
        assert (found.max_date, found.short_volume.max_date) == (FIRST, FIRST)
        assert (found.short_volume.mean, found.short_volume.max, found.short_volume.trend) == (45, 50, None)
        assert (found.short_turnover.max, found.short_turnover.max_date) == (999, FIRST + timedelta(1))

    def test_the_trend_of_shares_has_its_size(self) -> None:
        found = known(per_mille(*range(100, 130, 3))).short_volume
        assert found is not None
        assert (found.trend, found.trend_pct) == ("rising", 23.79)  # 27 of a mean of 113.5


class TestMissingFigures:
    def test_without_a_known_ratio_there_are_no_statistics(self) -> None:
        assert statistics_of([]) is None
        assert statistics_of([day_of(0, None), day_of(1, 5, None), day_of(2, 0, 0)]) is None

    def test_the_source_s_ratio_stands_in_but_carries_no_weight(self) -> None:
        lone = day_of(1, 5, None)._replace(source_ratio_pct=30.0)
        found = known([lone, day_of(0, 100)])
        assert (found.latest_pct, found.mean_pct, found.weighted_mean_pct) == (30.0, 20.0, 10.0)
        assert known([lone]).weighted_mean_pct is None

    def test_a_day_without_ratio_takes_no_part_but_its_short_volume_counts(self) -> None:
        found = known([day_of(2, 7, None), day_of(1, None, 1000), day_of(0, 100)])
        assert (found.latest_date, found.previous_pct, found.min_pct) == (FIRST, None, 10.0)
        assert found.total_short_volume == 107

    def test_sums_are_null_where_nothing_is_known(self) -> None:
        lone = day_of(1, None, None)._replace(source_ratio_pct=30.0)
        assert known([lone]).total_short_volume is None
        assert known([lone]).total_short_turnover is None

    def test_a_known_zero_stays_zero(self) -> None:
        found = known([day_of(0, 0)._replace(short_turnover=0.0)])
        assert (found.latest_pct, found.weighted_mean_pct, found.total_short_volume) == (0.0, 0.0, 0)
        assert found.total_short_turnover == 0


class TestFloats:
    def test_equal_shares_of_different_volumes_are_one_ratio(self) -> None:
        found = known([day_of(i, k, 3 * k) for i, k in enumerate([1, 2, 7, 10**15, 49, 3, 11, 13, 10**9 + 7, 5, 6, 9])])
        assert (found.stdev_pp, found.z_score, found.trend, found.streak_days) == (0.0, None, "flat", 0)
        assert found.percentile == 50.0

    def test_a_vendor_s_ratio_with_rounding_noise_is_no_movement(self) -> None:
        noisy = [day_of(i, None)._replace(source_ratio_pct=0.29 * 100 if i % 2 else 29.0) for i in range(30)]
        assert noisy[0].short_ratio_pct != noisy[1].short_ratio_pct
        found = known(noisy)
        assert (found.stdev_pp, found.z_score, found.trend) == (0.0, None, "flat")

    def test_no_figure_is_minus_zero(self) -> None:
        assert "-0.0" not in json.dumps(known(per_mille(*[100] * 30)).as_dict())
        tiny_fall = known([day_of(1, 99_999, 10**9), day_of(0, 100_000, 10**9)])
        assert str(tiny_fall.change_pp) == "0.0"
        assert str(tiny_fall.deviation_pp) == "0.0"

    def test_the_mean_of_equal_ratios_is_that_ratio(self) -> None:
        for short in range(1, 1000, 7):
            found = known([day_of(i, short, 1001) for i in range(9)])
            assert found.min_pct == found.mean_pct == found.max_pct == found.latest_pct


volumes = st.integers(1, 10**10).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))
closes = st.one_of(st.none(), st.floats(0, 10**18))
any_days = st.lists(st.tuples(st.one_of(volumes, st.just((None, None))), closes), min_size=1, max_size=60).map(
    lambda cells: [day_of(i, short, total, close) for i, ((short, total), close) in enumerate(cells)]
)
known_days = st.lists(st.tuples(volumes, closes), min_size=1, max_size=60).map(
    lambda cells: [day_of(i, short, total, close) for i, ((short, total), close) in enumerate(cells)]
)


class TestLaws:
    @given(any_days, st.randoms(use_true_random=False))
    def test_the_order_of_rows_does_not_matter(self, days: list[Day], chance: random.Random) -> None:
        shuffled = list(days)
        chance.shuffle(shuffled)
        assert statistics_of(shuffled) == statistics_of(days)

    @given(known_days, st.integers(2, 10**5))
    def test_scaling_volumes_changes_only_their_sum(self, days: list[Day], factor: int) -> None:
        scaled = [
            day._replace(short_volume=(day.short_volume or 0) * factor, total_volume=(day.total_volume or 0) * factor)
            for day in days
        ]
        plain, found = known(days), known(scaled)
        assert plain.short_volume is not None
        assert found.short_volume is not None
        assert abs(found.short_volume.mean - plain.short_volume.mean * factor) <= factor
        assert found.short_volume.max == plain.short_volume.max * factor
        assert [day.date for day in found.notable_days] == [day.date for day in plain.notable_days]
        in_shares = {"short_volume": plain.short_volume, "notable_days": plain.notable_days}
        total = (plain.total_short_volume or 0) * factor
        assert replace(found, **in_shares) == replace(plain, total_short_volume=total)

    @given(volumes, st.lists(st.tuples(st.integers(1, 10**5), closes), min_size=1, max_size=60))
    def test_a_constant_series_is_flat(self, volume: tuple[int, int], days: list[tuple[int, float | None]]) -> None:
        short, total = volume
        found = known([day_of(i, short * k, total * k, close) for i, (k, close) in enumerate(days)])
        assert found.min_pct == found.mean_pct == found.weighted_mean_pct == found.max_pct
        assert found.stdev_pp == (0.0 if len(days) > 1 else None)
        assert found.trend == ("flat" if len(days) >= 10 else None)
        assert (found.slope_pp_per_day or 0.0, found.change_pp or 0.0, found.deviation_pp or 0.0) == (0.0, 0.0, 0.0)
        assert (found.z_score, found.price_correlation, found.streak_days) == (None, None, 0)

    @given(known_days)
    def test_figures_keep_their_bounds(self, days: list[Day]) -> None:
        found = known(days)
        assert found.min_pct <= found.mean_pct <= found.max_pct
        assert found.weighted_mean_pct is not None
        assert found.min_pct <= found.weighted_mean_pct <= found.max_pct
        assert found.min_pct <= found.latest_pct <= found.max_pct
        assert found.percentile is None or 0 <= found.percentile <= 100
        assert found.price_correlation is None or -1 <= found.price_correlation <= 1
        assert found.stdev_pp is None or found.stdev_pp >= 0
        assert abs(found.streak_days) < len(days)

    @given(any_days)
    def test_what_too_few_days_support_is_null_and_never_0(self, days: list[Day]) -> None:
        found = statistics_of(days)
        count = sum(day.short_ratio_pct is not None for day in days)
        if found is None:
            assert count == 0
            return
        values = found.as_dict()
        least = {"previous_pct": 2, "change_pp": 2, "stdev_pp": 2, "deviation_pp": 2, "mean_5d_pct": 5}
        least |= {"slope_pp_per_day": 10, "trend": 10, "percentile": 11, "mean_20d_pct": 20}
        for name, days_needed in least.items():
            assert (values[name] is None) == (count < days_needed), name
        if count < 11:
            assert values["z_score"] is None
        assert values["total_short_turnover"] is None

    @given(any_days)
    def test_adding_days_without_figures_changes_nothing_but_the_pairs(self, days: list[Day]) -> None:
        blanks = [day_of(100 + index, None, None, None) for index in range(3)]
        assert statistics_of([*days, *blanks]) == statistics_of(days)

    @given(any_days, st.lists(st.one_of(st.none(), st.floats(0, 10**18)), min_size=60, max_size=60))
    def test_the_json_form_is_json_whatever_a_vendor_sends(self, days: list[Day], ratios: list[float | None]) -> None:
        sent = [day._replace(source_ratio_pct=ratio) for day, ratio in zip(days, ratios, strict=False)]
        found = statistics_of(sent)
        if found is not None:
            text = json.dumps(found.as_dict(), allow_nan=False)
            assert json.loads(text) == found.as_dict()
