"""Any spelling becomes one symbol, or an error that says what was understood."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.domain.errors import InvalidSymbol
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol

SPELLINGS = {
    "TSLA.US": "TSLA|tsla.us|US.TSLA|$TSLA|NASDAQ:TSLA|TSLA:US|TSLA US Equity| tsla |ＴＳＬＡ|us:tsla|TSLA.OQ|TSLA-US",
    "AAPL.US": "ST/US/AAPL|'AAPL'|\"AAPL\"|[AAPL]|AAPL,|AAPL.|(AAPL)",
    "ACAQ.WS.US": "ACAQ+|ACAQ.WS|ACAQ-WS|ACAQ/WS|US.ACAQ.WS|ACAQ+.US",
    "BAC.PRL.US": "BAC.PRL|BAC.PR.L|BAC PR L|BAC-PR-L|BAC/PR/L",
    "700.HK": "700|0700.HK|00700|HK.00700|HKEX:700|SEHK:0700|0700:HKG|700 HK|hk00700| 700 . hk |７００．ＨＫ",
    "BRK.B.US": "BRK.B|BRK-B|BRK/B|BRK.B.US|US.BRK.B|brk b|NYSE:BRK.B|BRK/B US|US:BRK-B|BRK_B",
    "HK.US": "HK|HK.US|US.HK",
    "CBOE.US": "CBOE|CBOE.US|US.CBOE|CBOE:US",
    "T.PRA.US": "T.PRA|T-PRA|US.T.PRA",
}


@pytest.mark.parametrize(
    ("canonical", "spelling"), [(to, way) for to, ways in SPELLINGS.items() for way in ways.split("|")]
)
def test_every_usual_spelling_is_understood(canonical: str, spelling: str) -> None:
    assert str(Symbol.parse(spelling)) == canonical


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("600519.SH", "another market (Shanghai"),
        ("SH.600519", "another market (Shanghai"),
        ("600519", "mainland China"),
        ("000858", "mainland China"),
        ("002594", "mainland China"),
        ("NYSE:NYSEARCA", "is not a ticker of letters"),
        ("US.NYSEARCA", "is not a ticker of letters"),
        ("²", "is not a ticker"),
        ("D05.SG", "another market (Singapore)"),
        ("VOD.L", "another market (London)"),
        ("7203.T", "another market (Tokyo)"),
        ("LSE:VOD", "another market (London)"),
        ("FOO:BAR", "an exchange that is not covered"),
        (".HSI", "is an index"),
        ("US..DJI", "is an index"),
        ("^GSPC", "is an index"),
        ("HSI.HK", "is an index"),
        ("HK.800000", "is an index"),
        ("AAPL240119C00150000", "is an option"),
        ("US.AAPL240119C150000", "is an option"),
        ("HK.TCH210429C350000", "is an option"),
        ("", "is empty"),
        (" \t ", "is empty"),
        ("x" * 100, "100 characters"),
        ("TS\nLA", "control or invisible"),
        ("TS\u202eLA", "control or invisible"),
        ("TSLA\x00", "control or invisible"),
        ("0.HK", "not a code of 1 to 5 digits"),
        ("TSLA.HK", "not a code of 1 to 5 digits"),
        ("100000.HK", "not a code of 1 to 5 digits"),
        ("700.US", "not a ticker of letters"),
        ("Tesla Inc", "give the stock's code"),
        ("腾讯控股", "give the stock's code"),
        ("BTC-USD", "is not a ticker"),
        ("FOO+BAR", "is not a ticker"),
        ("<b>TSLA</b>", "is not a ticker"),
    ],
)
def test_anything_else_says_what_was_understood_and_what_is_covered(text: str, understood: str) -> None:
    with pytest.raises(InvalidSymbol) as caught:
        Symbol.parse(text)
    assert understood in str(caught.value)
    assert "for example TSLA.US, BRK.B.US or 700.HK" in str(caught.value)
    assert "<b>" not in str(caught.value)


@pytest.mark.parametrize("text", ["TSLA,AAPL", "700.HK, 9988.HK", "TSLA; AAPL"])
def test_several_symbols_are_sent_to_the_tool_that_takes_them(text: str) -> None:
    with pytest.raises(InvalidSymbol, match=r'".+[,;].+" names 2 stocks. Give one, or ask compare_short_volume'):
        Symbol.parse(text)


def test_each_vendor_gets_its_own_spelling() -> None:
    assert [Symbol.parse("0700").futu, str(Symbol.parse("HK.00700"))] == ["HK.00700", "700.HK"]
    assert [Symbol.parse("BRK/B").futu, str(Symbol.parse("brk-b"))] == ["US.BRK.B", "BRK.B.US"]


hong_kong = st.integers(1, 99_999).map(lambda number: Symbol(str(number), Market.HK))
EXCHANGES = [
    "CBOE",
    "USA",
    "NYSE",
    "AMEX",
    "ARCA",
    "BATS",
    "OTC",
    "OQ",
    "HKG",
    "HKEX",
    "SH",
    "SG",
    "SS",
    "T",
    "L",
    "CA",
    "DE",
]
tickers = st.text(string.ascii_uppercase, min_size=1, max_size=6) | st.sampled_from([*EXCHANGES, "US", "HK"])


@given(hong_kong | tickers.map(lambda code: Symbol(code, Market.US)))
def test_parse_undoes_every_way_of_writing_a_symbol(symbol: Symbol) -> None:
    assert Symbol.parse(str(symbol)) == Symbol.parse(symbol.futu) == Symbol.parse(str(symbol).lower()) == symbol


@given(
    st.text(max_size=60)
    | st.from_regex(r"[$^.]?[A-Za-z0-9]{0,7}[.:/ -]?[A-Za-z0-9]{0,6}[.:]?[A-Z]{0,4}", fullmatch=True)
)
def test_any_text_gives_a_symbol_that_parses_to_itself_or_our_own_error(text: str) -> None:
    try:
        symbol = Symbol.parse(text)
    except InvalidSymbol as error:
        assert str(error).isprintable()
    else:
        assert Symbol.parse(str(symbol)) == Symbol.parse(symbol.futu) == symbol
