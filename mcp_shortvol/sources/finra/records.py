"""FINRA's records → days and reports of ours.

A symbol's day comes as one record a facility, in no order, perhaps twice. Quantities are whole numbers or have up to
six decimals (fractional shares, since 2026-02-23): they are summed over the facilities in decimal and rounded once.
Exempt sales are part of the short ones, and these of the total.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Generic

from mcp_shortvol.domain.errors import UPDATE_OR_REPORT, UpstreamChanged
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.short_volume import Day
from mcp_shortvol.sources.scalars import Unreadable, read_float

__all__ = ["FACILITIES", "INTEREST_FIELDS", "VOLUME_FIELDS", "Rows", "date_of", "quantity", "read_days", "read_reports"]

FACILITIES = ("NQTRF", "NCTRF", "NYTRF", "ORF", "ADF")

DATE, SYMBOL, FACILITY = "tradeReportDate", "securitiesInformationProcessorSymbolIdentifier", "reportingFacilityCode"
SHORT, EXEMPT, TOTAL = "shortParQuantity", "shortExemptParQuantity", "totalParQuantity"
VOLUME_FIELDS = (DATE, SYMBOL, FACILITY, SHORT, EXEMPT, TOTAL)
_SETTLED, _CODE = "settlementDate", "symbolCode"
INTEREST_FIELDS = (
    _SETTLED,
    _CODE,
    "currentShortPositionQuantity",
    "previousShortPositionQuantity",
    "averageDailyVolumeQuantity",
    "daysToCoverQuantity",
    "stockSplitFlag",
    "revisionFlag",
)

_ISO_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T00:00:00.*)?")
_DECIMAL = re.compile(r"[0-9]{1,19}(?:\.[0-9]{1,19})?")
_MOST_SHARES = 10**15

Quantity = int | Decimal
Cells = tuple[Quantity | None, Quantity | None, Quantity | None]


@dataclass(slots=True)
class Rows(Generic[Row]):
    """The rows of one answer, newest first, and how many records had no readable date."""

    days: list[Row] = field(default_factory=list)
    unreadable: int = 0


def quantity(value: object) -> Quantity | None:
    """A count of shares, perhaps with a fraction; None where there is none. Raises Unreadable."""
    if type(value) is str:
        if not value:
            return None
        if not _DECIMAL.fullmatch(value):
            raise Unreadable("not a number")
        value = Decimal(value)
    if value is None:
        return None
    if type(value) is not int and type(value) is not Decimal:
        raise Unreadable("not a number")
    if not 0 <= value <= _MOST_SHARES:
        raise Unreadable("out of range")
    return value


def read_days(records: Sequence[object], code: str) -> Rows[Day]:
    """The days of the security that FINRA spells `code`; raises UpstreamChanged where records are of another one."""
    rows: Rows[Day] = Rows()
    by_day: dict[date, dict[str, Cells | None]] = {}
    for record in _records_of(records, SYMBOL, code):
        day = date_of(record.get(DATE))
        facility = record.get(FACILITY)
        if day is None or not isinstance(facility, str):
            rows.unreadable += 1
            continue
        cells = _cells(record)
        facilities = by_day.setdefault(day, {})
        if facilities.setdefault(facility, cells) != cells:
            facilities[facility] = None  # said twice, and not the same
    rows.days = [_day(day, facilities) for day, facilities in sorted(by_day.items(), reverse=True)]
    return _readable(rows)


def read_reports(records: Sequence[object], code: str) -> Rows[Report]:
    """The reports of the security that FINRA spells `code`; raises like `read_days`."""
    rows: Rows[Report] = Rows()
    by_date: dict[date, Report] = {}
    for record in _records_of(records, _CODE, code):
        settled = date_of(record.get(_SETTLED))
        if settled is None:
            rows.unreadable += 1
            continue
        report = _report(settled, record)
        if by_date.setdefault(settled, report) != report:
            by_date[settled] = Report(settled, None, None, None, damaged=True)  # said twice, and not the same
    rows.days = [by_date[settled] for settled in sorted(by_date, reverse=True)]
    return _readable(rows)


def _readable(rows: Rows[Row]) -> Rows[Row]:
    if rows.unreadable and not rows.days:
        raise UpstreamChanged(f"FINRA sent {rows.unreadable} records, and none of them can be read.", UPDATE_OR_REPORT)
    return rows


def _records_of(records: Sequence[object], field_name: str, code: str) -> Iterable[Mapping[str, Any]]:
    for record in records:
        if not isinstance(record, dict):
            yield {}  # a row without a date
            continue
        theirs = record.get(field_name)
        if isinstance(theirs, str) and theirs.strip().upper() != code:
            raise UpstreamChanged("FINRA sent records of another security than was asked for.", UPDATE_OR_REPORT)
        yield record


def date_of(value: object) -> date | None:
    """A date from ISO text, perhaps with a midnight behind it; None for anything else."""
    found = _ISO_DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def _cells(record: Mapping[str, Any]) -> Cells | None:
    """Short, exempt and total quantity; None where one of them was sent and cannot be read."""
    try:
        return quantity(record.get(SHORT)), quantity(record.get(EXEMPT)), quantity(record.get(TOTAL))
    except Unreadable:
        return None


def _day(day: date, facilities: Mapping[str, Cells | None]) -> Day:
    known = [cells for cells in facilities.values() if cells is not None]
    damaged = len(known) < len(facilities)
    short, exempt, total = (None, None, None) if damaged else (_sum(column) for column in zip(*known, strict=True))
    parts: dict[str, int | None] = {}
    for facility in FACILITIES:
        if cells := facilities.get(facility):
            parts[f"{facility.lower()}_short_volume"] = _rounded(cells[0])
            parts[f"{facility.lower()}_total_volume"] = _rounded(cells[2])
    return Day(day, short, total, None, exempt_short_volume=exempt, damaged=damaged, **parts)


def _sum(quantities: Sequence[Quantity | None]) -> int | None:
    """The rounded sum; None where one of the facilities says nothing."""
    known = [value for value in quantities if value is not None]
    return _rounded(sum(known)) if len(known) == len(quantities) else None


def _rounded(value: Quantity | None) -> int | None:
    return None if value is None else round(value)


def _report(settled: date, record: Mapping[str, Any]) -> Report:
    damaged = False

    def shares(name: str) -> int | None:
        nonlocal damaged
        try:
            value = quantity(record.get(name))
            return None if value is None else round(value)
        except Unreadable:
            damaged = True
            return None

    def figure(name: str) -> float | None:
        nonlocal damaged
        value = record.get(name)
        try:
            return read_float(float(value) if type(value) is Decimal else value)
        except Unreadable:
            damaged = True
            return None

    return Report(
        date=settled,
        short_interest=shares("currentShortPositionQuantity"),
        short_interest_pct=None,
        close=None,
        average_daily_volume=shares("averageDailyVolumeQuantity"),
        source_days_to_cover=figure("daysToCoverQuantity"),
        previous_short_interest=shares("previousShortPositionQuantity"),
        split=_flag(record.get("stockSplitFlag")),
        revised=_flag(record.get("revisionFlag")),
        damaged=damaged,
    )


def _flag(value: object) -> bool | None:
    """True for a flag that is set: "Y", or any word but no."""
    return True if isinstance(value, str) and value.strip().upper() not in {"", "N", "NO"} else None
