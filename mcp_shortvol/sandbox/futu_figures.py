"""What Futu adds to a trading day, for its two played upstreams alike: ratios, averages, and the SFC's positions.

The figures that Futu's pages publish stand on their dates; the rest is computed from the invented market.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mcp_shortvol.markets import Market
from mcp_shortvol.sandbox.calendar import trading_days
from mcp_shortvol.sandbox.market import MarketDay, days
from mcp_shortvol.sandbox.noise import draws
from mcp_shortvol.symbols import Symbol

__all__ = ["FutuDay", "Position", "futu_days", "position"]

_AVERAGED = 20
_FRIDAY = 4

_TENCENT = Symbol("700", Market.HK)
_TENCENT_AVERAGES = {
    date(2026, 4, 24): 14.18,
    date(2026, 4, 27): 14.14,
    date(2026, 4, 28): 14.13,
    date(2026, 4, 29): 14.02,
    date(2026, 4, 30): 13.09,
    date(2026, 5, 4): 13.02,
    date(2026, 5, 5): 12.76,
    date(2026, 5, 6): 12.22,
    date(2026, 5, 7): 11.80,
    date(2026, 5, 8): 11.36,
    date(2026, 6, 5): 10.51,
}


@dataclass(frozen=True, slots=True)
class FutuDay:
    """A trading day with Futu's percentages: the mean of the 20 days up to it, and in the US the day's own ratio."""

    day: MarketDay
    average_ratio_pct: float
    short_pct: float | None


@dataclass(frozen=True, slots=True)
class Position:
    """The shares of a Hong Kong stock that were short on `date`, the end of a trading week, as the SFC reports it."""

    shares: int
    pct_of_issued: float
    date: date


_TENCENT_POSITIONS = {
    position.date: position
    for position in (Position(51480638, 0.56, date(2026, 4, 30)), Position(46242547, 0.5, date(2026, 5, 29)))
}


def futu_days(symbol: Symbol, newest: date, *, before: date | None = None, limit: int) -> list[FutuDay]:
    """The `limit` days that end with `newest`, or that come before `before`, newest first; KeyError if not listed."""
    known = days(symbol, newest)
    end = len(known) if before is None else bisect_left(known, before, key=lambda day: day.date)
    return [_futu_day(symbol, known, index) for index in reversed(range(max(0, end - limit), end))]


def _futu_day(symbol: Symbol, known: Sequence[MarketDay], index: int) -> FutuDay:
    day = known[index]
    ratios = [_ratio_pct(past) for past in known[max(0, index + 1 - _AVERAGED) : index + 1]]
    published = _TENCENT_AVERAGES.get(day.date) if symbol == _TENCENT else None
    return FutuDay(
        day=day,
        average_ratio_pct=published or round(sum(ratios) / len(ratios), 2),
        # Truncated to three decimals, as the vendor's published rows are: 13.785946 is sent as 13.785.
        short_pct=math.floor(_ratio_pct(day) * 1000) / 1000 if symbol.market is Market.US else None,
    )


def _ratio_pct(day: MarketDay) -> float:
    return 100 * day.short_volume / day.volume


def position(symbol: Symbol, newest: date) -> Position:
    """The position of a Hong Kong stock that is known on `newest`.

    The SFC takes it at the end of each trading week and publishes it at the end of the next.
    """
    friday = newest + timedelta(_FRIDAY - newest.weekday())
    this_week = trading_days(symbol.market, friday - timedelta(_FRIDAY), friday)
    weeks_back = 1 if not this_week or newest >= this_week[-1] else 2
    while not (week := trading_days(symbol.market, *_week_before(friday, weeks_back))):
        weeks_back += 1
    return _position_on(symbol, week[-1])


def _week_before(friday: date, weeks: int) -> tuple[date, date]:
    last = friday - timedelta(7 * weeks)
    return last - timedelta(_FRIDAY), last


def _position_on(symbol: Symbol, day: date) -> Position:
    if symbol == _TENCENT and day in _TENCENT_POSITIONS:
        return _TENCENT_POSITIONS[day]
    size, interest = draws(f"issued {symbol}")[:2]
    # Of Tencent both follow from what is published: 51480638 shares are 0.56 % of 9.19 billion.
    issued, usual_pct = (9.19e9, 0.53) if symbol == _TENCENT else (1e9 + 9e9 * size, 0.3 + interest)
    pct = usual_pct * (0.9 + 0.2 * draws(f"position {symbol} {day}")[0])
    return Position(round(issued * pct / 100), round(pct, 2), day)
