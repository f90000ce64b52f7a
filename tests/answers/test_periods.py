"""A week or a month says what its days say together, and nothing that they do not."""

import random
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.answers.periods import Period, periods_of
from mcp_shortvol.domain.short_volume import Day


def day_on(when: str, short: int | None = 100, total: int | None = 1000, close: float | None = 10.0) -> Day:
    return Day(date.fromisoformat(when), short, total, close)


def only(*days: Day) -> Period:
    (period,) = periods_of(days, "week")
    return period


class TestCalendar:
    @pytest.mark.parametrize(
        ("inside", "monday", "sunday"),
        [
            ("2026-05-20", "2026-05-18", "2026-05-24"),
            ("2026-05-18", "2026-05-18", "2026-05-24"),
            ("2024-12-30", "2024-12-30", "2025-01-05"),  # the first ISO week of 2025
            ("2027-01-01", "2026-12-28", "2027-01-03"),  # the 53rd ISO week of 2026
        ],
    )
    def test_a_week_runs_from_monday_to_sunday(self, inside: str, monday: str, sunday: str) -> None:
        (week,) = periods_of([day_on(inside)], "week")
        assert (week.first_day.isoformat(), week.last_day.isoformat()) == (monday, sunday)

    def test_new_year_splits_a_month_but_not_a_week(self) -> None:
        days = [day_on("2025-12-31"), day_on("2026-01-02")]
        assert [week.days for week in periods_of(days, "week")] == [2]
        assert [month.days for month in periods_of(days, "month")] == [1, 1]

    def test_the_same_week_number_of_two_years_is_two_weeks(self) -> None:
        assert len(periods_of([day_on("2025-05-20"), day_on("2026-05-20")], "week")) == 2

    @pytest.mark.parametrize(
        ("inside", "last"), [("2024-02-10", "2024-02-29"), ("2026-02-10", "2026-02-28"), ("2026-12-01", "2026-12-31")]
    )
    def test_a_month_ends_when_the_calendar_says(self, inside: str, last: str) -> None:
        (month,) = periods_of([day_on(inside)], "month")
        assert month.first_day == month.last_day.replace(day=1)
        assert month.last_day.isoformat() == last

    def test_the_last_week_of_the_calendar_ends_with_it(self) -> None:
        assert only(day_on("9999-12-31")).last_day == date.max

    def test_no_days_make_no_period(self) -> None:
        assert periods_of([], "month") == []


class TestFigures:
    def test_a_month_sums_volumes_and_weighs_the_ratio_by_them(self) -> None:
        days = [day_on("2026-05-04", 10, 100, 9.0), day_on("2026-05-29", 600, 1000, 11.0)]
        (month,) = periods_of(days, "month")
        assert (month.short_volume, month.total_volume) == (610, 1100)
        assert month.short_ratio_pct == 100 * 610 / 1100
        assert (month.date, month.close, month.days, month.ratio_days) == (date(2026, 5, 29), 11.0, 2, 2)

    def test_turnovers_and_exchange_parts_are_summed_too(self) -> None:
        day = day_on("2026-05-18")._replace(
            short_turnover=1.5,
            total_turnover=10.25,
            nasdaq_short_volume=60,
            nyse_short_volume=0,
        )
        week = only(day, day._replace(date=date(2026, 5, 19), total_turnover=None))
        assert (week.short_turnover, week.total_turnover) == (3.0, 10.25)
        assert (week.nasdaq_short_volume, week.nyse_short_volume) == (120, 0)

    def test_a_day_with_one_volume_is_summed_but_does_not_tilt_the_ratio(self) -> None:
        week = only(day_on("2026-05-18", 100, 1000), day_on("2026-05-19", 300, None), day_on("2026-05-20", None, 5000))
        assert (week.short_volume, week.total_volume) == (400, 6000)
        assert (week.short_ratio_pct, week.ratio_days, week.days) == (10.0, 1, 3)

    def test_what_no_day_knows_is_null(self) -> None:
        lone = day_on("2026-05-18", 100, None, None)._replace(source_ratio_pct=20.0)
        week = only(lone)
        assert (week.short_volume, week.total_volume, week.short_ratio_pct, week.ratio_days) == (100, None, None, 0)
        assert (week.close, week.short_turnover, week.total_turnover) == (None, None, None)

    def test_a_week_without_trades_has_volumes_but_no_ratio(self) -> None:
        week = only(day_on("2026-05-18", 0, 0))
        assert (week.short_volume, week.total_volume, week.short_ratio_pct) == (0, 0, None)

    def test_the_close_is_that_of_the_date_shown_or_null(self) -> None:
        week = only(day_on("2026-05-18", close=10.0), day_on("2026-05-19", close=None))
        assert (week.date, week.close) == (date(2026, 5, 19), None)


unknown_or = st.one_of(st.none(), st.integers(0, 10**12))
series = st.dictionaries(
    st.integers(0, 900), st.tuples(unknown_or, unknown_or, unknown_or), min_size=1, max_size=80
).map(
    lambda cells: [
        Day(date(2024, 12, 1) + timedelta(offset), short, total, None)._replace(short_turnover=money)
        for offset, (short, total, money) in cells.items()
    ]
)
intervals = st.sampled_from(("week", "month"))


class TestLaws:
    @given(series, intervals)
    def test_sums_over_periods_are_sums_over_days(self, days: list[Day], interval: Literal["week", "month"]) -> None:
        periods = periods_of(days, interval)
        assert sum(period.days for period in periods) == len(days)
        for figure in ("short_volume", "total_volume", "short_turnover"):
            of_days = [value for day in days if (value := getattr(day, figure)) is not None]
            of_periods = [value for period in periods if (value := getattr(period, figure)) is not None]
            assert sum(of_periods) == sum(of_days)
            assert bool(of_periods) == bool(of_days)

    @given(series, intervals)
    def test_every_day_lies_in_its_period_and_periods_never_overlap(
        self, days: list[Day], interval: Literal["week", "month"]
    ) -> None:
        periods = periods_of(days, interval)
        for period in periods:
            inside = [day.date for day in days if period.first_day <= day.date <= period.last_day]
            assert (len(inside), max(inside)) == (period.days, period.date)
        for newer, older in pairwise(periods):
            assert newer.first_day > older.last_day

    @given(series, st.randoms(use_true_random=False), intervals)
    def test_the_order_of_days_does_not_matter(
        self, days: list[Day], chance: random.Random, interval: Literal["week", "month"]
    ) -> None:
        shuffled = list(days)
        chance.shuffle(shuffled)
        assert periods_of(shuffled, interval) == periods_of(days, interval)
