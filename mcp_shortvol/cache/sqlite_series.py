"""One series in the store's tables, inside a transaction: its runs, how a page joins them, and its rows.

run      a stretch of days without a gap
day      a row, its figures as a JSON list in the order of our type's fields
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain

from mcp_shortvol.cache.store import PROOF, Addition, Kept, Run, Seam, SeriesKey, Window
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_volume import ShortPosition
from mcp_shortvol.files.database import Damaged

__all__ = ["KeptSeries"]

_RUN = "number, oldest, newest, until, older, begun_at, topped_at, checked_at"
_LAST_DATE = "9999-12-31"
_LAST_TIME = 1e11  # in Unix seconds, before the year 9999 ends
_FIGURES = frozenset({int, float, type(None)})
_NOT_WRITTEN = (TypeError, ValueError, RecursionError)
_ONE_DAY = timedelta(1)


class KeptSeries:
    """The rows of one series, inside a transaction."""

    def __init__(self, connection: sqlite3.Connection, key: SeriesKey, number: int, position: str | None) -> None:
        self.id = number
        self._connection = connection
        self._key = key
        self._position = position

    @classmethod
    def find(cls, connection: sqlite3.Connection, key: SeriesKey) -> "KeptSeries | None":
        row = connection.execute(
            "SELECT id, position FROM series WHERE upstream = ? AND interface = ? AND symbol = ? AND invented = ?", key
        ).fetchone()
        return cls(connection, key, *row) if row else None

    @classmethod
    def made(cls, connection: sqlite3.Connection, key: SeriesKey) -> "KeptSeries":
        connection.execute("INSERT OR IGNORE INTO series VALUES (NULL, ?, ?, ?, ?, NULL)", key)
        series = cls.find(connection, key)
        assert series is not None
        return series

    def run_at(self, end: date | None) -> Run | None:
        """The newest run that has a day on or before `end`."""
        row = self._connection.execute(
            f"SELECT {_RUN} FROM run WHERE series = ? AND oldest <= ? ORDER BY oldest DESC LIMIT 1",  # noqa: S608
            (self.id, end.isoformat() if end else _LAST_DATE),
        ).fetchone()
        return _run(row) if row else None

    def kept(self, run: Run, kind: type[Row], window: Window) -> Kept[Row]:
        """A run with its rows in the window."""
        first, last = max(run.oldest, window.start or run.oldest), min(run.newest, window.end or run.newest)
        found = self._connection.execute(
            "SELECT date, cells, settled FROM day WHERE series = ? AND date BETWEEN ? AND ? ORDER BY date DESC LIMIT ?",
            (self.id, str(first), str(last), window.limit),
        ).fetchall()
        try:
            # In one piece, which takes a third of the time of as many small ones.
            figures = json.loads(f"[{','.join(cells for _, cells, _ in found)}]")
            if not _FIGURES.issuperset(map(type, chain.from_iterable(figures))):
                raise ValueError("a figure is none")
            # Without the date, and without whether it is damaged: such rows are not kept.
            if set(map(len, figures)) - {len(kind._fields) - 2}:
                raise ValueError("a row has too few figures or too many")
            rows = [kind(date.fromisoformat(day), *cells) for (day, _, _), cells in zip(found, figures, strict=True)]
            settled = all(settled for _, _, settled in found)
            return Kept(run, rows, settled, self._key.invented, _read_position(self._position))
        except _NOT_WRITTEN as error:
            raise Damaged("a row is not one that was written") from error

    def add(self, addition: Addition[Row]) -> tuple[Run, Sequence[date]]:
        """Write a page, and join it with the runs it agrees with; that run, and where it contradicted others."""
        cells = {row.date: json.dumps(row[1:-1], separators=(",", ":")) for row in addition.rows}
        until = max(addition.until, max(cells))
        page = Run(
            number=0,
            oldest=min(cells),
            newest=max(cells),
            # A day that has closed last may still come; one before it that is not here was no trading day.
            until=max(max(cells), min(until, addition.settled_through - _ONE_DAY)),
            older=addition.older,
            begun_at=None,
            topped_at=addition.at if addition.newest else None,
            checked_at=addition.at,
        )
        restated: set[date] = set()
        joined = [page]
        for run in self._runs_touching(page.oldest, until, addition.joins):
            self._connection.execute("DELETE FROM run WHERE number = ?", (run.number,))
            contradicted, one_version = self._compared(run, page.oldest, until, cells)
            if contradicted:
                restated |= contradicted
                self._delete_days(run.oldest, run.newest)
            elif one_version or _follows(addition.joins, run):
                joined.append(run if run.newest > until else _ending_with(run, page.newest))
            else:
                self._part(run, page.oldest, until)
        self._delete_days(page.oldest, until)  # what has not settled may also have vanished
        self._connection.executemany(
            "INSERT INTO day VALUES (?, ?, ?, ?)",
            ((self.id, str(day), text, day <= addition.settled_through) for day, text in cells.items()),
        )
        run = self._write(_union(joined))
        if addition.newest and addition.position is not None:
            self._position = _write_position(addition.position)
            self._connection.execute("UPDATE series SET position = ? WHERE id = ?", (self._position, self.id))
        return run, sorted(restated, reverse=True)

    def _write(self, run: Run) -> Run:
        """Write a run; the same with its number."""
        written = self._connection.execute(
            "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run.number or None,
                self.id,
                str(run.oldest),
                str(run.newest),
                str(run.until),
                run.older,
                run.begun_at,
                run.topped_at,
                run.checked_at,
            ),
        )
        return replace(run, number=written.lastrowid or run.number)

    def _part(self, run: Run, oldest: date, until: date) -> None:
        """Leave of a run what is older than a page that may be of another version: nothing they share tells."""
        if run.newest > until:
            self._delete_days(until + _ONE_DAY, run.newest)
        newest = self._connection.execute(
            "SELECT max(date) FROM day WHERE series = ? AND date BETWEEN ? AND ?",
            (self.id, str(run.oldest), str(oldest - _ONE_DAY)),
        ).fetchone()[0]
        if newest:
            self._write(_ending_with(run, date.fromisoformat(newest)))

    def _runs_touching(self, oldest: date, until: date, joins: Seam | None) -> Sequence[Run]:
        """The runs that have a date of which a page speaks, or the row that it follows."""
        found = self._connection.execute(
            f"SELECT {_RUN} FROM run WHERE series = ? AND (oldest <= ? AND newest >= ? OR number = ?)",  # noqa: S608
            (self.id, str(until), str(oldest), joins.run if joins else None),
        )
        runs = [_run(row) for row in found]
        return [run for run in runs if (run.newest >= oldest and run.oldest <= until) or _follows(joins, run)]

    def _compared(self, run: Run, oldest: date, until: date, cells: dict[date, str]) -> tuple[set[date], bool]:
        """The settled dates of which a page says something else than a run, or one of them nothing; and whether they
        say the same of as many as it takes to believe that of all.
        """
        first, last = max(run.oldest, oldest), min(run.newest, until)
        rows = self._connection.execute(
            "SELECT date, cells, settled FROM day WHERE series = ? AND date BETWEEN ? AND ?",
            (self.id, str(first), str(last)),
        )
        kept = {date.fromisoformat(day): (text, settled) for day, text, settled in rows}
        told = {day for day in cells if first <= day <= last}
        differing = {day for day, (text, settled) in kept.items() if settled and cells.get(day) != text}
        agreed = any(cells.get(day) == text for day, (text, _) in kept.items())
        enough = len(kept) >= PROOF or (first == run.oldest and last == run.newest)
        return differing | (told - kept.keys()), agreed and enough

    def _delete_days(self, oldest: date, newest: date) -> None:
        self._connection.execute(
            "DELETE FROM day WHERE series = ? AND date BETWEEN ? AND ?", (self.id, str(oldest), str(newest))
        )


def _union(runs: Sequence[Run]) -> Run:
    """One run out of several that touch, of which the first is a page just fetched.

    A time later than the page's was written by a clock that has been set back since.
    """
    now = runs[0].checked_at
    reaching_back = min(runs, key=lambda run: run.oldest)  # the page itself where others reach as far
    reaching_up = max(runs, key=lambda run: run.newest)  # and here
    to_the_end = [run for run in runs if run.oldest == reaching_back.oldest]
    to_the_top = [run for run in runs if run.newest == reaching_up.newest]
    return Run(
        number=reaching_up.number or max(run.number for run in runs),
        oldest=reaching_back.oldest,
        newest=reaching_up.newest,
        until=max(run.until for run in to_the_top),
        older=reaching_back.older,
        begun_at=max((run.begun_at for run in to_the_end if run.begun_at and run.begun_at <= now), default=None),
        topped_at=max((run.topped_at for run in to_the_top if run.topped_at and run.topped_at <= now), default=None),
        checked_at=min(reaching_up.checked_at, now),
    )


def _follows(joins: Seam | None, run: Run) -> bool:
    return joins is not None and joins.run == run.number and run.oldest <= joins.date <= run.newest


def _ending_with(run: Run, newest: date) -> Run:
    """A run without its days after `newest`, the date of one of its rows or a later one."""
    return run if run.newest <= newest else replace(run, newest=newest, until=newest, topped_at=None)


def _run(row: tuple[int, str, str, str, str | None, float | None, float | None, float]) -> Run:
    number, oldest, newest, until, older, begun_at, topped_at, checked_at = row
    day = date.fromisoformat
    try:
        run = Run(number, day(oldest), day(newest), day(until), older, begun_at, topped_at, checked_at)
        times = [at for at in (begun_at, topped_at, checked_at) if at is not None]
        sound = run.oldest <= run.newest <= run.until and all(0 <= at < _LAST_TIME for at in times)
    except _NOT_WRITTEN as error:
        raise Damaged("a run is not one that was written") from error
    if not sound or not isinstance(older, str | None) or checked_at is None:
        raise Damaged("a run is not one that was written")
    return run


def _write_position(position: ShortPosition) -> str:
    return json.dumps([position.shares, position.pct_of_issued, position.date and position.date.isoformat()])


def _read_position(text: str | None) -> ShortPosition | None:
    if text is None:
        return None
    shares, pct_of_issued, day = json.loads(text)
    if not _FIGURES.issuperset(map(type, (shares, pct_of_issued))):
        raise ValueError("a figure is none")
    return ShortPosition(shares, pct_of_issued, date.fromisoformat(day) if day else None)
