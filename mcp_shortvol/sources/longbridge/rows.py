"""Longbridge's rows of short trades → days.

The fields mean what arithmetic says, not what the vendor's pages say: in Hong Kong `amount` is shares and `balance` the
HKD value of those sales; in the US `total_amount` is total volume, and short volume is the sum of the Nasdaq and the
NYSE part; `rate` is a fraction. Both documented shapes are read: the rows under `data.data` with Unix seconds, and the
rows as `data` itself with RFC 3339 times. Every cell may be a string, a number, or missing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from mcp_shortvol.errors import UpstreamChanged
from mcp_shortvol.markets import Market
from mcp_shortvol.series import Day
from mcp_shortvol.sources.scalars import Unreadable, read_float, read_int

__all__ = ["Rows", "read_rows"]

_LAST_TIMESTAMP = 10**11  # year 5138: a larger one is not in seconds

T = TypeVar("T")


@dataclass(slots=True)
class Rows:
    """The days of one answer as they came, the oldest row's timestamp, and how many rows could not be read."""

    days: list[Day] = field(default_factory=list)
    oldest: int | None = None
    unreadable: int = 0


def read_rows(data: object, market: Market) -> Rows:
    """The rows in the `data` of an answer; raises UpstreamChanged where it holds none or none that can be read."""
    rows = Rows()
    for row in _list_in(data):
        timestamp = _timestamp(row)
        if timestamp is None or not isinstance(row, dict):
            rows.unreadable += 1
            continue
        rows.days.append(_DAYS[market](_Cells(row), timestamp))
        rows.oldest = timestamp if rows.oldest is None else min(rows.oldest, timestamp)
    if rows.unreadable and not rows.days:
        raise UpstreamChanged(
            f"Longbridge sent {rows.unreadable} rows, and none has a date that can be read.",
            "Report this: the interface seems to have changed.",
        )
    return rows


def _list_in(data: object) -> Sequence[object]:
    rows = data.get("data", data) if isinstance(data, dict) else data
    if rows is None:
        return ()
    if not isinstance(rows, list):
        raise UpstreamChanged(
            "Longbridge's answer holds no list of days.", "Report this: the interface seems to have changed."
        )
    return rows


def _timestamp(row: object) -> int | None:
    """Unix seconds of a row, None where they cannot be read or lie outside the calendar."""
    value = row.get("timestamp") if isinstance(row, dict) else None
    try:
        seconds = read_int(value)
    except Unreadable:
        seconds = _rfc3339(value)
    return seconds if seconds is not None and 0 < seconds < _LAST_TIMESTAMP else None


def _rfc3339(value: object) -> int | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and value.isascii() else None
        return int(moment.timestamp()) if moment is not None and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


class _Cells:
    """A row's cells by name; `damaged` becomes True once one was there and could not be read."""

    def __init__(self, row: Mapping[str, object]) -> None:
        self._row = row
        self.damaged = False

    def shares(self, name: str) -> int | None:
        return self._read(name, read_int)

    def amount(self, name: str) -> float | None:
        return self._read(name, read_float)

    def percent(self, name: str) -> float | None:
        """A fraction on the wire, as a percentage with the fraction's own four decimals."""
        fraction = self.amount(name)
        return None if fraction is None else round(100 * fraction, 4)

    def _read(self, name: str, read: Callable[[object], T]) -> T | None:
        try:
            return read(self._row.get(name))
        except Unreadable:
            self.damaged = True
            return None


def _hong_kong(cells: _Cells, timestamp: int) -> Day:
    return Day(
        date=Market.HK.date_of(timestamp),
        short_volume=cells.shares("amount"),
        total_volume=cells.shares("total_amount"),
        close=cells.amount("close"),
        short_turnover=cells.amount("balance"),
        source_ratio_pct=cells.percent("rate"),
        damaged=cells.damaged,
    )


def _united_states(cells: _Cells, timestamp: int) -> Day:
    nasdaq, nyse = cells.shares("nus_amount"), cells.shares("ny_amount")
    return Day(
        date=Market.US.date_of(timestamp),
        short_volume=None if nasdaq is None or nyse is None else nasdaq + nyse,
        total_volume=cells.shares("total_amount"),
        close=cells.amount("close"),
        source_ratio_pct=cells.percent("rate"),
        nasdaq_short_volume=nasdaq,
        nyse_short_volume=nyse,
        damaged=cells.damaged,
    )


_DAYS: Mapping[Market, Callable[[_Cells, int], Day]] = {Market.HK: _hong_kong, Market.US: _united_states}
