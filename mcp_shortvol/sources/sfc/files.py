"""One of the SFC's weekly files: where it lies, and its text → the positions of every stock.

    Date, Stock Code, Stock Name, Aggregated Reportable Short Positions (Shares), the same (HK$)
    17/04/2026,5,HSBC HOLDINGS,64312593,9100231910

Cells come out of a spreadsheet: "1,234", "$ 5", "n.a.", and 1.18734E+11, which is rounded and so no figure. Names are
untrusted and left out. A week that is not published answers with an HTML page.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from io import StringIO
from typing import NamedTuple, Protocol

from mcp_shortvol.domain.errors import UPDATE_OR_REPORT, UpstreamChanged, UpstreamFault
from mcp_shortvol.sources.scalars import Unreadable, read_float, read_int

__all__ = ["PATH", "Position", "Week", "WeekKeeper", "path_of", "read_week"]

PATH = "/-/media/EN/pdf/spr/{year}/{month}/{day}/Short_Position_Reporting_Aggregated_Data_{date}.csv"
"""The path of a file; the parts of its date are put in."""

_BEGINS = "Date,"
_CODE = re.compile(r"0*([1-9][0-9]{0,4})")
_WITHOUT = frozenset({"", "-", "n.a.", "na", "n/a"})
_ROUNDED = re.compile(r"(?m)^.*[0-9]E\+[0-9].*$")
_COLUMNS = 5


class Position(NamedTuple):
    """Shares short and their value in HKD; None where unknown. `damaged` where a figure could not be read."""

    shares: int | None
    value: float | None
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Week:
    """The positions of one reporting date by stock code, and whether they are invented.

    `sound` says that the file came whole: what it could not say, it never will.
    """

    date: date
    positions: Mapping[str, Position]
    invented: bool = False
    sound: bool = True


class WeekKeeper(Protocol):
    """Keeps weeks, because one file answers every stock. It may forget at any time, and raises no failure."""

    async def load(self, upstream: str, day: date) -> Week | None:
        """The week of a reporting date; None where it is not kept."""

    async def keep(self, upstream: str, week: Week) -> None:
        """Keep a week that was read whole."""


def path_of(template: str, day: date) -> str:
    """The path of the file of a reporting date."""
    parts = {"year": f"{day:%Y}", "month": f"{day:%m}", "day": f"{day:%d}", "date": f"{day:%Y%m%d}"}
    for name, text in parts.items():
        template = template.replace(f"{{{name}}}", text)
    return template


def read_week(body: bytes, day: date, *, invented: bool) -> Week | None:
    """The week in a file; None where what came is no CSV, because the week is not published.

    Raises UpstreamChanged where the file is of another date, UpstreamFault where it is cut short or has another form.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("cp1252", "replace")  # names may be in another encoding; they are left out
    if not text.startswith(_BEGINS):
        return None
    try:
        lines = list(csv.reader(StringIO(text, newline="")))
    except csv.Error:
        raise UpstreamFault("The SFC's file cannot be read as CSV.", "Ask again later.") from None
    positions: dict[str, Position] = {}
    for cells in lines[1:]:
        if not any(cell.strip() for cell in cells):
            continue
        code = _CODE.fullmatch(cells[1].strip()) if len(cells) >= _COLUMNS else None
        if code is None:
            raise UpstreamFault("The SFC's file ends within a row, or has another form.", "Ask again later.")
        if _date(cells[0]) != day:
            raise UpstreamChanged("The SFC's file is not of the date in its name.", UPDATE_OR_REPORT)
        # A name may hold a comma that is not quoted: the figures are the last two cells.
        positions[code[1]] = _position(cells[-2], cells[-1])
    if not positions:
        raise UpstreamFault("The SFC sent a file without rows.", "Ask again later.")
    whole = text.endswith("\n")
    if not whole:  # the last figure may be cut short
        last = next(reversed(positions))
        positions[last] = Position(None, None, damaged=True)
    # A figure that a spreadsheet rounded stays so; anything else that cannot be read may come right another time.
    odd = sum(position.damaged for position in positions.values()) - len(_ROUNDED.findall(text))
    return Week(day, positions, invented, sound=whole and odd <= 0)


def _date(cell: str) -> date | None:
    try:
        return datetime.strptime(cell.strip(), "%d/%m/%Y").date()  # noqa: DTZ007 - a date of the market's own
    except ValueError:
        return None


def _position(shares: str, value: str) -> Position:
    damaged = False

    def figure(cell: str) -> str | None:
        plain = cell.replace(",", "").replace("$", "").replace("HK", "").strip()
        return None if plain.lower() in _WITHOUT else plain

    count: int | None = None
    money: float | None = None
    try:
        count = read_int(figure(shares))
    except Unreadable:
        damaged = True
    try:
        money = read_float(figure(value))
    except Unreadable:
        damaged = True
    return Position(count, money, damaged)
