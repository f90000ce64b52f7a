"""Trading days are those of the two exchanges, and what the calendar does not know is not made up."""

import os
import subprocess
import sys
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.domain.calendar import (
    count_trading_days,
    holiday_name,
    is_trading_day,
    known_years,
    next_trading_day,
    previous_trading_day,
    trading_days,
)
from mcp_shortvol.domain.markets import Market, weekdays


@pytest.mark.parametrize(
    ("market", "year", "count"),
    [
        (Market.US, 2021, 252),
        (Market.US, 2022, 251),
        (Market.US, 2023, 250),
        (Market.US, 2024, 252),
        (Market.US, 2025, 250),
        (Market.US, 2026, 251),
        (Market.HK, 2021, 247),
        (Market.HK, 2022, 246),
        (Market.HK, 2023, 243),
        (Market.HK, 2024, 246),
        (Market.HK, 2025, 246),
        (Market.HK, 2026, 247),
    ],
)
def test_a_year_has_the_trading_days_it_had(market: Market, year: int, count: int) -> None:
    assert len(trading_days(market, date(year, 1, 1), date(year, 12, 31))) == count


@pytest.mark.parametrize(
    "holiday",
    [
        "2021-12-24",  # Christmas on a Saturday
        "2022-06-20",  # Juneteenth on a Sunday
        "2023-04-07",  # Good Friday
        "2024-05-27",
        "2025-01-09",  # mourning for President Carter
        "2026-07-03",  # Independence Day on a Saturday
        "2027-11-25",
    ],
)
def test_new_york_is_closed(holiday: str) -> None:
    assert not is_trading_day(Market.US, date.fromisoformat(holiday))


@pytest.mark.parametrize("day", ["2021-06-18", "2021-12-31", "2024-12-24", "2026-05-01", "2026-11-27"])
def test_new_york_trades_also_on_half_days(day: str) -> None:
    assert is_trading_day(Market.US, date.fromisoformat(day))


@pytest.mark.parametrize(
    "holiday", ["2023-09-01", "2024-09-06", "2026-02-17", "2026-05-25", "2026-10-19", "2027-12-27"]
)
def test_hong_kong_is_closed(holiday: str) -> None:
    assert not is_trading_day(Market.HK, date.fromisoformat(holiday))


@pytest.mark.parametrize("half_day", ["2026-02-16", "2026-12-24", "2026-12-31"])
def test_hong_kong_trades_on_half_days(half_day: str) -> None:
    assert is_trading_day(Market.HK, date.fromisoformat(half_day))
    assert holiday_name(Market.HK, date.fromisoformat(half_day)) is None


def test_hong_kong_trades_on_new_yorks_holidays() -> None:
    assert is_trading_day(Market.HK, date(2026, 11, 26))
    assert not is_trading_day(Market.US, date(2026, 11, 26))


def test_a_range_includes_both_its_ends_and_may_be_empty() -> None:
    assert trading_days(Market.US, date(2026, 5, 15), date(2026, 5, 18)) == [date(2026, 5, 15), date(2026, 5, 18)]
    assert trading_days(Market.US, date(2026, 5, 18), date(2026, 5, 15)) == []


@pytest.mark.parametrize(
    ("market", "day", "name"),
    [
        (Market.US, "2026-11-26", "Thanksgiving Day"),
        (Market.US, "2025-01-09", "National Day of Mourning for former President Jimmy Carter"),
        (Market.US, "2026-07-03", "Independence Day (observed)"),
        (Market.HK, "2026-02-17", "Chinese New Year"),
        (Market.HK, "2023-09-01", "Trading Suspended for the Whole Day due to Severe Weather"),
        (Market.US, "2026-11-25", None),
        (Market.US, "2026-07-04", None),  # a Saturday
    ],
)
def test_a_holiday_is_named(market: Market, day: str, name: str | None) -> None:
    assert holiday_name(market, date.fromisoformat(day)) == name


def test_names_are_english_whatever_the_machine_speaks() -> None:
    program = (
        "from datetime import date; from mcp_shortvol.domain.calendar import holiday_name; "
        "from mcp_shortvol.domain.markets import Market; print(holiday_name(Market.HK, date(2026, 10, 1)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"LANGUAGE": "zh_HK"}, capture_output=True, check=True
    )
    assert done.stdout.strip() == b"National Day"


def test_neighbours_skip_weekends_and_holidays() -> None:
    assert next_trading_day(Market.US, date(2026, 5, 22)) == date(2026, 5, 26)  # over Memorial Day
    assert previous_trading_day(Market.US, date(2026, 5, 26)) == date(2026, 5, 22)
    assert next_trading_day(Market.HK, date(2026, 2, 16)) == date(2026, 2, 20)  # over Chinese New Year


def test_outside_the_known_years_every_weekday_counts() -> None:
    assert known_years(Market.HK).start == 2014
    assert known_years(Market.US).start <= 1990
    assert is_trading_day(Market.HK, date(2013, 2, 11))  # Chinese New Year's second day, not known
    assert not is_trading_day(Market.HK, date(2013, 2, 10))
    assert is_trading_day(Market.US, date(3000, 12, 25))
    first, last = date(3000, 1, 1), date(3000, 12, 31)
    assert count_trading_days(Market.US, first, last) == weekdays(first, last)


@given(st.dates(date(2012, 1, 1), date(2030, 1, 1)), st.integers(-500, 500), st.sampled_from(Market))
def test_counting_agrees_with_listing(day: date, distance: int, market: Market) -> None:
    other = day + timedelta(distance)
    first, last = min(day, other) + timedelta(1), max(day, other)
    listed = len(trading_days(market, first, last))
    assert count_trading_days(market, day, other) == (listed if distance >= 0 else -listed)


def test_the_whole_calendar_is_counted_without_visiting_its_days() -> None:
    days = count_trading_days(Market.HK, date.min, date.max)
    years = known_years(Market.HK)
    unknown = weekdays(date.min, date(years.start - 1, 12, 31)) + weekdays(date(years.stop - 1, 12, 31), date.max)
    known = len(trading_days(Market.HK, date(years.start, 1, 1), date(years.stop - 1, 12, 31)))
    assert days == unknown + known
