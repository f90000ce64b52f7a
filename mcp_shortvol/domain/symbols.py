"""Any spelling of a US or Hong Kong stock → one Symbol → each vendor's spelling.

    TSLA  tsla.us  US.TSLA  $TSLA  NASDAQ:TSLA  TSLA:NYSE  TSLA US      → TSLA.US
    700  0700.HK  HK.00700  HKEX:700  hk00700  0700:HKG  700 HK Equity  → 700.HK
    BRK.B  BRK-B  BRK/B  US.BRK.B  BRK.B.US                             → BRK.B.US

The canonical form is CODE.MARKET, without leading zeros. A guess that could name another company is never made: what is
not understood gets an error that says what was understood and what is covered.
"""

import re
import unicodedata
from dataclasses import dataclass

from mcp_shortvol.domain.errors import InvalidSymbol
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.wording import plain

__all__ = ["Symbol"]

_MAX_LENGTH = 40
# What a model leaves around a symbol: quotes, brackets, commas.
_AROUND = " \t\"'`\u2018\u2019\u201c\u201d\u300c\u300d()[]{}<>,;"
_COVERED = "Covered are US and Hong Kong stocks, ETFs and REITs, for example TSLA.US, BRK.B.US or 700.HK."

_US_EXCHANGES = frozenset(
    "US USA NASDAQ NYSE AMEX NYSEARCA NYSEAMERICAN NYSEMKT ARCA BATS CBOE OTC OTCMKTS XNAS XNYS XASE ARCX OQ".split()
)
_MARKETS = frozenset(market.value for market in Market)
_HK_EXCHANGES = frozenset("HK HKEX SEHK HKG HKSE XHKG".split())
_OTHER_MARKETS = {
    **dict.fromkeys(("SH", "SS", "SSE", "SHA", "XSHG", "CH", "CN"), "Shanghai or mainland China"),
    **dict.fromkeys(("SZ", "SZSE", "SHE", "XSHE", "CS", "CG"), "Shenzhen"),
    **dict.fromkeys(("BJ", "BSE"), "Beijing or Bombay"),
    **dict.fromkeys(("SG", "SI", "SGX", "SES", "SP"), "Singapore"),
    **dict.fromkeys(("T", "JP", "TSE", "TYO", "JT"), "Tokyo"),
    **dict.fromkeys(("L", "LN", "LSE", "LON", "UK"), "London"),
    **dict.fromkeys(("TO", "TSX", "CA", "TSXV", "NE"), "Canada"),
    **dict.fromkeys(("AX", "ASX", "AU"), "Australia"),
    **dict.fromkeys(("DE", "ETR", "XETRA", "GR", "FRA"), "Germany"),
    **dict.fromkeys(("PA", "EPA", "FP"), "Paris"),
    **dict.fromkeys(("AS", "AMS"), "Amsterdam"),
    **dict.fromkeys(("SW", "SWX"), "Switzerland"),
    **dict.fromkeys(("MI", "BIT"), "Milan"),
    **dict.fromkeys(("KS", "KQ", "KRX", "KOSPI"), "Korea"),
    **dict.fromkeys(("TW", "TWO", "TPE", "TWSE"), "Taiwan"),
    **dict.fromkeys(("NS", "BO", "NSE", "IN"), "India"),
    **dict.fromkeys(("MY", "KL", "KLSE"), "Malaysia"),
    **dict.fromkeys(("BINANCE", "CRYPTO", "COINBASE", "HAS"), "a crypto exchange"),
}
_INDEX_CODES = frozenset("HSI HSCEI HSTECH HSCCI SPX DJI DJIA IXIC NDX VIX RUT".split())

# Only these are other forms of the same letters; a superscript two is no digit of a code.
_FULL_WIDTH = {0x3000: 0x20, **{0xFF00 + code: 0x20 + code for code in range(1, 0x5F)}}

