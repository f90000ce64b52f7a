"""Faults of the simulated Futu cloud: its ret_codes, and rows that violate its format.

Faults of rows change a successful response and leave an error unchanged.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import cycle

from mcp_shortvol.sandbox.faults import HOSTILE, HTTP_FAULTS, Effect, Options, retry_after_header
from mcp_shortvol.sandbox.http import Request, Response

__all__ = ["envelope", "futu_cloud_faults", "gateway_error"]

_MONTH_MS = 30 * 86_400_000
_DATES = ("timestamp", "timestamp_str")
_RET_CODES = {
    0: ("success", ""),
    -2: ("failed", "internal_error"),
    -3: ("invalid parameter", "invalid_parameter"),
    -4: ("backend timeout", "backend_timeout"),
    -5: ("backend error", "backend_error"),
    -6: ("backend unavailable", "backend_unavailable"),
    -7: ("invalid symbol", "invalid_symbol"),
    -8: ("unsupported market or category", "unsupported"),
    -9: ("permission denied", "permission"),
    -10: ("no data", "no_data"),
    -11: ("rate limited", "rate_limited"),
    -99: ("a code that no page documents", "unheard_of"),
}
_GATEWAY_CODES = {
    401001: "unauthorized",
    403001: "forbidden",
    404001: "not found",
    429001: "too many requests",
    500001: "internal error",
}

Item = dict[str, object]
Items = list[Item]
Data = dict[str, object]


def envelope(ret_code: int, data: Mapping[str, object] | None = None) -> Response:
    """The interface's JSON envelope, always with HTTP status 200."""
    message, name = _RET_CODES[ret_code]
    document: dict[str, object] = {"ret_code": ret_code, "ret_msg": message}
    if ret_code:
        document["error"] = {"code": name, "message": message}
    else:
        document["data"] = data
    return _json(200, document)


def gateway_error(code: int) -> Response:
    """An error of the HTTP gateway in front of the interface; its code begins with the HTTP status."""
    return _json(code // 1000, {"code": code, "message": _GATEWAY_CODES[code]})


def _json(status: int, document: Mapping[str, object]) -> Response:
    return Response(status, json.dumps(document, separators=(",", ":")).encode())


def _refusing(refusal: Response) -> Effect:
    return lambda _request, _normal, options: replace(refusal, headers=retry_after_header(options))


def _data(edit: Callable[[Data], None]) -> Effect:
    """The successful response after `edit`, which changes its data in place."""

    def effect(_request: Request, normal: Response, _options: Options) -> Response:
        document = json.loads(normal.body)
        if "data" not in document:
            return normal
        edit(document["data"])
        return _json(200, document)

    return effect


def _items(edit: Callable[[Items], list[object]]) -> Effect:
    def change(data: Data) -> None:
        items = data["items"]
        assert isinstance(items, list)
        data["items"] = edit(items)

    return _data(change)


def _cells(edit: Callable[[Item], Item]) -> Effect:
    """Every row with the figures that `edit` returns and its own dates."""
    return _items(lambda items: [{**edit(item), **_dates(item)} for item in items])


def _dates(item: Item) -> Item:
    return {name: item[name] for name in _DATES}


def _wrong_types(items: Items) -> list[object]:
    """Cells of every JSON type except the right one; the first row also has no readable date."""
    wrong = cycle([[], {}, True, "not a number", "NaN", "Infinity", "-1", "1e999", -5])
    invalid: list[object] = [{**dict(zip(item, wrong, strict=False)), **_dates(item)} for item in items]
    return [{**items[0], "timestamp": ["?"], "timestamp_str": {}}, *invalid[1:]]


def _future(items: Items) -> list[object]:
    """Copies of the newest three rows dated a month ahead, followed by the normal rows."""
    ahead = [
        {
            **item,
            "timestamp": int(str(item["timestamp"])) + _MONTH_MS,
            "timestamp_str": (date.fromisoformat(str(item["timestamp_str"])) + timedelta(30)).isoformat(),
        }
        for item in items[:3]
    ]
    return [*ahead, *items]


def _without_volume(item: Item) -> Item:
    """A position in a stock that has not traded, as FINRA reports it; other rows stay unchanged."""
    return {**item, "avg_daily_share_volume": "0", "days_to_cover": 1000} if "days_to_cover" in item else item


def _sentinel(item: Item) -> Item:
    """FINRA's sentinel for days to cover, beside a volume from which they can be computed."""
    return {**item, "days_to_cover": 999.99} if "days_to_cover" in item else item


def _texts(item: Item) -> Item:
    return {name: str(value) for name, value in item.items()}


def _all_texts(data: Data) -> None:
    items = data["items"]
    assert isinstance(items, list)
    data.update({**_texts(data), "items": [_texts(item) for item in items]})


def _iso_new_time(data: Data) -> None:
    """The date of the position in the documented format, which differs from the format of the vendor's sample."""
    if "new_time" in data:
        data["new_time"] = datetime.strptime(str(data["new_time"]), "%d/%m/%Y").date().isoformat()  # noqa: DTZ007


def _hostile_text(data: Data) -> None:
    items = data["items"]
    assert isinstance(items, list)
    unidentified = [dict.fromkeys(item, HOSTILE) for item in items[:1]]
    items = [*({**item, "note": HOSTILE} for item in items), *unidentified]
    data.update({"market": HOSTILE, "new_time": HOSTILE, "items": items})


def _without_items(data: Data) -> None:
    del data["items"]


def futu_cloud_faults() -> dict[str, Effect]:
    """Every fault of the cloud by its name."""
    hostile = {"ret_code": -9, "ret_msg": HOSTILE, "error": {"code": HOSTILE, "message": HOSTILE}}
    return {
        **HTTP_FAULTS,
        **{f"code_{code}": _refusing(envelope(code)) for code in _RET_CODES if code},
        **{f"code_{code}": _refusing(gateway_error(code)) for code in _GATEWAY_CODES},
        "http_429_json": _refusing(gateway_error(429001)),
        "error_500": _refusing(gateway_error(500001)),
        "gateway_429_as_200": _refusing(replace(gateway_error(429001), status=200)),
        "code_as_text": _refusing(_json(200, {"ret_code": "-7", "ret_msg": "invalid symbol"})),
        "empty": _items(lambda _items: []),
        "unsorted": _items(lambda items: [*items[1::2], *items[::2][::-1]]),
        "duplicates": _items(lambda items: [item for item in items for _ in range(2)]),
        "future_dates": _items(_future),
        "nulls": _cells(lambda item: dict.fromkeys(item)),
        "missing_cells": _cells(lambda _item: {}),
        "sentinel_days_to_cover": _cells(_sentinel),
        "no_average_volume": _cells(_without_volume),
        "strings_for_numbers": _data(_all_texts),
        "timestamps_only": _items(lambda items: [{**item, "timestamp_str": None} for item in items]),
        "iso_new_time": _data(_iso_new_time),
        "wrong_types": _items(_wrong_types),
        "null_rows": _items(lambda items: [None, *items, 7]),
        "null_items": _data(lambda data: data.update(items=None)),
        "no_items": _data(_without_items),
        "null_data": _refusing(_json(200, {"ret_code": 0, "ret_msg": "success", "data": None})),
        "hostile_text": _data(_hostile_text),
        "hostile_error": _refusing(_json(200, hostile)),
    }
