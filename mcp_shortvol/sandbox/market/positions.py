"""The invented open short positions of each symbol, and the dates on which they are published.

A position is a pure function of symbol and date, like the days of the invented market, and the published positions are
contained exactly. US positions are dated by FINRA's settlement dates, the 15th and the end of a month or the trading
day before, and published on the 7th trading day after. Hong Kong's are dated by the last trading day of a week, and
published a week later, or on the next trading day.

    level   the symbol's usual percentage of its shares, times two slow sine waves and a little noise
    drift   a factor that leads the level through the published positions: its logarithm is linear in time between
            them, and goes to zero within half a year before the first and after the last
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import groupby, pairwise

from mcp_shortvol.domain.calendar import next_trading_day, trading_days
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.market.days import MarketDay, days
from mcp_shortvol.sandbox.market.noise import draws

__all__ = ["Position", "reports"]

_MID_MONTH = 15
_US_DELAY = 7  # trading days
_HK_DELAY = timedelta(7)
_FADING = 183  # days
_LEAST_DAYS_TO_COVER = 1.0


@dataclass(frozen=True, slots=True)
class Position:
    """Shares still short at the end of `date`; `pct` is the percentage of shares outstanding (US) or issued (HK).

    `published` is the date of publication. `average_daily_volume` is the mean over the trading days since the previous
    position. `pct` and `days_to_cover` have 2 decimals; in the US `days_to_cover` is at least 1.00, as FINRA prints it.
    `previous_close` is the close of the trading day before `date`.
    """

    published: date
    date: date
    shares: int
    pct: float
    average_daily_volume: int
    days_to_cover: float
    close: float
    previous_close: float


_TSLA = Symbol("TSLA", Market.US)
_TENCENT = Symbol("700", Market.HK)

# Published by vendors: shares by date, oldest first, and average daily volumes. Percentages are computed from them.
_PUBLISHED = {
    _TSLA: {date(2026, 2, 27): 61839735, date(2026, 3, 13): 60860404, date(2026, 3, 31): 65598603},
    _TENCENT: {date(2024, 6, 14): 53677721, date(2026, 4, 30): 51480638, date(2026, 5, 29): 46242547},
}
_PUBLISHED_AVERAGES = {
    (_TSLA, date(2026, 2, 27)): 51533435,
    (_TSLA, date(2026, 3, 13)): 60676562,
    (_TSLA, date(2026, 3, 31)): 62121644,
}

# Shares outstanding or issued, and the usual position in percent of them.
_SIZES = {
    Symbol("AAPL", Market.US): (14_776_000_000, 0.86),
    _TSLA: (3_752_000_000, 1.9),
    Symbol("NVDA", Market.US): (24_305_000_000, 1.15),
    Symbol("GME", Market.US): (448_000_000, 14.6),
    Symbol("AMD", Market.US): (1_628_000_000, 2.7),
    Symbol("BRK.B", Market.US): (1_381_000_000, 0.95),
    Symbol("SPY", Market.US): (1_021_000_000, 11.2),
    Symbol("FIG", Market.US): (497_000_000, 6.3),
    _TENCENT: (9_193_000_000, 0.54),
    Symbol("9988", Market.HK): (19_093_000_000, 1.7),
    Symbol("3690", Market.HK): (6_111_000_000, 2.2),
    Symbol("1211", Market.HK): (3_675_000_000, 2.9),
    Symbol("5", Market.HK): (17_180_000_000, 0.42),
    Symbol("823", Market.HK): (2_588_000_000, 1.4),
    Symbol("2800", Market.HK): (5_240_000_000, 3.3),
}
# Tencent buys shares back and cancels them: the percentages published in 2024 and in 2026 imply different counts.
_TENCENT_BEFORE_2025 = 9_430_000_000


def reports(symbol: Symbol, as_of: date) -> Sequence[Position]:
    """The positions of `symbol` published by `as_of`, oldest first; KeyError where the symbol is not listed.

    The first period of a symbol has no position: its average volume would need a previous position.
    """
    through = _through_year(symbol, as_of.year)
    return through[: bisect_right(through, as_of, key=lambda position: position.published)]


@lru_cache(maxsize=64)
def _through_year(symbol: Symbol, year: int) -> tuple[Position, ...]:
    """The positions up to a year's end. A last week cut by the year's end is wrong, but published in the next year."""
    period_of = _week if symbol.market is Market.HK else _half_month
    periods = [tuple(period) for _, period in groupby(days(symbol, date(year, 12, 31)), period_of)]
    return tuple(_position(symbol, period) for period in periods[1:])


def _half_month(day: MarketDay) -> tuple[int, int, bool]:
    return day.date.year, day.date.month, day.date.day > _MID_MONTH


def _week(day: MarketDay) -> tuple[int, int]:
    return day.date.isocalendar()[:2]


def _position(symbol: Symbol, period: Sequence[MarketDay]) -> Position:
    """The position at the end of a period of trading days."""
    last = period[-1]
    outstanding = _outstanding(symbol, last.date)
    shares = _PUBLISHED.get(symbol, {}).get(last.date) or round(outstanding * _level(symbol, last.date) / 100)
    average = _PUBLISHED_AVERAGES.get((symbol, last.date)) or round(sum(day.volume for day in period) / len(period))
    quotient = round(shares / average, 2)
    return Position(
        published=_publication(symbol.market, last.date),
        date=last.date,
        shares=shares,
        pct=round(100 * shares / outstanding, 2),
        average_daily_volume=average,
        days_to_cover=max(_LEAST_DAYS_TO_COVER, quotient) if symbol.market is Market.US else quotient,
        close=last.close,
        previous_close=last.previous_close,
    )


def _publication(market: Market, day: date) -> date:
    if market is Market.HK:
        return next_trading_day(market, day + _HK_DELAY - timedelta(1))
    return trading_days(market, day + timedelta(1), day + timedelta(3 * _US_DELAY))[_US_DELAY - 1]


def _outstanding(symbol: Symbol, day: date) -> int:
    if symbol == _TENCENT and day.year < 2025:
        return _TENCENT_BEFORE_2025
    return _SIZES[symbol][0]


def _level(symbol: Symbol, day: date) -> float:
    """The position on a date in percent, unrounded."""
    return _base_level(symbol, day) * math.exp(_drift(symbol, day))


def _base_level(symbol: Symbol, day: date) -> float:
    usual = _SIZES[symbol][1]
    phase = draws(f"position {symbol}")
    half_year = math.sin(2 * math.pi * (day.toordinal() / 173 + phase[0]))
    longer = math.sin(2 * math.pi * (day.toordinal() / 611 + phase[1]))
    noise = draws(f"position {symbol} {day}")[0] - 0.5
    return usual * math.exp(0.08 * half_year + 0.12 * longer + 0.05 * noise)


def _drift(symbol: Symbol, day: date) -> float:
    """The logarithm of the drift factor on a date."""
    for (start, at_start), (stop, at_stop) in pairwise(_knots(symbol)):
        if start <= day <= stop:
            return at_start + (at_stop - at_start) * ((day - start) / (stop - start))
    return 0.0


@lru_cache
def _knots(symbol: Symbol) -> Sequence[tuple[date, float]]:
    """The points between which the drift is interpolated: the published positions, and zero well before and after."""
    known = [
        (day, math.log(100 * shares / _outstanding(symbol, day) / _base_level(symbol, day)))
        for day, shares in _PUBLISHED.get(symbol, {}).items()
    ]
    if not known:
        return ()
    fading = timedelta(_FADING)
    return ((known[0][0] - fading, 0.0), *known, (known[-1][0] + fading, 0.0))