_HK_CODE = re.compile(r"0*([1-9][0-9]{0,4})")
# A class (BRK.B), a preferred series (T.PRA, BAC-PL), warrants, rights, units; never a word such as INC or USD.
_US_CODE = re.compile(r"([A-Z]{1,6})(?:\.([A-Z]|PR[A-Z]?|P[A-Z]|WS|WT|WI|RT|UN))?")
_NAME = re.compile(r"[^\W\d_][^\d_:/]*[^\W\d_.]")  # words of letters, in any script
_PREFERRED = re.compile(r"(?<=[A-Z])[. /-]PR[. /-]([A-Z])\b")  # BAC.PR.L and BAC PR L are BAC.PRL
_WARRANT = re.compile(r"(?<=[A-Z])\+(?=$|[.:])")  # ACAQ+ is ACAQ.WS
_SEPARATORS = re.compile(r"[-/_ ]+")
_JOINED_HK = re.compile(r"HK([0-9]{3,5})")
_COUNTER_ID = re.compile(r"ST/(US|HK)/(.+)")  # as older answers of Longbridge name a stock
_OPTION = re.compile(r"[A-Z.]{1,6} ?[0-9]{6}[CP][0-9]{3,8}")


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """A stock, ETF or REIT: its code without leading zeros ("700", "BRK.B") and its market.

    Construct one with `parse`; the constructor takes what `parse` would give.
    """

    code: str
    market: Market

    def __str__(self) -> str:
        """The canonical spelling, which is also Longbridge's: "700.HK", "BRK.B.US"."""
        return f"{self.code}.{self.market}"

    @property
    def futu_code(self) -> str:
        """The code as Futu and moomoo write it: five digits in Hong Kong ("00700"), "BRK.B" in the US."""
        return self.code.zfill(5) if self.market is Market.HK else self.code

    @property
    def futu(self) -> str:
        """Futu's and moomoo's spelling with the market in front: "HK.00700", "US.BRK.B"."""
        return f"{self.market}.{self.futu_code}"

    @classmethod
    def parse(cls, text: str) -> "Symbol":
        """The symbol a person, a vendor or an assistant means by `text`; raises InvalidSymbol."""
        cleaned = _clean(text)
        _refuse_several(cleaned)
        _refuse_what_is_no_stock(cleaned)
        market, code = _split_market(cleaned)
        symbol = _in_market(code, market) if market else _by_shape(code)
        if symbol is None:
            raise _not_understood(cleaned, code, market)
        return symbol


def _clean(text: str) -> str:
    """Upper case, full-width characters made plain, blanks only where they separate words."""
    if len(text) > _MAX_LENGTH:
        raise InvalidSymbol(f"The symbol is {len(text)} characters long.", f"Give one ticker. {_COVERED}")
    plain = text.translate(_FULL_WIDTH).strip()
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co"} for character in plain):
        raise InvalidSymbol("The symbol contains control or invisible characters.", f"Type it again. {_COVERED}")
    plain = plain.strip(_AROUND).rstrip("." + _AROUND)
    cleaned = re.sub(r"\s*([.:/_-])\s*", r"\1", " ".join(plain.upper().split()))
    cleaned = _PREFERRED.sub(r".PR\1", _WARRANT.sub(".WS", cleaned))
    cleaned = cleaned.removeprefix("$").strip().removesuffix(" EQUITY")
    if not cleaned:
        raise InvalidSymbol("The symbol is empty.", _COVERED)
    return cleaned


def _refuse_several(cleaned: str) -> None:
    names = [name for name in re.split(r"[,;、，]", cleaned) if name.strip()]  # noqa: RUF001 - Chinese commas
    if len(names) > 1:
        raise InvalidSymbol(
            f"{_shown(cleaned)} names {len(names)} stocks.",
            "Give one, or ask compare_short_volume, which takes 2 to 10 in symbols.",
        )


def _refuse_what_is_no_stock(cleaned: str) -> None:
    if _OPTION.search(cleaned):
        raise InvalidSymbol(f"{_shown(cleaned)} is an option contract.", f"Ask for its underlying. {_COVERED}")
    names_index = cleaned.startswith(("^", ".", "$.")) or ".." in cleaned or cleaned.endswith(".IDX")
    bare = re.sub(r"^(HK|US)[.:]|[.:](HK|US)$", "", cleaned)
    if names_index or bare in _INDEX_CODES or re.fullmatch(r"(HK[.:])?800\d{3}([.:]HK)?", cleaned):
        raise InvalidSymbol(
            f"{_shown(cleaned)} is an index.", f"Ask for an ETF on it, such as SPY.US or 2800.HK. {_COVERED}"
        )


