"""Futu's rows → ours: one decoder for the two interfaces, which differ in spelling only, and the format of its days.

OpenD spells its fields in camelCase and counts time in seconds, the cloud in snake_case and milliseconds. Every field
may be absent, null, a number or a decimal string. The US total is the volume of all venues, the short volume that of
the Nasdaq exchange and the NYSE group only; closes are adjusted for dividends as of the day of asking. Hong Kong has no
ratio of the day, and `daily_trade_avg_ratio` is in both markets the mean of the 20 trading days up to the row's.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Generic

from mcp_shortvol.domain.errors import UPDATE_OR_REPORT, UpstreamChanged
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_volume import Day, ShortPosition
from mcp_shortvol.sources.scalars import Unreadable, read_float, read_int

__all__ = [
    "CAVEATS",
    "CLOUD_ROWS",
    "OPEND_ROWS",
    "RATIO_BASES",
    "RowFormat",
    "Rows",
    "read_cursor",
    "read_position",
    "read_rows",
]

RATIO_BASES: Mapping[Market, str] = {
    Market.HK: "HKEX shares traded",
    Market.US: "consolidated volume; short sales of the Nasdaq and NYSE exchanges only",
}
"""What Futu's short ratio is a share of."""

CAVEATS: Mapping[Market, str] = {
    Market.HK: "Futu's closes are adjusted for dividends.",
    Market.US: "Off-exchange short sales are not in Futu's figures; its closes are adjusted for dividends.",
}
"""What somebody who quotes Futu's figures must know of them."""

_NO_OLDER_PAGE = (None, "", "-1", -1)
_LONGEST_CURSOR = 256
_LARGEST_CURSOR = 10**18
_ISO_LENGTH = len("YYYY-MM-DD")
_DAY_FIRST_DATE = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")


@dataclass(frozen=True, slots=True)
class RowFormat(Generic[Row]):
    """How an interface spells a market's rows: its keys, by the name of the field of `row` that each one fills."""

    row: type[Row]
    date: str
    timestamp: str
    ticks_per_second: int
    counts: Mapping[str, str]
    amounts: Mapping[str, str]

    def as_in_the_cloud(self) -> "RowFormat[Row]":
        """The same fields as the cloud spells them: in snake_case, time in milliseconds."""
        return RowFormat(
            row=self.row,
            date=_snake(self.date),
            timestamp=_snake(self.timestamp),
            ticks_per_second=1000,
            counts={field: _snake(key) for field, key in self.counts.items()},
            amounts={field: _snake(key) for field, key in self.amounts.items()},
        )


_Figure = tuple[int, str, Callable[[object], float | None]]
"""Its place in our row, its key in Futu's, and what reads it."""


def _snake(key: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", key).lower()


OPEND_ROWS: Mapping[Market, RowFormat[Day]] = {
    Market.US: RowFormat(
        row=Day,
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
        row=Day,
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

CLOUD_ROWS = {market: row_format.as_in_the_cloud() for market, row_format in OPEND_ROWS.items()}


@dataclass(frozen=True, slots=True)
class Rows(Generic[Row]):
    """What stands for a date each, in the order of Futu's rows, and how many of those had no readable date."""

    days: list[Row]
    unreadable: int


def read_rows(items: object, row_format: RowFormat[Row], market: Market) -> Rows[Row]:
    """The rows of one answer's list of rows, absent where there are none.

    Raises UpstreamChanged where there is something and none of it is a row with a date.
    """
    if items is None:
        items = []
    if not isinstance(items, list):
        raise _changed()
    figures = _figures(row_format)
    days = []
    for item in items:
        day = _date(item, row_format, market) if isinstance(item, dict) else None
        if day is not None:
            days.append(_row(row_format.row, day, item, figures))
    if items and not days:
        raise _changed()
    return Rows(days, unreadable=len(items) - len(days))


def read_position(shares: object, pct: object, as_of: object) -> ShortPosition | None:
    """The position that an answer about a Hong Kong stock carries beside its rows; None where there is none.

    It is the SFC's weekly figure of reportable positions, about a week older than the newest row. Its date is
    documented as YYYY-MM-DD and has been seen as DD/MM/YYYY.
    """
    try:
        position = ShortPosition(read_int(shares), read_float(pct), _read_date(as_of))
    except Unreadable:
        return None
    return position if position.shares is not None or position.pct is not None else None


def read_cursor(next_key: object) -> str | None:
    """The key of the next older page, opaque; "-1", empty and absent say that there is none. Raises UpstreamChanged."""
    if any(next_key == end for end in _NO_OLDER_PAGE):
        return None
    if type(next_key) is int and abs(next_key) < _LARGEST_CURSOR:
        return str(next_key)
    if isinstance(next_key, str) and len(next_key) <= _LONGEST_CURSOR and next_key.isprintable():
        return next_key
    raise _changed()


def _figures(row_format: RowFormat[Row]) -> list[_Figure]:
    fields = row_format.row._fields
    figures: list[_Figure] = [(fields.index(field), key, read_int) for field, key in row_format.counts.items()]
    figures += [(fields.index(field), key, read_float) for field, key in row_format.amounts.items()]
    return figures


def _row(kind: type[Row], day: date, item: Mapping[str, object], figures: Sequence[_Figure]) -> Row:
    # By place and not by name, which would take a third longer: there are thousands of figures in a long history.
    read: list[object] = [None] * len(kind._fields)
    damaged = False
    for place, key, reader in figures:
        try:
            read[place] = reader(item.get(key))
        except Unreadable:
            damaged = True
    read[0], read[-1] = day, damaged
    return kind._make(read)


def _date(row: Mapping[str, object], row_format: RowFormat[Row], market: Market) -> date | None:
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
        UPDATE_OR_REPORT,
    )
