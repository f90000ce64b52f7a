"""How long fetched rows stay current, by the market's own clock and calendar."""

from datetime import date, datetime
from functools import partial

import pytest

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.history.freshness import Freshness

HK, US = Market.HK, Market.US
WEDNESDAY, THURSDAY, FRIDAY = date(2026, 6, 10), date(2026, 6, 11), date(2026, 6, 12)


def at(market: Market, text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=market.zone).timestamp()


def held_until(market: Market, newest: date, seen: str, *times: str) -> list[bool]:
    seen_at = at(market, seen)
    return [Freshness(now=partial(at, market, text)).newest_holds(market, newest, seen_at) for text in times]


@pytest.mark.parametrize(
    ("market", "newest", "seen", "last_held", "first_asked"),
    [
        # The last close's day was in and settled: until the next close, over nights and weekends.
        (HK, WEDNESDAY, "2026-06-11 09:00", "2026-06-11 16:09", "2026-06-11 16:11"),
        (HK, WEDNESDAY, "2026-06-10 21:00", "2026-06-11 16:09", "2026-06-11 16:11"),
        (US, FRIDAY, "2026-06-13 12:00", "2026-06-15 15:59", "2026-06-15 16:01"),
        # Right after a close its figures may still move.
        (HK, WEDNESDAY, "2026-06-10 16:30", "2026-06-10 16:34", "2026-06-10 16:36"),
        # Not in yet: asked for again, ever less often.
        (HK, WEDNESDAY, "2026-06-11 16:20", "2026-06-11 16:24", "2026-06-11 16:26"),
        (US, WEDNESDAY, "2026-06-11 21:00", "2026-06-11 21:29", "2026-06-11 21:31"),
        # Nothing is asked for on a holiday: Memorial Day, Chinese New Year.
        (US, date(2026, 5, 22), "2026-05-22 21:00", "2026-05-26 15:59", "2026-05-26 16:01"),
        (HK, date(2026, 2, 16), "2026-02-17 09:00", "2026-02-20 16:09", "2026-02-20 16:11"),
        # Not in after a long weekend: asked for again after the next close at the latest.
        (US, date(2026, 5, 21), "2026-05-26 12:00", "2026-05-26 15:59", "2026-05-26 16:01"),
        # A day that is still trading.
        (HK, THURSDAY, "2026-06-11 11:00", "2026-06-11 11:04", "2026-06-11 11:06"),
        # New York's clock is set forward on 2026-03-08.
        (US, date(2026, 3, 6), "2026-03-07 09:00", "2026-03-09 15:59", "2026-03-09 16:01"),
    ],
)
def test_the_newest_day_holds_until_something_new_can_come(
    market: Market, newest: date, seen: str, last_held: str, first_asked: str
) -> None:
    assert held_until(market, newest, seen, last_held, first_asked) == [True, False]


def test_settled_days_hold_until_the_next_close() -> None:
    seen = at(HK, "2026-06-11 09:00")
    assert Freshness(now=lambda: at(HK, "2026-06-11 16:00")).past_holds(HK, seen)
    assert not Freshness(now=lambda: at(HK, "2026-06-11 16:20")).past_holds(HK, seen)


def test_settled_days_hold_over_a_holiday() -> None:
    seen = at(US, "2026-11-25 21:00")
    assert Freshness(now=lambda: at(US, "2026-11-26 20:00")).past_holds(US, seen)
    assert not Freshness(now=lambda: at(US, "2026-11-27 16:01")).past_holds(US, seen)  # a half day


def test_a_day_is_settled_some_hours_after_its_close() -> None:
    assert Freshness().settled_through(HK, at(HK, "2026-06-11 20:00")) == WEDNESDAY
    assert Freshness().settled_through(HK, at(HK, "2026-06-11 20:15")) == THURSDAY
    assert Freshness().settled_through(US, at(US, "2026-06-15 09:00")) == FRIDAY
    assert Freshness().settled_through(US, at(US, "2026-05-26 09:00")) == date(2026, 5, 22)  # Memorial Day
    assert Freshness().settled_through(HK, at(HK, "2026-02-20 09:00")) == date(2026, 2, 16)


def test_a_setting_stands_for_everything() -> None:
    now = at(HK, "2026-06-11 12:00")
    for_a_minute = Freshness(60, lambda: now)
    assert for_a_minute.newest_holds(HK, WEDNESDAY, now - 59)
    assert not for_a_minute.newest_holds(HK, WEDNESDAY, now - 61)
    assert not for_a_minute.past_holds(HK, now - 61)
    assert not for_a_minute.beginning_holds(now - 61)
    assert not Freshness(0, lambda: now).newest_holds(HK, WEDNESDAY, now)


def test_rows_fetched_in_the_future_are_not_current() -> None:
    now = at(HK, "2026-06-11 12:00")
    assert not Freshness(now=lambda: now).newest_holds(HK, WEDNESDAY, now + 1)
