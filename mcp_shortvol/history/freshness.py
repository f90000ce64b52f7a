"""How long rows that were fetched from a source stay current, by the market's trading calendar.

Nothing new appears before the close of a trading day, so nothing is fetched on weekends and holidays. From a close on,
the day's row may appear at any time, and its figures may still change for some hours. Until the row is there, it is
asked for again at growing intervals: on an unscheduled closing, as for a typhoon, it never appears.
"""

from collections.abc import Callable
from datetime import date, timedelta
from time import time

from mcp_shortvol.domain.calendar import is_trading_day, previous_trading_day
from mcp_shortvol.domain.markets import Market

__all__ = ["Freshness"]

_ONE_DAY = timedelta(days=1)
_SETTLING = 4 * 3600.0  # after a close: late trades are still added, and vendors publish late
_SHORTEST = 300.0
_OVERDUE_SHARE = 0.1


class Freshness:
    """Decides from the market's closes whether rows are current; or from `seconds`, where given, for every row.

    `now` returns the Unix time.
    """

    def __init__(self, seconds: float | None = None, now: Callable[[], float] = time) -> None:
        self._seconds = seconds
        self.now = now

    def today(self, market: Market) -> date:
        """The current date in a market."""
        return market.date_of(self.now())

    def newest_holds(self, market: Market, newest: date, seen_at: float, *, invented: bool = False) -> bool:
        """Whether `newest`, the newest row at `seen_at`, is still the newest one, with unchanged figures.

        Rows of the sandbox stay current for a few minutes only: a real gateway may be started at its address next.
        """
        return self._within(seen_at, _SHORTEST if invented else self._newest_for(market, newest, seen_at))

    def past_holds(self, market: Market, seen_at: float, *, invented: bool = False) -> bool:
        """Whether settled rows fetched at `seen_at` are current: until the next close."""
        return self._within(seen_at, _SHORTEST if invented else _close_after(market, seen_at) - seen_at)

    def day_holds(self, market: Market, day: date, seen_at: float, settling_days: int, *, invented: bool) -> bool:
        """Whether the whole market of `day`, seen at a Unix time, is still as the source has it.

        Final once the source corrects it no more. Until some hours after the close the list may still grow, and is
        looked at again at growing intervals; then it holds until the next close.
        """
        if invented:
            return self._within(seen_at, _SHORTEST)
        if day <= self.settled_through(market, seen_at, settling_days):
            return True
        after_the_close = seen_at - market.close(day)
        if after_the_close < _SETTLING:
            return self._within(seen_at, max(_SHORTEST, _OVERDUE_SHARE * after_the_close))
        return self.past_holds(market, seen_at)

    def beginning_holds(self, seen_at: float) -> bool:
        """Whether a source that had nothing older at `seen_at` still has nothing older; briefly, it may have erred."""
        return self._within(seen_at, _SHORTEST)

    def just_seen(self, seen_at: float) -> bool:
        """Whether `seen_at` is so recent that its page can be used beside one fetched now."""
        return 0 <= self.now() - seen_at < _SHORTEST and self._within(seen_at, _SHORTEST)

    def settled_through(self, market: Market, at: float, settling_days: int = 0) -> date:
        """The newest trading day whose figures were final at a Unix time, in a source that corrects those after it."""
        day = market.date_of(_close_before(market, at - _SETTLING))
        for _ in range(settling_days):
            day = previous_trading_day(market, day)
        return day

    def _newest_for(self, market: Market, newest: date, seen_at: float) -> float:
        closed_at = _close_before(market, seen_at)
        last_closed = market.date_of(closed_at)
        if newest > last_closed:  # a day that is still trading
            return _SHORTEST
        overdue = seen_at - closed_at
        until_next_close = _close_after(market, seen_at) - seen_at
        if newest == last_closed and overdue >= _SETTLING:
            return until_next_close
        return min(max(_SHORTEST, _OVERDUE_SHARE * overdue), until_next_close)

    def _within(self, seen_at: float, seconds: float) -> bool:
        # A time in the future was written before the clock was set back.
        return 0 <= self.now() - seen_at < (seconds if self._seconds is None else self._seconds)


def _close_before(market: Market, moment: float) -> float:
    """The last trading day's close at or before a Unix time."""
    day = market.date_of(moment)
    while not is_trading_day(market, day) or market.close(day) > moment:
        day -= _ONE_DAY
    return market.close(day)


def _close_after(market: Market, moment: float) -> float:
    """The first trading day's close after a Unix time."""
    day = market.date_of(moment)
    while not is_trading_day(market, day) or market.close(day) <= moment:
        day += _ONE_DAY
    return market.close(day)
