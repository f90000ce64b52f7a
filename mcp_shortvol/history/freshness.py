"""How long what was seen of a market's days can be taken for what there is now.

Before a close nothing new can come. From a close on the day's figures may appear at any time and may still move, so
that they are asked for again, ever less often the longer they are overdue: on a holiday they never come. Holidays are
not known here; they cost a few questions too many.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from time import time

from mcp_shortvol.domain.markets import Market

__all__ = ["Freshness"]

_SETTLING = 4 * 3600.0  # after a close: late trades are still counted in, and vendors take their time
_SHORTEST = 300.0
_OVERDUE_SHARE = 0.1


class Freshness:
    """The market's clock; or `seconds`, where they are given, for everything. `now` is Unix time."""

    def __init__(self, seconds: float | None = None, now: Callable[[], float] = time) -> None:
        self._seconds = seconds
        self.now = now

    def today(self, market: Market) -> date:
        """The date it is in a market."""
        return market.date_of(self.now())

    def newest_holds(self, market: Market, newest: date, seen_at: float, *, invented: bool = False) -> bool:
        """Whether `newest`, the newest day there was at `seen_at`, still is, with the figures it had.

        Invented days hold for a few minutes only: where they came from, a real gateway may be started next.
        """
        return self._within(seen_at, _SHORTEST if invented else self._newest_for(market, newest, seen_at))

    def past_holds(self, market: Market, seen_at: float, *, invented: bool = False) -> bool:
        """Whether days that are settled, and were seen at `seen_at`, can be taken as they are: until the next close."""
        return self._within(seen_at, _SHORTEST if invented else _close_after(market, seen_at) - seen_at)

    def beginning_holds(self, seen_at: float) -> bool:
        """Whether a source that had nothing older at `seen_at` still is believed: not for long, it may have erred."""
        return self._within(seen_at, _SHORTEST)

    def just_seen(self, seen_at: float) -> bool:
        """Whether `seen_at` is as good as now, as the pages of one answer are for each other."""
        return 0 <= self.now() - seen_at < _SHORTEST and self._within(seen_at, _SHORTEST)

    def settled_through(self, market: Market, at: float | None = None) -> date:
        """The newest date whose figures were final at a Unix time, by default now."""
        moment = self.now() if at is None else at
        return datetime.fromtimestamp(_close_before(market, moment - _SETTLING), market.zone).date()

    def _newest_for(self, market: Market, newest: date, seen_at: float) -> float:
        closed_at = _close_before(market, seen_at)
        last_closed = market.date_of(closed_at)
        if newest > last_closed:  # a day that is still trading
            return _SHORTEST
        overdue = seen_at - closed_at
        if newest == last_closed and overdue >= _SETTLING:
            return _close_after(market, seen_at) - seen_at
        return max(_SHORTEST, _OVERDUE_SHARE * overdue)

    def _within(self, seen_at: float, seconds: float) -> bool:
        # A time in the future was written by a clock that has been set back since.
        return 0 <= self.now() - seen_at < (seconds if self._seconds is None else self._seconds)


def _close_before(market: Market, moment: float) -> float:
    """The last weekday's close at or before a Unix time."""
    return _close_from(market, moment, timedelta(days=-1))


def _close_after(market: Market, moment: float) -> float:
    """The first weekday's close after a Unix time."""
    return _close_from(market, moment, timedelta(days=1))


def _close_from(market: Market, moment: float, step: timedelta) -> float:
    day = market.date_of(moment)
    back = step < timedelta()
    while True:
        close = market.close(day)
        if day.weekday() < 5 and (close <= moment if back else close > moment):
            return close
        day += step
