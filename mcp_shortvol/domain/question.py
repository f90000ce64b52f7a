"""What a caller asks: a symbol, and which of its trading days.

count alone              the newest `count` trading days
start, with or without end   every trading day between, at most 1000
end and count            the newest `count` days on or before `end`
all three                at most `count` newest days of the range
"""

from dataclasses import dataclass
from datetime import date

from mcp_shortvol.domain.errors import InvalidRequest
from mcp_shortvol.domain.symbols import Symbol

__all__ = ["EARLIEST", "MAX_DAYS", "Question"]

MAX_DAYS = 1000
# No vendor's figures of short selling reach back so far: an earlier date is a slip, or damage on the wire.
EARLIEST = date(1990, 1, 1)


@dataclass(frozen=True, slots=True)
class Question:
    """A symbol and the trading days wanted of it; `count` is None where the dates alone decide."""

    symbol: Symbol
    count: int | None
    start: date | None = None
    end: date | None = None

    @classmethod
    def of(
        cls, symbol: Symbol, *, count: int | None, start: date | None, end: date | None, default_count: int
    ) -> "Question":
        """The question a caller means; raises InvalidRequest where no day could answer it."""
        if count is not None and not 1 <= count <= MAX_DAYS:
            raise InvalidRequest(f"count is {count}.", f"Ask for 1 to {MAX_DAYS} trading days.")
        if start and end and start > end:
            raise InvalidRequest(
                f"start_date {start} is after end_date {end}.",
                "Give the older date as start_date, for example start_date=2026-04-01, end_date=2026-04-30.",
            )
        if end and end < EARLIEST:
            raise InvalidRequest(
                f"end_date {end} is before any figures of short selling.", f"Give a date from {EARLIEST} on."
            )
        today = symbol.market.today()
        if start and start > today:
            raise InvalidRequest(
                f"start_date {start} is in the future: in {symbol.market.full_name} it is {today}.",
                "Give a start_date in the past, or only a count.",
            )
        if count is None and start is None:
            count = default_count
        return cls(symbol=symbol, count=count, start=start, end=end)

    @property
    def limit(self) -> int:
        """The most days an answer may hold."""
        return self.count or MAX_DAYS

    def includes(self, day: date) -> bool:
        """Whether a trading date lies in the range asked for."""
        return (self.start is None or day >= self.start) and (self.end is None or day <= self.end)
