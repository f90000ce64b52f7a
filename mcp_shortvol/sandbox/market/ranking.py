"""Futu's ranking of the invented market: its symbols, and several hundred additional stocks that only the ranking has.

The additional stocks make the list about as long as a real market's. Their codes belong to no real stock, and their
names say that they are invented. Hong Kong also has RMB counters, in which a few shares a day trade and all are sold
short; each market has stocks that did not trade for a month. Figures have the vendor's field names. All figures are as
of one date, which the responses do not contain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from mcp_shortvol.domain.calendar import trading_days
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.market.days import days, listings
from mcp_shortvol.sandbox.market.noise import draws
from mcp_shortvol.sandbox.market.positions import reports

__all__ = ["SORT_ONLY_FIELDS", "RankedStock", "ranked_stocks"]

SORT_ONLY_FIELDS = ("weekAvgVolume", "monthAvgVolume")
"""Figures by which a ranking can be sorted, but which no response contains."""

_WEEK, _MONTH = 5, 20
_NO_VOLUME_DAYS_TO_COVER = 999.99
_IDLE_EVERY = 40

_NAMES = {
    "AAPL.US": "Apple",
    "TSLA.US": "Tesla",
    "NVDA.US": "NVIDIA",
    "GME.US": "GameStop",
    "AMD.US": "AMD",
    "BRK.B.US": "Berkshire Hathaway-B",
    "SPY.US": "SPDR S&P 500 ETF",
    "FIG.US": "Figma",
    "700.HK": "騰訊控股",
    "9988.HK": "阿里巴巴-W",
    "3690.HK": "美團-W",
    "1211.HK": "比亞迪股份",
    "5.HK": "匯豐控股",
    "823.HK": "領展房產基金",
    "2800.HK": "盈富基金",
}
_RMB_COUNTERS = {"80700": "騰訊控股-R", "81211": "比亞迪股份-R", "83690": "美團-WR", "89988": "阿里巴巴-WR"}

_US_WORDS = (
    "Amber Birch Cedar Dover Ember Fable Grove Heron Indigo Juniper Kestrel Lumen Maple Nimbus Opal Prairie Quartz "
    "Raven Sable Tundra".split(),
    "Foods Motors Energy Robotics Health Logistics Media Metals Networks Outdoors Pharma Software Textiles".split(),
)
_HK_WORDS = (
    "東海 南山 西江 北島 晨光 長虹 金灣 銀河 青松 紅棉 藍田 白鷺 碧水 飛龍 鳴鳳 祥雲 瑞雪 星橋 月台 旭日".split(),
    "控股 實業 地產 科技 能源 醫藥 航運 食品 傳媒 金融 建材 汽車".split(),
)


@dataclass(frozen=True, slots=True)
class RankedStock:
    """A stock and its figures in percent, shares and the market's currency; unknown figures are absent."""

    symbol: Symbol
    name: str
    figures: Mapping[str, float]


class _Traded(NamedTuple):
    close: float
    volume: int
    short_volume: int


class _Position(NamedTuple):
    shares: int
    pct: float
    days_to_cover: float


@lru_cache(maxsize=8)
def ranked_stocks(market: Market, newest: date) -> Sequence[RankedStock]:
    """Every stock of a market with its figures on the last trading day up to `newest`, unordered."""
    listed = [_listed(symbol, newest) for symbol in listings() if symbol.market is market]
    dates = trading_days(market, newest - timedelta(2 * _MONTH), newest)[-_MONTH - 1 :]
    if market is Market.US:
        additional = [_additional(symbol, name, dates, index) for index, (symbol, name) in enumerate(_us_names())]
    else:
        additional = [_additional(symbol, name, dates, index) for index, (symbol, name) in enumerate(_hk_names())]
        additional += [_rmb_counter(Symbol(code, market), name, dates) for code, name in _rmb_names()]
    return (*listed, *additional)


def _us_names() -> list[tuple[Symbol, str]]:
    """Invented US codes and names; the codes have five letters and begin with ZZ."""
    words = [f"Invented {first} {second}" for first in _US_WORDS[0] for second in _US_WORDS[1]]
    letters = [chr(ord("A") + number) for number in range(26)]
    codes = (f"ZZA{second}{third}" for second in letters for third in letters)
    return [(Symbol(code, Market.US), name) for code, name in zip(codes, words, strict=False)]


