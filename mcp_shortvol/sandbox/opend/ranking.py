"""OpenD's answer to a question for the ranking (3415): the invented market, ordered and cut as it is asked for."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.sandbox.market.ranking import UNTOLD, Standing, standings
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


def ranking_page(c2s: Mapping[str, object], newest: Callable[[Market], date], moves: int) -> Values:
    """A page of names and how many there are; raises Refused.

    `newest` is the date of a market's figures. The list is as after so many `moves` since they were told first.
    """
    asked = {name: c2s.get(name, default) for name, default in _DEFAULTS.items()}
    market = next((market for market, number in MARKET_NUMBERS.items() if number == asked["market"]), None)
    if market is None:
        raise Refused("market is not supported")
    if asked["count"] not in _COUNTS:
        raise Refused("count is out of range")
    field, direction, offset, count = (asked[name] for name in ("sortField", "sortDir", "offset", "count"))
    if not isinstance(field, int) or not 0 <= field <= len(_SORT_FIELDS) or direction not in {0, 1}:
        raise Refused("参数错误")
    if not isinstance(offset, int) or not isinstance(count, int) or offset < 0 or c2s.get("plateList"):
        raise Refused("参数错误")  # of industries the invented market knows nothing
    names = _ordered(standings(market, newest(market)), _SORT_FIELDS[max(field, 1) - 1], descending=direction == 0)
    page = _moved(names, moves)[offset : offset + count]
    # A list without names is absent, as protobuf's own JSON has it.
    return {**({"dataList": [_item(name) for name in page]} if page else {}), "allCount": len(names)}


def _ordered(names: Sequence[Standing], field: str, *, descending: bool) -> list[Standing]:
    """By one figure, those without it last, and by code where it is the same."""
    known = sorted((name for name in names if field in name.figures), key=lambda name: name.symbol)
    known.sort(key=lambda name: name.figures[field], reverse=descending)
    return [*known, *sorted((name for name in names if field not in name.figures), key=lambda name: name.symbol)]


def _moved(names: list[Standing], moves: int) -> list[Standing]:
    """The list as trading moves it: now the last name becomes the first, now the first the last."""
    by = sum(-1 if move % 3 == 2 else 1 for move in range(moves)) % len(names)
    return names[-by:] + names[:-by] if by else names


def _item(name: Standing) -> Values:
    figures = {field: value for field, value in name.figures.items() if field not in UNTOLD}
    return {"security": security(name.symbol), "name": name.name, **figures}
