"""What Futu says of the invented market: its rows, its 20-day averages and its weekly positions, on any interface.

Rows carry the vendor's field names as OpenD spells them. Hong Kong has no ratio of the day; in both markets
`dailyTradeAvgRatio` is the mean of the daily ratios of the 20 trading days that end with the row's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from mcp_shortvol.markets import Market
from mcp_shortvol.sandbox.calendar import is_trading_day
from mcp_shortvol.sandbox.market import FIRST_DAY, MarketDay, days
from mcp_shortvol.sandbox.noise import draws
from mcp_shortvol.symbols import Symbol

__all__ = ["Position", "Row", "position", "rows"]

Row = Mapping[str, int | float | str]

_AVERAGED_DAYS = 20
_TURNOVER_YEARS = (1.2, 2.6)  # how many years of trading it takes until every share has changed hands once

_TENCENT = Symbol("700", Market.HK)
_APPLE = Symbol("AAPL", Market.US)

# From the vendor's published samples: percent, by the last of the 20 days.
_PUBLISHED_AVERAGES = {
    (_TENCENT, date(2026, 4, 24)): 14.18,
    (_TENCENT, date(2026, 4, 27)): 14.14,
    (_TENCENT, date(2026, 4, 28)): 14.13,
    (_TENCENT, date(2026, 4, 29)): 14.02,
    (_TENCENT, date(2026, 4, 30)): 13.09,
    (_TENCENT, date(2026, 5, 4)): 13.02,
    (_TENCENT, date(2026, 5, 5)): 12.76,
    (_TENCENT, date(2026, 5, 6)): 12.22,
    (_TENCENT, date(2026, 5, 7)): 11.80,
    (_TENCENT, date(2026, 5, 8)): 11.36,
    (_TENCENT, date(2026, 6, 5)): 10.51,
    (_APPLE, date(2026, 8, 27)): 11.25,
    (_APPLE, date(2026, 8, 28)): 11.74,
}


@dataclass(frozen=True, slots=True)
class Position:
    """Reportable short positions in a Hong Kong stock at the end of a week: shares, and percent of those issued."""

    date: date
    shares: int
    pct: float


_PUBLISHED_POSITIONS = {
    (_TENCENT, date(2026, 4, 30)): Position(date(2026, 4, 30), 51480638, 0.56),
    (_TENCENT, date(2026, 5, 29)): Position(date(2026, 5, 29), 46242547, 0.5),
}

# Shares issued and the usual position in percent of them, where published positions imply them.
_KNOWN_SIZES = {_TENCENT: (9_193_000_000, 0.52)}


@lru_cache(maxsize=64)
def rows(symbol: Symbol, last: date) -> Sequence[Row]:
    """Every row of `symbol` up to `last`, newest first; KeyError where it is not listed."""
    served = days(symbol, last)
    ratios = [100 * day.short_volume / day.volume for day in served]
    row = _us_row if symbol.market is Market.US else _hk_row
    told = []
    for index, day in enumerate(served):
        recent = ratios[max(0, index + 1 - _AVERAGED_DAYS) : index + 1]
        average = _PUBLISHED_AVERAGES.get((symbol, day.date)) or round(sum(recent) / len(recent), 2)
        told.append(row(symbol.market.midnight(day.date), day, average))
    return tuple(reversed(told))


def position(symbol: Symbol, as_of: date) -> Position | None:
    """The newest position known on `as_of`: that of the last trading day of the week before. None outside Hong Kong."""
    if symbol.market is not Market.HK:
        return None
    friday = as_of - timedelta(as_of.weekday() + 3)
    reported = next(day for back in range(10) if is_trading_day(Market.HK, day := friday - timedelta(back)))
    return _PUBLISHED_POSITIONS.get((symbol, reported)) or _invented_position(symbol, reported)


def _invented_position(symbol: Symbol, reported: date) -> Position:
    issued, level = _KNOWN_SIZES.get(symbol) or _invented_size(symbol)
    wave = math.sin(2 * math.pi * reported.toordinal() / 173)
    pct = level * (0.97 + 0.1 * wave + 0.06 * draws(f"position {symbol} {reported}")[0])
    return Position(reported, round(issued * pct / 100), round(pct, 2))


def _invented_size(symbol: Symbol) -> tuple[int, float]:
    first_year = days(symbol, date(FIRST_DAY.year, 12, 31))
    chance = draws(f"size {symbol}")
    least, most = _TURNOVER_YEARS
    years = least + (most - least) * chance[0]
    return round(sum(day.volume for day in first_year) * years), 0.4 + 2.2 * chance[1]


def _hk_row(timestamp: int, day: MarketDay, average: float) -> Row:
    return {
        "timestamp": timestamp,
        "timestampStr": day.date.isoformat(),
        "sharesTraded": day.volume,
        "turnover": day.turnover,
        "shortSellSharesTraded": day.short_volume,
        "shortSellTurnover": day.short_turnover,
        "openPrice": day.open,
        "closePrice": day.close,
        "lastClosePrice": day.previous_close,
        "dailyTradeAvgRatio": average,
    }


def _us_row(timestamp: int, day: MarketDay, average: float) -> Row:
    return {
        "timestamp": timestamp,
        "timestampStr": day.date.isoformat(),
        "totalSharesShort": day.short_volume,
        "nasdaqSharesShort": day.nasdaq_short_volume or 0,
        "nyseSharesShort": day.nyse_short_volume or 0,
        # Truncated to three decimals, as measured on the vendor's own rows.
        "shortPercent": math.floor(100_000 * day.short_volume / day.volume) / 1000,
        "volume": day.volume,
        "closePrice": day.close,
        "lastClosePrice": day.previous_close,
        "dailyTradeAvgRatio": average,
    }