def _hk_names() -> list[tuple[Symbol, str]]:
    """Invented Hong Kong codes and names; the codes begin at 60001, where the exchange lists no stocks."""
    words = [f"虛構{first}{second}" for first in _HK_WORDS[0] for second in _HK_WORDS[1]]
    return [(Symbol(str(code), Market.HK), name) for code, name in enumerate(words, 60001)]


def _rmb_names() -> list[tuple[str, str]]:
    invented = {str(code): f"{name}-R" for code, (_, name) in enumerate(_hk_names()[::12], 86001)}
    return [*_RMB_COUNTERS.items(), *invented.items()]


def _listed(symbol: Symbol, newest: date) -> RankedStock:
    traded = [_Traded(day.close, day.volume, day.short_volume) for day in days(symbol, newest)[-_MONTH - 1 :]]
    published = reports(symbol, newest)
    position = _Position(published[-1].shares, published[-1].pct, published[-1].days_to_cover) if published else None
    return RankedStock(symbol, _NAMES[str(symbol)], _figures(traded, position))


def _additional(symbol: Symbol, name: str, dates: Sequence[date], index: int) -> RankedStock:
    size, level, price, part, *_ = draws(f"ranked {symbol}")
    usual = 0 if index % _IDLE_EVERY == _IDLE_EVERY - 1 else round(20_000 * 1_000**size)
    traded = [_invented_day(f"{symbol} {day}", usual, 4 + 24 * level, 400**price) for day in dates]
    outstanding = round(20_000 * 1_000**size * 260 / (0.4 + level))
    pct = round(0.05 + 9 * part**3, 2)
    shares = round(outstanding * pct / 100)
    to_cover = max(1.0, round(shares / usual, 2)) if usual else _NO_VOLUME_DAYS_TO_COVER
    return RankedStock(symbol, name, _figures(traded, _Position(shares, pct, to_cover)))


def _rmb_counter(symbol: Symbol, name: str, dates: Sequence[date]) -> RankedStock:
    """A few lots a day, all sold short, and no position: the SFC adds it to that of the HKD counter."""
    price = 10 + 300 * draws(f"ranked {symbol}")[0]
    thin = [_invented_day(f"{symbol} {day}", 1_200, 0, price) for day in dates]
    return RankedStock(symbol, name, _figures([day._replace(short_volume=day.volume) for day in thin], None))


def _invented_day(key: str, usual: int, ratio: float, price: float) -> _Traded:
    busy, bias, move, *_ = draws(key)
    volume = round(usual * (0.5 + busy))
    short_volume = round(volume * ratio * (0.6 + 0.8 * bias) / 100)
    return _Traded(round(price * (0.96 + 0.08 * move), 2), volume, short_volume)


def _figures(traded: Sequence[_Traded], position: _Position | None) -> dict[str, float]:
    """The figures on the last of these days, which are at least 21, or all days since the listing."""
    last, before = traded[-1], traded[-2] if len(traded) > 1 else traded[-1]
    week, month = traded[-_WEEK:], traded[-_MONTH:]
    figures: dict[str, float] = {
        "closePrice": last.close,
        "changeRatio": _change(last.close, before.close),
        "changeRatio5D": _change(last.close, traded[-6:][0].close),
        "changeRatio10D": _change(last.close, traded[-11:][0].close),
        "volume": last.volume,
        "shortNumber": last.short_volume,
        "shortNumberChange": last.short_volume - before.short_volume,
        "shortRatio": _ratio([last]),
        "shortRatioChange": _change(_ratio([last]), _ratio([before])),
        "weekAvgVolume": round(sum(day.volume for day in week) / len(week)),
        "weekAvgShortNumber": round(sum(day.short_volume for day in week) / len(week)),
        "weekAvgShortRatio": _ratio(week),
        "monthAvgVolume": round(sum(day.volume for day in month) / len(month)),
        "monthAvgShortNumber": round(sum(day.short_volume for day in month) / len(month)),
        "monthAvgShortRatio": _ratio(month),
    }
    if position is not None:
        figures |= {
            "shortPositionVolume": position.shares,
            "shortPositionRatio": position.pct,
            "daysToCover": position.days_to_cover,
        }
    return figures


def _ratio(traded: Sequence[_Traded]) -> float:
    volume = sum(day.volume for day in traded)
    return round(100 * sum(day.short_volume for day in traded) / volume, 3) if volume else 0.0


def _change(now: float, before: float) -> float:
    """The change in percent; 0 where the earlier figure is 0."""
    return round(100 * (now / before - 1), 3) if before else 0.0