def _split_market(cleaned: str) -> tuple[Market | None, str]:
    """The market a spelling names, if it names one, and the code that is left."""
    if joined := _JOINED_HK.fullmatch(cleaned):
        return Market.HK, joined[1]
    if counter := _COUNTER_ID.fullmatch(cleaned):
        return Market(counter[1]), counter[2]
    readings = _readings(cleaned)
    # US and HK themselves say a market before any exchange does: CBOE.US is the stock of an exchange. Where both ends
    # say one, the first wins that leaves a code of its market: HK.US is a US ticker, and so is US.HK.
    named = [(Market(name), code) for name, code, _ in readings if name in _MARKETS]
    named = named or [(known, code) for name, code, _ in readings if (known := _market_named(name))][:1]
    for market, code in named:
        if _in_market(code, market):
            return market, code
    if named:
        return named[0]
    for place, (name, _, separator) in enumerate(readings):
        # A single letter in front of a dot is a ticker with a share class, not Tokyo or London.
        if name in _OTHER_MARKETS and (separator == ":" or len(name) > 1 or place):
            raise InvalidSymbol(
                f"{_shown(cleaned)} was understood as a security of another market ({_OTHER_MARKETS[name]}).", _COVERED
            )
        if separator == ":":
            raise InvalidSymbol(f"{_shown(cleaned)} names an exchange that is not covered.", _COVERED)
    return None, cleaned


def _readings(cleaned: str) -> list[tuple[str, str, str]]:
    """The ways to read a spelling as a market and a code: the market in front, the market behind, the separator."""
    parts = re.split(r"([:.])", cleaned)
    if len(parts) > 1:
        return [(parts[0], "".join(parts[2:]), parts[1]), (parts[-1], "".join(parts[:-2]), parts[-2])]
    if behind := re.fullmatch(r"(.+)([ -])(HK|US)", cleaned) or re.fullmatch(r"(.+)( )(\S+)", cleaned):
        return [(behind[3], behind[1], behind[2])]  # "700 HK", as Bloomberg writes it
    return []


def _market_named(name: str) -> Market | None:
    if name in _HK_EXCHANGES:
        return Market.HK
    return Market.US if name in _US_EXCHANGES else None


def _in_market(code: str, market: Market) -> Symbol | None:
    """The symbol that `code` is in `market`, or None. The market may be said twice: HK.700.HK."""
    code = re.sub(rf"^{market}[.:](?=.)|(?<=.)[.:]{market}$", "", code) if code != market else code
    if market is Market.HK:
        number = _HK_CODE.fullmatch(code)
        return Symbol(number[1], market) if number else None
    parts = _US_CODE.fullmatch(_SEPARATORS.sub(".", code))
    if not parts:
        return None
    base, share_class = parts.groups()
    if share_class is None:
        return Symbol(base, market)
    # US.A or VOD.L would be read as naming a market, so no share class is spelt like one.
    taken = _market_named(base) or share_class in _OTHER_MARKETS or (len(base) > 1 and base in _OTHER_MARKETS)
    return None if taken else Symbol(f"{base}.{share_class}", market)


def _by_shape(code: str) -> Symbol | None:
    """Without a market named, digits are Hong Kong's and letters the US's."""
    if re.fullmatch(r"[0-9]{1,5}", code):  # six are a mainland code, which may be another company's in Hong Kong
        return _in_market(code, Market.HK)
    return _in_market(code, Market.US)


def _not_understood(cleaned: str, code: str, market: Market | None) -> InvalidSymbol:
    if market is Market.HK:
        what = f"{_shown(cleaned)} was understood as Hong Kong, but {_shown(code)} is not a code of 1 to 5 digits."
    elif market is Market.US:
        what = f"{_shown(cleaned)} was understood as US, but {_shown(code)} is not a ticker of letters."
    elif re.fullmatch(r"[0-9]{6}", code):
        what = f"{_shown(cleaned)} was understood as a mainland China code, which is not covered."
    elif _NAME.fullmatch(code):
        what = f"{_shown(cleaned)} is not a ticker; a name does not tell which listing is meant: give the stock's code."
    else:
        what = f"{_shown(cleaned)} is not a ticker."
    return InvalidSymbol(what, _COVERED)


def _shown(text: str) -> str:
    """What was sent, as it was sent: quoted, and cut where it is long."""
    return f'"{plain(text)}"'
