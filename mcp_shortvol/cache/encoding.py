"""A run as JSON text, the same for every store.

    {"fields": […], "rows": [["2026-05-18", 2926000, …], …], "newest": true, "older": …, "begins": …, "position": …}

The names of the fields are written with the rows, so that a version with more fields reads the rows of an older one. A
field that no row has is not written.
"""

import json
from collections.abc import Callable
from datetime import date
from itertools import chain
from operator import gt, itemgetter
from typing import Any

from mcp_shortvol.cache.run import Run
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_volume import ShortPosition

__all__ = ["decode", "encode"]

_FIGURES = frozenset({int, float, bool, type(None)})
_LATEST = 1e11  # Unix seconds, after the year 5000


def encode(run: Run[Row]) -> str:
    """The text of a run. Its time and whether it is invented are the store's own columns."""
    position = run.position
    columns = list(zip(*run.rows, strict=True))[1:-1]
    fields = _figures_of(type(run.rows[0]))
    given = [(name, cells) for name, cells in zip(fields, columns, strict=True) if set(cells) != {None}]
    dates = [row.date.isoformat() for row in run.rows]
    body = {
        "fields": [name for name, _ in given],
        "rows": list(zip(dates, *(cells for _, cells in given), strict=True)),
        "newest": run.is_newest,
        "older": run.older,
        "begins": run.begins_at,
        "position": position and (position.shares, position.pct, position.date and position.date.isoformat()),
    }
    return json.dumps(body, separators=(",", ":"))


def decode(text: str, kind: type[Row], *, checked_at: float, invented: bool) -> Run[Row]:
    """The run in a text; raises ValueError where it is not one that was written here."""
    try:
        body = json.loads(text)
        run = Run(
            rows=_rows(body["rows"], body["fields"], kind),
            checked_at=_time(checked_at) or 0.0,
            is_newest=body["newest"] is True,
            older=_text(body["older"]),
            begins_at=_time(body["begins"]),
            position=_position(body["position"]),
            invented=invented,
        )
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("it is not a run") from error
    return run


def _figures_of(kind: type[Row]) -> list[str]:
    """The fields that are written: without the date, which comes first, and without `damaged`, which no kept row is."""
    return list(kind._fields[1:-1])


def _rows(written: list[list[Any]], fields: list[str], kind: type[Row]) -> list[Row]:
    figures = [cells[1:] for cells in written]
    if not written or set(map(len, figures)) != {len(fields)}:
        raise ValueError("a row has too few figures or too many")
    if not _FIGURES.issuperset(map(type, chain.from_iterable(figures))):
        raise ValueError("a figure is not a number")
    days = [date.fromisoformat(cells[0]) for cells in written]
    if not all(map(gt, days, days[1:])):
        raise ValueError("the rows are not in order")
    figures = _in_order(figures, fields, _figures_of(kind))
    return [kind(day, *cells) for day, cells in zip(days, figures, strict=True)]


def _in_order(figures: list[list[Any]], written: list[str], known: list[str]) -> list[list[Any]]:
    """Figures under the fields as written → under those known here; None where one was not written."""
    if written == known:
        return figures
    places = {name: number for number, name in enumerate(written)}
    pick: Callable[[list[Any]], tuple[Any, ...]] = itemgetter(*(places.get(name, len(written)) for name in known))
    return [list(pick([*cells, None])) for cells in figures]


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ValueError("it is not text")


def _time(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or not 0 <= value < _LATEST:
        raise ValueError("it is not a time")
    return value


def _position(written: list[Any] | None) -> ShortPosition | None:
    if written is None:
        return None
    shares, pct, day = written
    if not _FIGURES.issuperset((type(shares), type(pct))):
        raise ValueError("a figure is not a number")
    return ShortPosition(shares, pct, date.fromisoformat(day) if day else None)
