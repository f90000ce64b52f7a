"""The two markets covered: their time zones, closing times and currencies.

A trading date is the market's own date. Vendors send the instant of midnight in the market's time zone, which in UTC
is the day before for Hong Kong; `Market` has the only conversion.
"""

from datetime import UTC, date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

__all__ = ["Market", "weekdays"]

_ZONES = {"US": "America/New_York", "HK": "Asia/Hong_Kong"}
_CURRENCIES = {"US": "USD", "HK": "HKD"}
_NAMES = {"US": "US", "HK": "Hong Kong"}
# Hong Kong's closing auction ends at random within the eight minutes after four.
_CLOSES = {"US": time(16, 0), "HK": time(16, 10)}


class Market(StrEnum):
    """A market whose stocks are covered."""

    US = "US"
    HK = "HK"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone whose midnight begins a trading date."""
        return ZoneInfo(_ZONES[self])

    @property
    def currency(self) -> str:
        """ISO 4217 code of prices and turnover."""
        return _CURRENCIES[self]

    @property
    def full_name(self) -> str:
        """The market's name in English."""
        return _NAMES[self]

    def date_of(self, timestamp: float) -> date:
        """The market's date at a Unix time in seconds; raises ValueError or OverflowError outside years 1 to 9999."""
        return datetime.fromtimestamp(timestamp, UTC).astimezone(self.zone).date()

    def midnight(self, day: date) -> int:
        """Unix time in seconds at which `day` begins in the market."""
        return int(datetime.combine(day, time(), self.zone).timestamp())

    def close(self, day: date) -> float:
        """Unix time in seconds at which a full day's trading ends."""
        return datetime.combine(day, _CLOSES[self], self.zone).timestamp()

    def today(self) -> date:
        """The current date in the market."""
        return datetime.now(self.zone).date()


def weekdays(after: date, until: date) -> int:
    """Mondays to Fridays later than `after` and not later than `until`; negative where `until` is earlier.

    This is an upper bound of the trading days, which `calendar` counts. Computed by arithmetic, because a damaged date
    may be millennia away.
    """
    return _weekdays_through(until) - _weekdays_through(after)


def _weekdays_through(day: date) -> int:
    weeks, rest = divmod(day.toordinal(), 7)  # ordinal 1 is a Monday
    return 5 * weeks + min(rest, 5)
