"""How OpenD names a security: the number of its market, and a code."""

import re

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sources.opend.messages import Json
from mcp_shortvol.sources.scalars import Unreadable, read_int

__all__ = ["MARKET_NUMBERS", "read_security", "security"]

MARKET_NUMBERS = {Market.HK: 1, Market.US: 11}
_MARKETS = {number: market for market, number in MARKET_NUMBERS.items()}
_CODES = {
    Market.HK: re.compile(r"0{0,4}([1-9][0-9]{0,4})"),
    # Wider than what callers may type: a ranking also lists what nobody asks for by name.
    Market.US: re.compile(r"([A-Z][A-Z0-9]{0,7}(?:[.-][A-Z0-9]{1,4})?)"),
}


def security(symbol: Symbol) -> Json:
    """A symbol as a question names it."""
    return {"market": MARKET_NUMBERS[symbol.market], "code": symbol.futu_code}


def read_security(value: object) -> Symbol | None:
    """The symbol that an answer names; None where it names none of a market that is covered."""
    if not isinstance(value, dict):
        return None
    try:
        market = _MARKETS.get(read_int(value.get("market")) or 0)
    except Unreadable:
        return None
    code = value.get("code")
    if market is None or not isinstance(code, str):
        return None
    parts = _CODES[market].fullmatch(code)
    return Symbol(parts[1], market) if parts else None
