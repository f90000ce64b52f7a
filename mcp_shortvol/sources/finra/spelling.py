"""FINRA's spellings of a US symbol, which differ between its two datasets.

    BRK.B   BRK/B in short sale volume   BRKB in short interest
    ABR.PRD  (not established)           ABRPRD

Only what public rows show is spelt. Anything else is refused in words, because a guess could name another security.
"""

import re

from mcp_shortvol.domain.errors import InvalidRequest
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol

__all__ = ["interest_code", "symbol_of", "volume_code"]

_CLASS = re.compile(r"[A-Z]")
_SERIES = re.compile(r"[A-Z]|PR[A-Z]?")
_VOLUME_CODE = re.compile(r"([A-Z]{1,6})(?:/([A-Z]))?")
_MOST_SHOWN = 14


def volume_code(symbol: Symbol) -> str:
    """As short sale volume names it; raises InvalidRequest for a Hong Kong stock, or where the spelling is unknown."""
    base, suffix = _parts(symbol)
    if suffix and not _CLASS.fullmatch(suffix):
        raise _not_established(symbol, "short sale volume")
    return f"{base}/{suffix}" if suffix else base


def interest_code(symbol: Symbol) -> str:
    """As short interest names it, without any separator; raises like `volume_code`."""
    base, suffix = _parts(symbol)
    if suffix and not _SERIES.fullmatch(suffix):
        raise _not_established(symbol, "short interest")
    return base + suffix


def symbol_of(volume_code: str) -> str:
    """The canonical symbol of a record's code; FINRA's own spelling, made plain, where that is not established."""
    if found := _VOLUME_CODE.fullmatch(volume_code):
        base, share_class = found.groups()
        return f"{base}.{share_class}.US" if share_class else f"{base}.US"
    return re.sub(r"[^A-Za-z0-9/.+=-]", "?", volume_code)[:_MOST_SHOWN]


def _parts(symbol: Symbol) -> tuple[str, str]:
    if symbol.market is not Market.US:
        raise InvalidRequest(
            f"FINRA has US securities only, and {symbol} is a Hong Kong stock.",
            "Its short volume is a share of another exchange's volume: ask get_short_trades (Longbridge), or "
            "get_daily_short_volume with source=futu_opend; its short interest with source=sfc.",
        )
    base, _, suffix = symbol.code.partition(".")
    return base, suffix


def _not_established(symbol: Symbol, dataset: str) -> InvalidRequest:
    return InvalidRequest(
        f"How FINRA spells {symbol} in its {dataset} is not established, and a guess could name another security.",
        "Ask for the common share or a share class such as BRK.B, or ask Longbridge or Futu.",
    )
