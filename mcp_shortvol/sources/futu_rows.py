"""Futu's rows of daily short volume → days: one decoder for the two interfaces, which differ in spelling only.

OpenD spells its fields in camelCase and counts time in seconds, the cloud in snake_case and milliseconds. Every field
may be absent, null, a number or a decimal string. US volumes are consolidated over the exchanges; Hong Kong has no
ratio of the day, and `daily_trade_avg_ratio` is in both markets the mean of the 20 trading days up to the row's.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mcp_shortvol.errors import UpstreamChanged
from mcp_shortvol.markets import Market
from mcp_shortvol.series import Day, ShortPosition
from mcp_shortvol.sources.scalars import Unreadable, read_float, read_int

__all__ = ["CLOUD_ROWS", "OPEND_ROWS", "RowFormat", "Rows", "read_cursor", "read_position", "read_rows"]

_NO_OLDER_PAGE = (None, "", "-1", -1)
_LONGEST_CURSOR = 256
_ISO_LENGTH = len("YYYY-MM-DD")
_FIGURES = Day._fields[1:-1]  # all between the date and whether the day is damaged
_DAY_FIRST_DATE = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")


@dataclass(frozen=True, slots=True)
class RowFormat:
    """How an interface spells a market's rows: its keys, by the name of the `Day` field each one fills."""

    date: str
    timestamp: str
    ticks_per_second: int
    counts: Mapping[str, str]
    amounts: Mapping[str, str]

    def figures(self) -> "Sequence[_Figure]":
        """Every figure, by its place in a `Day`."""
        counts = [(_FIGURES.index(field), key, read_int) for field, key in self.counts.items()]
        amounts = [(_FIGURES.index(field), key, read_float) for field, key in self.amounts.items()]
        return [*counts, *amounts]

    def in_snake_case(self, ticks_per_second: int) -> "RowFormat":
        """The same fields as the cloud spells them."""
        return RowFormat(
            date=_snake(self.date),
            timestamp=_snake(self.timestamp),
            ticks_per_second=ticks_per_second,
            counts={field: _snake(key) for field, key in self.counts.items()},
            amounts={field: _snake(key) for field, key in self.amounts.items()},
        )


_Figure = tuple[int, str, Callable[[object], float | None]]
"""Its place among a day's figures, its key in a row, and what reads it."""


def _snake(key: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", key).lower()


OPEND_ROWS: Mapping[Market, RowFormat] = {
    Market.US: RowFormat(
        date="timestampStr",
        timestamp="timestamp",
        ticks_per_second=1,
        counts={
            "short_volume": "totalSharesShort",
            "total_volume": "volume",
            "nasdaq_short_volume": "nasdaqSharesShort",
            "nyse_short_volume": "nyseSharesShort",
        },
        amounts={
            "close": "closePrice",
            "previous_close": "lastClosePrice",
            "source_ratio_pct": "shortPercent",
            "average_ratio_20d_pct": "dailyTradeAvgRatio",
        },
    ),
    Market.HK: RowFormat(
        date="timestampStr",
        timestamp="timestamp",
        ticks_per_second=1,
        counts={"short_volume": "shortSellSharesTraded", "total_volume": "sharesTraded"},
        amounts={
            "short_turnover": "shortSellTurnover",
            "total_turnover": "turnover",
            "open": "openPrice",
            "close": "closePrice",
            "previous_close": "lastClosePrice",
            "average_ratio_20d_pct": "dailyTradeAvgRatio",
        },
    ),
}

CLOUD_ROWS: Mapping[Market, RowFormat] = {
    market: row_format.in_snake_case(ticks_per_second=1000) for market, row_format in OPEND_ROWS.items()
}


@dataclass(frozen=True, slots=True)
class Rows:
    """Days in the order of their rows, and how many rows had no readable date."""

    days: list[Day]
    unreadable: int


def read_rows(items: object, row_format: RowFormat, market: Market) -> Rows:
    """The days of one answer's list of rows, absent where there are none.

    Raises UpstreamChanged where there is something and none of it is a row with a date.
    """
    if items is None:
        items = []
    if not isinstance(items, list):
        raise _changed()
    figures = row_format.figures()
    days = []
    for item in items:
        day = _date(item, row_format, market) if isinstance(item, dict) else None
        if day is not None:
            days.append(_day(day, item, figures))
    if items and not days:
        raise _changed()
    return Rows(days, unreadable=len(items) - len(days))


def read_position(shares: object, pct_of_issued: object, as_of: object) -> ShortPosition | None:
    """The position that an answer about a Hong Kong stock carries beside its rows; None where there is none.

    It is the SFC's weekly figure of reportable positions, about a week older than the newest row. Its date is
    documented as YYYY-MM-DD and has been seen as DD/MM/YYYY.
    """
    try:
        position = ShortPosition(read_int(shares), read_float(pct_of_issued), _read_date(as_of))
    except Unreadable:
        return None
    return position if position.shares is not None or position.pct_of_issued is not None else None


def read_cursor(next_key: object) -> str | None:
    """The key of the next older page, opaque; "-1", empty and absent say that there is none. Raises UpstreamChanged."""
    if any(next_key == end for end in _NO_OLDER_PAGE):
        return None
    if type(next_key) is int:
        return str(next_key)
    if isinstance(next_key, str) and len(next_key) <= _LONGEST_CURSOR and next_key.isprintable():
        return next_key
    raise _changed()


def _day(day: date, row: Mapping[str, object], figures: Sequence[_Figure]) -> Day:
    # By place and not by name, which would take a third longer: there are thousands of figures in a long history.
    read: list[float | None] = [None] * len(_FIGURES)
    damaged = False
    for place, key, reader in figures:
        try:
            read[place] = reader(row.get(key))
        except Unreadable:
            damaged = True
    return Day._make((day, *read, damaged))


def _date(row: Mapping[str, object], row_format: RowFormat, market: Market) -> date | None:
    """The trading date: as written, or else the market's date at the timestamp, which is midnight there."""
    if written := _read_date(row.get(row_format.date)):
        return written
    try:
        timestamp = read_int(row.get(row_format.timestamp))
        return market.date_of(timestamp / row_format.ticks_per_second) if timestamp else None
    except (Unreadable, ValueError, OverflowError, OSError):
        return None


def _read_date(text: object) -> date | None:
    if not isinstance(text, str):
        return None
    try:
        if len(text) == _ISO_LENGTH and text[4] == text[7] == "-":  # of the ISO forms this alone has days and months
            return date.fromisoformat(text)
        if parts := _DAY_FIRST_DATE.fullmatch(text):
            day, month, year = parts.groups()
            return date(int(year), int(month), int(day))
    except ValueError:
        pass
    return None


def _changed() -> UpstreamChanged:
    return UpstreamChanged(
        "Futu answered with rows that cannot be read here.",
        "Update mcp-shortvol; if it is the newest already, report this.",
    )
