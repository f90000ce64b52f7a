"""What the days should obey, and the sentence for each way in which they do not.

Every check is a pure function of a series and of the date it is in the market. It returns one short sentence where
something is wrong and None where all is well: a caller who is told nothing may quote the numbers.
"""

from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise

from mcp_shortvol.answers.totals import both_volumes
from mcp_shortvol.domain.markets import Market, weekdays
from mcp_shortvol.domain.short_volume import Series

__all__ = ["findings"]

# Longbridge sends 4 decimals of a fraction, Futu cuts percents to 3 decimals (wire/*.md): this is beyond either.
_RATIO_TOLERANCE_PP = 0.02
_PRICE_TOLERANCE = 0.15
_LEAST_DAYS = 5  # to speak of "every day" or of a usual volume
_PRICE_STEP = 0.4  # of the close before; every split into two or more is a larger one
_SPLIT_FACTORS = (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100)
_SPLIT_TOLERANCE = 0.06  # a day's ordinary move on top of a split
_MISSING_WEEKDAYS = 4  # New York closed four in September 2001; no holidays of either market are longer
_STALE_WEEKDAYS = 5
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


def _nyse_part_always_zero(series: Series, _today: date) -> str | None:
    if series.question.symbol.market is not Market.US:
        return None
    parts = [day.nyse_short_volume for day in series.days if day.nasdaq_short_volume]
    if len(parts) < _LEAST_DAYS or any(part != 0 for part in parts):
        return None
    return "The NYSE part is 0 on every day: the short volume may be incomplete."


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


def _weekdays_missing(series: Series, _today: date) -> str | None:
    gaps = [
        (weekdays(older.date, newer.date) - (newer.date.weekday() < 5), older.date, newer.date)
        for newer, older in pairwise(series.days)
        if newer.date.toordinal() - older.date.toordinal() > _MISSING_WEEKDAYS
    ]
    missing, before, after = max(gaps, key=lambda gap: gap[0], default=(0, date.min, date.min))
    if missing <= _MISSING_WEEKDAYS:
        return None
    return f"{missing:,} weekdays in a row have no row, between {before} and {after}: a suspension, or lost days."


def _newest_day_old(series: Series, today: date) -> str | None:
    if not series.days:
        return None
    # A question about the past is answered by old days; whoever asks beyond today is asking about now.
    wanted = min(today, series.question.end or today)
    newest = series.days[0].date
    age = weekdays(newest, wanted)
    if age <= _STALE_WEEKDAYS:
        return None
    until = "today" if wanted == today else f"the end asked for, {wanted}"
    return f"The newest day, {newest}, is {age:,} weekdays before {until}: a suspension, or a source that lags."


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
    _nyse_part_always_zero,
    _price_step,
    _weekdays_missing,
    _newest_day_old,
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
