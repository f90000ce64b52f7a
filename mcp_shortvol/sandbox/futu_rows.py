"""The invented market in Futu's format, for OpenD and the cloud: daily rows, 20-day averages and the newest position.

Rows have OpenD's field names. Hong Kong rows have no ratio of the day; in both markets `dailyTradeAvgRatio` is the mean
of the daily ratios of the 20 trading days up to and including the row's.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.market.days import MarketDay, days
from mcp_shortvol.sandbox.market.positions import Position, reports

__all__ = ["Dividends", "Row", "adjusted", "position", "rows"]

Row = Mapping[str, int | float | str]

Dividends = Mapping[date, float]
"""By ex-dividend date, the factor by which the prices of all days before it are multiplied from that date on."""

_AVERAGED_DAYS = 20

_TENCENT = Symbol("700", Market.HK)
_APPLE = Symbol("AAPL", Market.US)

# From the vendor's published samples: percent, keyed by the last of the 20 days.
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


@lru_cache(maxsize=64)
def rows(symbol: Symbol, last: date) -> Sequence[Row]:
    """Every row of `symbol` up to `last`, newest first; KeyError where the symbol is not listed."""
    served = days(symbol, last)
    ratios = [100 * day.short_volume / day.volume for day in served]
    row = _us_row if symbol.market is Market.US else _hk_row
    formatted = []
    for index, day in enumerate(served):
        recent = ratios[max(0, index + 1 - _AVERAGED_DAYS) : index + 1]
        average = _PUBLISHED_AVERAGES.get((symbol, day.date)) or round(sum(recent) / len(recent), 2)
        formatted.append(row(symbol.market.midnight(day.date), day, average))
    return tuple(reversed(formatted))


def adjusted(served: Sequence[Row], dividends: Dividends) -> Sequence[Row]:
    """Rows, newest first, with the prices of days before an ex-dividend date as Futu adjusts them, to nine decimals."""
    if not served or not dividends:
        return served
    last = str(served[0]["timestampStr"])
    going = {str(day): factor for day, factor in dividends.items() if str(day) <= last}
    return [_with_prices(row, going) for row in served]


def _with_prices(row: Row, going: Mapping[str, float]) -> Row:
    day = str(row["timestampStr"])
    before = math.prod(factor for ex_date, factor in going.items() if day < ex_date)
    # The previous close is of the day before: the ex-dividend date's own row has an adjusted one.
    previous = math.prod(factor for ex_date, factor in going.items() if day <= ex_date)
    factors = {"openPrice": before, "closePrice": before, "lastClosePrice": previous}
    return {**row, **{key: round(float(row[key]) * factors[key], 9) for key in factors if key in row}}


def position(symbol: Symbol, as_of: date) -> Position | None:
    """The newest position of a Hong Kong stock published by `as_of`, sent beside its rows; None for US stocks."""
    if symbol.market is not Market.HK:
        return None
    return next(reversed(reports(symbol, as_of)), None)


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
