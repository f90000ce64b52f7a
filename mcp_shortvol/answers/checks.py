"""Checks of a series, each with the sentence that reports its failure.

Every check is a pure function of a series and of the current date in its market. It returns one short sentence where
something is wrong, otherwise None. A series without findings may be quoted as it is.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from mcp_shortvol.answers.totals import both_volumes
from mcp_shortvol.domain.calendar import (
    count_trading_days,
    holiday_name,
    known_years,
    next_trading_day,
    previous_trading_day,
)
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Series

__all__ = ["findings"]

# Longbridge sends 4 decimals of a fraction, Futu cuts percents to 3 decimals (wire/*.md): this is beyond either.
_RATIO_TOLERANCE_PP = 0.02
_PRICE_TOLERANCE = 0.15
_LEAST_DAYS = 5  # to speak of "every day" or of a usual volume
_PRICE_STEP = 0.4  # of the close before; every split into two or more is a larger one
_SPLIT_FACTORS = (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100)
_SPLIT_TOLERANCE = 0.06  # a day's ordinary move on top of a split
_STALE_TRADING_DAYS = 5
_ONE_DAY = timedelta(days=1)
_FRIDAY = 4
_THIN_SHARE = 0.1
_THIN_SHARES = 1000


def findings(series: Series, today: date) -> list[str]:
    """One sentence of at most 160 characters for each check that fails, the most important first.

    `today` is the date it is in the market of `series`; its days come newest first.
    """
    return [sentence for check in _CHECKS if (sentence := check(series, today))]


def _unreadable_rows(series: Series, _today: date) -> str | None:
    if not series.unreadable:
        return None
    return f"{_count(series.unreadable, 'row')} without a date that can be one had to be left out: days may be missing."


def _damaged_figures(series: Series, _today: date) -> str | None:
    if not series.damaged:
        return None
    return f"Figures of {_count(series.damaged, 'day')} could not be read and are null here: they are unknown, not 0."


def _volumes_missing(series: Series, _today: date) -> str | None:
    unknown = [
        day.date
        for day in series.days
        if (day.short_volume is None or day.total_volume is None) and day.source_ratio_pct is None and not day.damaged
    ]
    if not unknown:
        return None
    return f"{_on(unknown)} the source gave no volumes: the ratio is unknown, not 0."


def _short_above_total(series: Series, _today: date) -> str | None:
    above = [day.date for day in series.days if (volumes := both_volumes(day)) and volumes[0] > volumes[1]]
    if not above:
        return None
    return f"{_on(above)} more shares were sold short than traded: a ratio above 100 % is not to be quoted."


def _source_ratio_disagrees(series: Series, _today: date) -> str | None:
    apart = [
        (day.date, own, ratio)
        for day in series.days
        if (own := day.source_ratio_pct) is not None
        and both_volumes(day)
        and (ratio := day.short_ratio_pct) is not None
        if abs(own - ratio) > _RATIO_TOLERANCE_PP
    ]
    if not apart:
        return None
    _, own, ratio = apart[0]
    when = _on([day for day, *_ in apart])
    return f"{when} the source's own ratio ({own:.2f} %) is not that of the row's volumes ({ratio:.2f} %)."


def _average_price_far_from_close(series: Series, _today: date) -> str | None:
    if series.question.symbol.market is not Market.HK:
        return None
    far = [
        (day.date, average, day.close)
        for day in series.days
        if day.short_volume and day.short_turnover is not None and day.close
        if abs((average := day.short_turnover / day.short_volume) / day.close - 1) > _PRICE_TOLERANCE
    ]
    if not far:
        return None
    _, average, close = far[0]
    when = _on([day for day, *_ in far])
    prices = f"the average short price ({_price(average)}) is far from the close ({_price(close)})"
    return f"{when} {prices}: a field may be mislabelled."


def _price_step(series: Series, _today: date) -> str | None:
    steps = [
        (older.close, newer.close, f"from {_price(older.close)} ({older.date}) to {_price(newer.close)} ({newer.date})")
        for newer, older in pairwise(series.days)
        if newer.close and older.close and abs(newer.close - older.close) >= _PRICE_STEP * older.close
    ]
    if not steps:
        return None
    before, after, step = max(steps, key=lambda step: _times(step[0], step[1]))
    return f"The close goes {step}: if {_event(before, after)}, share counts before and after are not comparable."


def _event(before: float, after: float) -> str:
    """What may have made one close into the next."""
    shares = _times(before, after)
    nearest = min(_SPLIT_FACTORS, key=lambda split: abs(shares / split - 1))
    if abs(shares / nearest - 1) > _SPLIT_TOLERANCE:
        return "a split or consolidation"
    return f"a {nearest}-for-1 split" if after < before else f"a 1-for-{nearest} consolidation"


def _times(price: float, other: float) -> float:
    """How many times the smaller price the larger one is."""
    return max(price, other) / min(price, other)


def _trading_days_missing(series: Series, _today: date) -> str | None:
    """Trading days between the oldest and the newest row that have no row."""
    market = series.question.symbol.market
    gaps = [gap for newer, older in pairwise(series.days) if (gap := _gap(market, older.date, newer.date))]
    if not gaps:
        return None
    missing, last, first = sum(gap.days for gap in gaps), gaps[0].last, gaps[-1].first
    if missing == 1:
        what, them = f"No row for {first}, a trading day", "it"
    else:
        what, them = f"No rows for {missing:,} trading days, the first {first}, the last {last}", "them"
    if series.unreadable:
        return f"{what}: perhaps among the rows that could not be read."
    # The calendar learns of Hong Kong's severe-weather closings only afterwards; each lasts one day.
    closed = "perhaps the exchange was closed; else " if market is Market.HK and missing == len(gaps) else ""
    return f"{what}: {closed}a suspension, or the source left {them} out."


class _Gap(NamedTuple):
    """Consecutive trading days without a row: how many, the first and the last."""

    days: int
    first: date
    last: date


def _gap(market: Market, older: date, newer: date) -> _Gap | None:
    """The trading days between two rows, within the years that the calendar knows; None where there are none."""
    known = known_years(market)
    after = max(older, date(known.start - 1, 12, 31))
    before = min(newer, date(known.stop, 1, 1))
    days = count_trading_days(market, after, before - _ONE_DAY)
    if days <= 0:
        return None
    return _Gap(days, next_trading_day(market, after), previous_trading_day(market, before))


def _newest_day_old(series: Series, today: date) -> str | None:
    if not series.days:
        return None
    # A question about the past is answered by old days; whoever asks beyond today is asking about now.
    wanted = min(today, series.question.end or today)
    newest = series.days[0].date
    if newest >= wanted:
        return None
    # The row of the last day itself may not be published yet.
    age = count_trading_days(series.question.symbol.market, newest, wanted - _ONE_DAY) + 1
    if age <= _STALE_TRADING_DAYS:
        return None
    until = "today" if wanted == today else f"the end asked for, {wanted}"
    return f"The newest day, {newest}, is {age:,} trading days before {until}: a suspension, or a source that lags."


def _weekday_was_a_holiday(series: Series, today: date) -> str | None:
    """Who asks for yesterday after a holiday gets an older day; the answer says why."""
    market = series.question.symbol.market
    if not series.days or (series.question.end or today) < today:
        return None
    before = today - _ONE_DAY
    while before.weekday() > _FRIDAY:
        before -= _ONE_DAY
    newest = series.days[0].date
    if newest >= before or before.year not in known_years(market) or count_trading_days(market, newest, before) > 0:
        return None
    holiday = holiday_name(market, before)
    return f"{before} was {holiday}: the newest {market} day is {newest}."


def _latest_day_thin(series: Series, _today: date) -> str | None:
    traded = [(day.date, volumes[1]) for day in series.days if (volumes := both_volumes(day))]
    if not traded:
        return None
    (latest, volume), others = traded[0], sorted(volume for _, volume in traded[1:])
    if len(others) >= _LEAST_DAYS and volume < _THIN_SHARE * (usual := others[len(others) // 2]):
        return f"Only {volume:,} shares traded on {latest}, a usual day has {usual:,}: that day's ratio means little."
    if volume < _THIN_SHARES:
        return f"Only {_count(volume, 'share')} traded on {latest}: that day's ratio means little."
    return None


_CHECKS: Sequence[Callable[[Series, date], str | None]] = (
    _unreadable_rows,
    _damaged_figures,
    _volumes_missing,
    _short_above_total,
    _source_ratio_disagrees,
    _average_price_far_from_close,
    _price_step,
    _trading_days_missing,
    _newest_day_old,
    _weekday_was_a_holiday,
    _latest_day_thin,
)
"""Most important first: lost days, then figures that are wrong, then figures that mislead."""


def _on(newest_first: Sequence[date]) -> str:
    """When something happened: the newest day, and how many others."""
    others = len(newest_first) - 1
    return f"On {newest_first[0]}" + (f" and {_count(others, 'other day')}" if others else "")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _price(price: float) -> str:
    """Every digit of an ordinary price, few of an absurd one."""
    return f"{price:,.6g}"
