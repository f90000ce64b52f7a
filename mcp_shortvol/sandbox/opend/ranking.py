"""OpenD's ranking (protocol 3415) of the invented market: sorted, and one page of it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.sandbox.market.ranking import SORT_ONLY_FIELDS, RankedStock, ranked_stocks
from mcp_shortvol.sandbox.opend.bodies import Values
from mcp_shortvol.sandbox.opend.faults import Refused
from mcp_shortvol.sources.opend.securities import MARKET_NUMBERS, security

__all__ = ["ranking_page"]

# In the order of the vendor's ShortSellingSortField, which counts from 1.
_SORT_FIELDS = (
    "shortNumberChange",
    "shortRatioChange",
    "shortNumber",
    "shortRatio",
    "volume",
    "shortPositionVolume",
    "shortPositionRatio",
    "daysToCover",
    "weekAvgVolume",
    "weekAvgShortNumber",
    "weekAvgShortRatio",
    "monthAvgVolume",
    "monthAvgShortNumber",
    "monthAvgShortRatio",
)
_DEFAULTS = {"market": MARKET_NUMBERS[Market.US], "sortField": 1, "sortDir": 0, "offset": 0, "count": 10}
_COUNTS = range(1, 36)


def ranking_page(c2s: Mapping[str, object], newest: Callable[[Market], date], changes: int) -> Values:
    """A page of stocks and their total number; raises Refused.

    `newest` gives the date of a market's figures. `changes` is how often the order of the list has changed so far.
    """
    arguments = {name: c2s.get(name, default) for name, default in _DEFAULTS.items()}
    market = next((market for market, number in MARKET_NUMBERS.items() if number == arguments["market"]), None)
    if market is None:
        raise Refused("market is not supported")
    if arguments["count"] not in _COUNTS:
        raise Refused("count is out of range")
    field, direction, offset, count = (arguments[name] for name in ("sortField", "sortDir", "offset", "count"))
    if not isinstance(field, int) or not 0 <= field <= len(_SORT_FIELDS) or direction not in {0, 1}:
        raise Refused("参数错误")
    if not isinstance(offset, int) or not isinstance(count, int) or offset < 0 or c2s.get("plateList"):
        raise Refused("参数错误")  # the invented market has no industry plates
    stocks = _ordered(ranked_stocks(market, newest(market)), _SORT_FIELDS[max(field, 1) - 1], descending=direction == 0)
    page = _rotated(stocks, changes)[offset : offset + count]
    # An empty list is absent, as in protobuf's own JSON.
    return {**({"dataList": [_item(stock) for stock in page]} if page else {}), "allCount": len(stocks)}


def _ordered(stocks: Sequence[RankedStock], field: str, *, descending: bool) -> list[RankedStock]:
    """Sorted by one figure, and by symbol where it is equal; stocks without the figure come last."""
    known = sorted((stock for stock in stocks if field in stock.figures), key=lambda stock: stock.symbol)
    known.sort(key=lambda stock: stock.figures[field], reverse=descending)
    unknown = sorted((stock for stock in stocks if field not in stock.figures), key=lambda stock: stock.symbol)
    return [*known, *unknown]


def _rotated(stocks: list[RankedStock], changes: int) -> list[RankedStock]:
    """The list after a number of changes: two of three move the last stock to the front, the third moves it back."""
    by = sum(-1 if change % 3 == 2 else 1 for change in range(changes)) % len(stocks)
    return stocks[-by:] + stocks[:-by] if by else stocks


def _item(stock: RankedStock) -> Values:
    figures = {field: value for field, value in stock.figures.items() if field not in SORT_ONLY_FIELDS}
    return {"security": security(stock.symbol), "name": stock.name, **figures}
