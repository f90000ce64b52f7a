"""The invented short interest in Futu's format, for OpenD and the cloud: rows with OpenD's field names."""

from collections.abc import Sequence
from datetime import date

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.futu_rows import Row
from mcp_shortvol.sandbox.market.positions import Position, reports

__all__ = ["report_rows"]


def report_rows(symbol: Symbol, as_of: date) -> Sequence[Row]:
    """Every row of `symbol` published by `as_of`, newest first; KeyError where the symbol is not listed."""
    row = _us_row if symbol.market is Market.US else _hk_row
    return [row(symbol.market.midnight(position.date), position) for position in reversed(reports(symbol, as_of))]


def _us_row(timestamp: int, position: Position) -> Row:
    return {
        "timestamp": timestamp,
        "timestampStr": position.date.isoformat(),
        "sharesShort": position.shares,
        "shortPercent": position.pct,
        "avgDailyShareVolume": position.average_daily_volume,
        "daysToCover": position.days_to_cover,
        "closePrice": position.close,
        "lastClosePrice": position.previous_close,
    }


def _hk_row(timestamp: int, position: Position) -> Row:
    return {
        "timestamp": timestamp,
        "timestampStr": position.date.isoformat(),
        "closePrice": position.close,
        "lastClosePrice": position.previous_close,
        "aggregatedShort": position.shares,
        "aggregatedShortRatio": position.pct,
    }
