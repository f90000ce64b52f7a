"""Faults of the simulated FINRA service: its refusals, and records that violate its format.

Faults of records change a successful answer and leave any other unchanged.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import cycle

from mcp_shortvol.sandbox.faults import HOSTILE, HTTP_FAULTS, Effect, Options, retry_after_header
from mcp_shortvol.sandbox.http import Request, Response

__all__ = ["finra_faults"]

_DATES = ("tradeReportDate", "settlementDate")
_SYMBOLS = ("securitiesInformationProcessorSymbolIdentifier", "symbolCode")

Record = dict[str, object]
Records = list[Record]


def _refusing(status: int, message: str) -> Effect:
    body = json.dumps({"statusCode": status, "message": message}).encode()

    def effect(_request: Request, _normal: Response, options: Options) -> Response:
        return Response(status, body, retry_after_header(options))

    return effect


def _records(edit: Callable[[Records], Records]) -> Effect:
    """The successful answer with the records that `edit` makes."""

    def effect(_request: Request, normal: Response, _options: Options) -> Response:
        if normal.status != 200:
            return normal
        records = json.loads(normal.body)
        edited = edit(records)
        left_out = max(len(records) - len(edited), 0)
        headers = {**normal.headers, "record-total": str(int(normal.headers["record-total"]) - left_out)}
        body = json.dumps(edited, separators=(",", ":")).encode()
        return replace(normal, body=body, headers=headers) if edited else _empty(normal)

    return effect


def _each(edit: Callable[[Record], Record]) -> Effect:
    return _records(lambda records: [edit(record) for record in records])


def _empty(normal: Response) -> Response:
    return replace(normal, status=204, body=b"")


def _figures(edit: Callable[[object], object]) -> Effect:
    """Every figure changed; dates, symbols and facilities stay."""
    return _each(
        lambda record: {name: edit(value) if type(value) in {int, float} else value for name, value in record.items()}
    )


def _date_of(record: Record) -> str:
    return next(str(record[name]) for name in _DATES if name in record)


def _with_date(record: Record, day: str) -> Record:
    return {name: day if name in _DATES else value for name, value in record.items()}


def _wrong_types(records: Records) -> Records:
    wrong = cycle([[], {}, True, "not a number", "NaN", "-1", "1e999", -5])
    changed = [
        {name: next(wrong) if type(value) in {int, float} else value for name, value in record.items()}
        for record in records
    ]
    return [_with_date(record, "?") if index == 0 else record for index, record in enumerate(changed)]


def _future(records: Records) -> Records:
    newest = max(records, key=_date_of)
    ahead = str(date.fromisoformat(_date_of(newest)) + timedelta(30))
    return [*records, _with_date(newest, ahead)]


def _without_a_day(records: Records) -> Records:
    """The date before the newest one is not there."""
    before = sorted({_date_of(record) for record in records})[-2:-1]
    return [record for record in records if _date_of(record) not in before]


def _corrected(records: Records) -> Records:
    """The newest date's figures are other ones than before."""
    newest = max(map(_date_of, records))
    return [
        {name: value + 1000 if type(value) in {int, float} else value for name, value in record.items()}  # type: ignore[operator]
        if _date_of(record) == newest
        else record
        for record in records
    ]


def _in_lower_case(record: Record) -> Record:
    return {name: str(value).lower() if name in _SYMBOLS else value for name, value in record.items()}


def _another(record: Record) -> Record:
    return {name: "ZZZZZ" if name in _SYMBOLS else value for name, value in record.items()}


def _hostile(record: Record) -> Record:
    texts = ("reportingFacilityCode", "marketCode", "issueName", "marketClassCode")
    return {**{name: HOSTILE if name in texts else value for name, value in record.items()}, "comment": HOSTILE}


def _headers(change: Callable[[Mapping[str, str], Request], dict[str, str]]) -> Effect:
    return lambda request, normal, _options: replace(normal, headers=change(normal.headers, request))


def _moving_total(headers: Mapping[str, str], request: Request) -> dict[str, str]:
    """Another total on every page but the first."""
    more = 1 if json.loads(request.body).get("offset", 0) else 0
    return {**headers, "record-total": str(int(headers.get("record-total", "0")) + more)}


def _with_nan(_request: Request, normal: Response, _options: Options) -> Response:
    if normal.status != 200:
        return normal
    records = json.loads(normal.body)
    name = next(name for name, value in records[0].items() if type(value) in {int, float})
    records[0][name] = float("nan")
    return replace(normal, body=json.dumps(records).encode())


def _csv(_request: Request, normal: Response, _options: Options) -> Response:
    if normal.status != 200:
        return normal
    records = json.loads(normal.body)
    lines = [",".join(records[0]), *(",".join(str(value) for value in record.values()) for record in records)]
    return replace(normal, body="\n".join(lines).encode(), headers={**normal.headers, "content-type": "text/plain"})


def finra_faults() -> dict[str, Effect]:
    """Every fault of the service by name."""
    return {
        **HTTP_FAULTS,
        "error_400": _refusing(400, "Bad Request"),
        "error_400_hostile": _refusing(400, HOSTILE),
        "asks_for_key": _refusing(401, "Unauthorized"),
        "forbidden": _refusing(403, "Forbidden"),
        "http_429_json": _refusing(429, "Too Many Requests"),
        "error_500": _refusing(500, "Internal Server Error"),
        "csv": _csv,
        "empty": lambda _request, normal, _options: _empty(normal),
        "not_a_list": lambda _request, normal, _options: replace(normal, body=b'{"data":[]}'),
        "no_total": _headers(
            lambda headers, _: {name: text for name, text in headers.items() if name != "record-total"}
        ),
        "moving_total": _headers(_moving_total),
        "strings": _figures(str),
        "nulls": _figures(lambda _: None),
        "nan": _with_nan,
        "missing_cells": _each(lambda record: {name: record[name] for name in record if name in (*_DATES, *_SYMBOLS)}),
        "null_rows": _records(lambda records: [None, *records, None]),  # type: ignore[list-item]
        "wrong_types": _records(_wrong_types),
        "duplicates": _records(lambda records: records + records[: len(records) // 3]),
        "unsorted": _records(lambda records: sorted(records, key=lambda record: hash(str(record)[::-1]))),
        "future_dates": _records(_future),
        "a_day_missing": _records(_without_a_day),
        "correction": _records(_corrected),
        "lower_case": _each(_in_lower_case),
        "another_security": _each(_another),
        "hostile_text": _each(_hostile),
    }
