"""The invented market: fifteen symbols with prices, volumes and short volumes for every trading day.

A day is a pure function of symbol and date; it does not depend on later days, on `as_of` or on earlier requests. All
simulated gateways use this market, so their rows of a day differ only where the vendors differ. Prices pass through
the closes that the vendors published, and the published rows are contained exactly.

    closes   log-linear from one fixed close to the next, plus a random walk that is zero at both ends
             (a Brownian bridge); after the last fixed close a mean-reverting random walk
    volumes  the symbol's usual volume times noise, larger on days with a large price move
    ratios   the symbol's usual ratio times two slow sine waves, plus noise
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import pairwise

from mcp_shortvol.domain.calendar import trading_days
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.market.noise import draws
from mcp_shortvol.sandbox.market.published import CLOSES, HK_ROWS, US_ROWS

__all__ = ["FIRST_DAY", "MarketDay", "days", "listings"]

FIRST_DAY = date(2021, 1, 4)
_LATER_CLOSE = date(2026, 6, 30)
_REVERSION = 0.98

# Tick sizes in HKD, each with the price below which it applies: the exchange's spread table.
_HK_TICKS = ((0.25, 0.001), (0.5, 0.005), (10, 0.01), (20, 0.02), (100, 0.05), (200, 0.1), (500, 0.2), (1000, 0.5))
# Bounds of the short ratio in percent: 10.5 to 17.2 of the consolidated US volume is about 21 to 56 of the Nasdaq
# exchange's, which Longbridge reports.
_RATIO_BOUNDS = {Market.US: (10.5, 17.2), Market.HK: (5.0, 25.0)}


@dataclass(frozen=True, slots=True)
class MarketDay:
    """One trading day of a symbol. Volumes are in shares, money in the market's currency.

    In the US `volume` is consolidated, and the short volume is the sum of the Nasdaq and NYSE parts. Hong Kong has no
    parts.
    """

    date: date
    open: float
    close: float
    previous_close: float
    volume: int
    turnover: float
    short_volume: int
    short_turnover: float
    nasdaq_short_volume: int | None
    nyse_short_volume: int | None


@dataclass(frozen=True, slots=True)
class _Listing:
    """A symbol with its usual volume in shares, short ratio in percent, and standard deviation of daily log returns."""

    symbol: Symbol
    closes: Mapping[date, float]
    volume: int
    short_pct: float
    move: float = 0.009
    board_lot: int = 1


def _us(code: str, *closes: float, volume: int, short_pct: float, move: float = 0.009) -> _Listing:
    return _Listing(Symbol(code, Market.US), _fixed_closes(*closes), volume, short_pct, move)


def _hk(code: str, *closes: float, volume: int, short_pct: float, board_lot: int) -> _Listing:
    return _Listing(Symbol(code, Market.HK), _fixed_closes(*closes), volume, short_pct, board_lot=board_lot)


def _fixed_closes(first: float, later: float | None = None) -> dict[date, float]:
    return {FIRST_DAY: first} if later is None else {FIRST_DAY: first, _LATER_CLOSE: later}


_LISTINGS = {
    listing.symbol: listing
    for listing in (
        _us("AAPL", 129.41, volume=38_000_000, short_pct=13.4),
        _us("TSLA", 243.26, volume=62_000_000, short_pct=14.2),
        _us("NVDA", 13.11, 188.4, volume=175_000_000, short_pct=13.8),
        _us("GME", 4.31, 22.85, volume=7_800_000, short_pct=15.1, move=0.012),
        _us("AMD", 92.3, 214.6, volume=36_000_000, short_pct=14.0),
        _us("BRK.B", 228.54, 492.3, volume=4_300_000, short_pct=12.4, move=0.006),
        _us("SPY", 368.79, 694.2, volume=66_000_000, short_pct=13.0, move=0.006),
        _Listing(  # a recent listing, with less history than the largest request covers
            Symbol("FIG", Market.US), {date(2025, 7, 31): 115.5, _LATER_CLOSE: 41.2}, 9_500_000, 15.4, 0.012
        ),
        _hk("700", 567.0, volume=21_000_000, short_pct=10.5, board_lot=100),
        _hk("9988", 229.4, 121.5, volume=68_000_000, short_pct=13.5, board_lot=100),
        _hk("3690", 301.2, 86.3, volume=41_000_000, short_pct=15.2, board_lot=100),
        _hk("1211", 71.9, 98.6, volume=24_000_000, short_pct=14.6, board_lot=500),
        _hk("5", 40.95, 131.2, volume=19_000_000, short_pct=9.1, board_lot=400),
        _hk("823", 70.4, 37.9, volume=9_200_000, short_pct=17.8, board_lot=100),
        _hk("2800", 27.4, 26.3, volume=310_000_000, short_pct=16.4, board_lot=500),
    )
}


def listings() -> tuple[Symbol, ...]:
    """The symbols of the invented market."""
    return tuple(_LISTINGS)


def days(symbol: Symbol, last: date) -> Sequence[MarketDay]:
    """Every trading day of `symbol` from its first to `last`, oldest first; KeyError where the symbol is not listed."""
    through = _through_year(symbol, last.year)
    return through[: bisect_right(through, last, key=lambda day: day.date)]


@lru_cache(maxsize=64)
def _through_year(symbol: Symbol, year: int) -> tuple[MarketDay, ...]:
    """The days up to the end of a year, cached because neighbouring dates need the same ones."""
    listing = _LISTINGS[symbol]
    closes = dict(sorted({**listing.closes, **CLOSES.get(symbol, {})}.items()))
    dates = trading_days(symbol.market, min(closes), max(date(year, 12, 31), max(closes)))
    draws_by_day = [draws(f"{symbol} {day}") for day in dates]
    prices = list(_prices(listing, dates, closes, draws_by_day))
    # The first day has no previous close: its own close stands in.
    return tuple(
        _with_published_figures(symbol, _day(listing, day, previous, close, draw))
        for day, previous, close, draw in zip(dates, [prices[0], *prices], prices, draws_by_day, strict=False)
    )


def _prices(
    listing: _Listing, dates: Sequence[date], closes: Mapping[date, float], draws_by_day: Sequence[tuple[float, ...]]
) -> Iterator[float]:
    """The close of each of `dates`, which begin with the first date of `closes` and end on or after the last."""
    moves = [listing.move * _roughly_normal(draw[:3]) for draw in draws_by_day]
    fixed = [dates.index(day) for day in closes]
    for start, stop in pairwise(fixed):
        close, drift = closes[dates[start]], math.log(closes[dates[stop]] / closes[dates[start]])
        yield close
        slope = (drift - sum(moves[start + 1 : stop + 1])) / (stop - start)
        log_return = 0.0
        for move in moves[start + 1 : stop]:
            log_return += move + slope
            yield _round_to_tick(listing.symbol.market, close * math.exp(log_return))
    close = closes[dates[fixed[-1]]]
    yield close
    deviation = 0.0
    for move in moves[fixed[-1] + 1 :]:
        deviation = _REVERSION * deviation + move
        yield _round_to_tick(listing.symbol.market, close * math.exp(deviation))


def _day(listing: _Listing, day: date, previous: float, close: float, draw: tuple[float, ...]) -> MarketDay:
    """An invented day with a given close, from the random numbers that `_prices` does not use."""
    market = listing.symbol.market
    gap, busy, busier, bias, noise, trades, shorts, part = draw[3:11]
    open_ = _round_to_tick(market, _interpolated(previous, close, gap))
    surge = 1 + 12 * abs(close / previous - 1)
    volume = round(listing.volume * surge * math.exp(0.8 * (busy + busier - 1)))
    ratio = _bounded(
        market, listing.short_pct * _seasonal_factor(listing.symbol, day) * (1 + 0.16 * (bias + noise - 1))
    )
    short_volume = round(volume * ratio / 100 / listing.board_lot) * listing.board_lot
    nasdaq = round(short_volume * _interpolated(0.55, 0.69, part)) if market is Market.US else None
    return MarketDay(
        date=day,
        open=open_,
        close=close,
        previous_close=previous,
        volume=volume,
        turnover=round(volume * _interpolated(open_, close, trades), 2),
        short_volume=short_volume,
        short_turnover=round(short_volume * _interpolated(open_, close, shorts), 2),
        nasdaq_short_volume=nasdaq,
        nyse_short_volume=None if nasdaq is None else short_volume - nasdaq,
    )


def _with_published_figures(symbol: Symbol, day: MarketDay) -> MarketDay:
    """The day with its published figures, if any; turnover that was not published is scaled to the published volume."""
    if hk := HK_ROWS.get((symbol, day.date)):
        return replace(
            day,
            open=hk.open or day.open,
            volume=hk.volume,
            turnover=hk.turnover or round(day.turnover * hk.volume / day.volume, 2),
            short_volume=hk.short_volume,
            short_turnover=hk.short_turnover,
        )
    if us := US_ROWS.get((symbol, day.date)):
        short_volume = us.nasdaq_short_volume + us.nyse_short_volume
        return replace(
            day,
            volume=us.volume,
            turnover=round(day.turnover * us.volume / day.volume, 2),
            short_volume=short_volume,
            short_turnover=round(day.short_turnover * short_volume / day.short_volume, 2),
            nasdaq_short_volume=us.nasdaq_short_volume,
            nyse_short_volume=us.nyse_short_volume,
        )
    return day


def _seasonal_factor(symbol: Symbol, day: date) -> float:
    """A slowly varying factor of the short ratio around 1, with periods of about a quarter and a year."""
    phase = draws(str(symbol))
    quarter = math.sin(2 * math.pi * (day.toordinal() / 94 + phase[0]))
    year = math.sin(2 * math.pi * (day.toordinal() / 391 + phase[1]))
    return 1 + 0.1 * quarter + 0.12 * year


def _bounded(market: Market, ratio: float) -> float:
    """A short ratio in percent, squeezed by tanh into the market's bounds."""
    low, high = _RATIO_BOUNDS[market]
    middle, half = (low + high) / 2, (high - low) / 2
    return middle + half * math.tanh((ratio - middle) / half)


def _roughly_normal(uniform: Sequence[float]) -> float:
    """The scaled sum of three uniform numbers: mean 0, standard deviation 1, between -3 and 3."""
    return 2 * sum(uniform) - 3


def _interpolated(one: float, other: float, fraction: float) -> float:
    return one + fraction * (other - one)


def _round_to_tick(market: Market, price: float) -> float:
    """The price rounded to the exchange's tick size."""
    if market is Market.US:
        return round(price, 2)
    tick = next((tick for below, tick in _HK_TICKS if price < below), 1.0)
    return round(round(price / tick) * tick, 3)
