"""Longbridge's lists of rows → dated rows, whatever their cells mean.

Both documented shapes are read: the rows under `data.data` with Unix seconds, and the rows as `data` itself with
RFC 3339 times. Every cell may be a string, a number, or missing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from mcp_shortvol.domain.errors import UPDATE_OR_REPORT, UpstreamChanged
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.sources.scalars import Unreadable, read_float, read_int

__all__ = ["Cells", "RowReaders", "Rows", "read_rows"]

# A time before 1990 is damage, and would be taken for the start of the history; one after 5138 is not in seconds.
_TIMESTAMPS = range(631_152_000, 10**11)

T = TypeVar("T")


@dataclass(slots=True)
class Rows(Generic[Row]):
    """The rows of one answer as they came, the oldest one's timestamp, and how many could not be read."""

    days: list[Row] = field(default_factory=list)
    oldest: int | None = None
    unreadable: int = 0


def read_rows(data: object, reader: "RowReader[Row]") -> Rows[Row]:
    """The rows in the `data` of an answer; raises UpstreamChanged where it holds none or none that can be read."""
    rows: Rows[Row] = Rows()
    for row in _list_in(data):
        timestamp = _timestamp(row)
        if timestamp is None or not isinstance(row, dict):
            rows.unreadable += 1
            continue
        rows.days.append(reader(Cells(row), timestamp))
        rows.oldest = timestamp if rows.oldest is None else min(rows.oldest, timestamp)
    if rows.unreadable and not rows.days:
        raise UpstreamChanged(
            f"Longbridge sent {rows.unreadable} rows, and none has a date that can be read.",
            UPDATE_OR_REPORT,
        )
    return rows


def _list_in(data: object) -> Sequence[object]:
    rows = data.get("data", data) if isinstance(data, dict) else data
    if rows is None:
        return ()
    if not isinstance(rows, list):
        raise UpstreamChanged("Longbridge's answer holds no list of rows.", UPDATE_OR_REPORT)
    return rows


def _timestamp(row: object) -> int | None:
    """Unix seconds of a row, None where they cannot be read or lie outside the calendar."""
    value = row.get("timestamp") if isinstance(row, dict) else None
    try:
        seconds = read_int(value)
    except Unreadable:
        seconds = _rfc3339(value)
    # A range looks for None one number after the other.
    return seconds if seconds is not None and seconds in _TIMESTAMPS else None


def _rfc3339(value: object) -> int | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and value.isascii() else None
        return int(moment.timestamp()) if moment is not None and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


class Cells:
    """A row's cells by name; `damaged` becomes True once one was there and could not be read."""

    def __init__(self, row: Mapping[str, object]) -> None:
        self._row = row
        self.damaged = False

    def shares(self, name: str) -> int | None:
        """A count of shares."""
        return self._read(name, read_int)

    def amount(self, name: str) -> float | None:
        """A price, a quotient or an amount of money."""
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


RowReader = Callable[[Cells, int], Row]
"""Makes a row of ours of the cells and the timestamp of one of Longbridge's; timestamps are midnight in the market."""

RowReaders = Mapping[Market, RowReader[Row]]
