"""The invented market in Longbridge's format: rows of short trades and of short positions, every cell a string."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.market.days import MarketDay, days
from mcp_shortvol.sandbox.market.noise import draws
from mcp_shortvol.sandbox.market.positions import Position, reports
from mcp_shortvol.sandbox.market.published import FEED_ROWS, FeedRow

__all__ = ["HISTORIES", "AnyHistory"]

# Longbridge's US rows are the Nasdaq exchange's day: 21 to 29 % of the volume of all venues in published rows, and more
# on the third Friday of a month, when index futures and options expire in a large closing auction.
_FEED_SHARE = (0.21, 0.27)
_EXPIRY_SHARE = (0.27, 0.29)

Row = dict[str, str]

T = TypeVar("T", MarketDay, Position)


@dataclass(frozen=True, slots=True)
class History(Generic[T]):
    """One history of the gateway: `known` lists a symbol's days or positions up to a date, `row` formats one of them.

    `known` is oldest first. `size_names` are the query parameters for the number of rows, `other_fields` the fields
    beside a market's rows.
    """

    known: Callable[[Symbol, date], Sequence[T]]
    row: Callable[[Symbol, T], Row]
    size_names: tuple[str, ...]
    other_fields: Mapping[Market, Mapping[str, object]]

    def page(self, symbol: Symbol, newest: date, before: int, size: int, *, inclusive: bool) -> list[Row]:
        """The newest `size` rows before a Unix time; KeyError where the symbol is not listed."""
        known = self.known(symbol, newest)
        bisect = bisect_right if inclusive else bisect_left
        end = bisect(known, before, key=lambda dated: symbol.market.midnight(dated.date))
        return [self.row(symbol, dated) for dated in known[max(0, end - size) : end]]


def _trade_row(symbol: Symbol, day: MarketDay) -> Row:
    return _us_row(symbol, day) if symbol.market is Market.US else _hk_row(symbol, day)


def _position_row(symbol: Symbol, position: Position) -> Row:
    row = _us_position if symbol.market is Market.US else _hk_position
    return row(symbol.market.midnight(position.date), position)


def _hk_row(symbol: Symbol, day: MarketDay) -> Row:
    return {
        "timestamp": str(symbol.market.midnight(day.date)),
        "amount": str(day.short_volume),
        "balance": f"{day.short_turnover:.2f}",
        "total_amount": str(day.volume),
        "rate": f"{day.short_volume / day.volume:.4f}",
        "close": str(day.close),
    }


def _us_row(symbol: Symbol, day: MarketDay) -> Row:
    feed = FEED_ROWS.get((symbol, day.date)) or _feed(symbol, day)
    return {
        "timestamp": str(symbol.market.midnight(day.date)),
        "nus_amount": str(feed.nasdaq_short_volume),
        "ny_amount": "0",
        "total_amount": str(feed.volume),
        "rate": f"{feed.nasdaq_short_volume / feed.volume:.4f}",
        "close": f"{day.close:.3f}",
    }


def _feed(symbol: Symbol, day: MarketDay) -> FeedRow:
    """The Nasdaq exchange's part of the short sales over its part of the volume; the NYSE part is not there."""
    least, most = _EXPIRY_SHARE if _third_friday(day.date) else _FEED_SHARE
    share = least + (most - least) * draws(f"feed {symbol} {day.date}")[0]
    return FeedRow(round(day.volume * share), day.nasdaq_short_volume or 0)


def _third_friday(day: date) -> bool:
    return day.weekday() == 4 and 15 <= day.day <= 21


def _hk_position(timestamp: int, position: Position) -> Row:
    return {
        "timestamp": str(timestamp),
        "amount": str(position.shares),
        "balance": f"{position.shares * position.close:.0f}",
        "cost": f"{position.close:.3f}",
        "rate": f"{position.pct / 100:.4f}",
    }


def _us_position(timestamp: int, position: Position) -> Row:
    return {
        "timestamp": str(timestamp),
        "current_shares_short": str(position.shares),
        "avg_daily_share_volume": str(position.average_daily_volume),
        "days_to_cover": f"{position.days_to_cover:.2f}",
        "rate": f"{position.pct / 100:.4f}",
        "close": f"{position.close:.3f}",
    }


AnyHistory = History[MarketDay] | History[Position]

HISTORIES: Mapping[str, AnyHistory] = {
    "short-trades": History(days, _trade_row, ("page_size",), {Market.US: {"sources": 1}, Market.HK: {}}),
    "short-positions": History(reports, _position_row, ("count", "page_size"), {Market.US: {}, Market.HK: {}}),
}
"""The histories by their NAME in the path `/v1/quote/NAME/MARKET`."""
