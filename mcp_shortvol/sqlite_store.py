"""The store as a SQLite file, or as one in memory: three tables, and one transaction a page.

    series   what one upstream says of one symbol through one interface
    run      a stretch of its days without a gap
    day      a row, its figures as a JSON list in the order of our type's fields

Whenever the process ends, the file holds whole pages: a run never promises a day that is not there.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

from mcp_shortvol.database import Damaged, Database
from mcp_shortvol.rows import Row
from mcp_shortvol.series import ShortPosition
from mcp_shortvol.store import PROOF, Addition, Extent, Kept, Merged, Run, Seam, SeriesKey, Window

__all__ = ["SqliteStore"]

# Raise it with every change of the tables or of the fields of Day, Report and ShortPosition: an older file is begun
# anew, which costs some requests.
_VERSION = 1
_MARK = int.from_bytes(b"SVda")
_SCHEMA = (
    "CREATE TABLE series (id INTEGER PRIMARY KEY, upstream TEXT NOT NULL, interface TEXT NOT NULL, symbol TEXT NOT "
    "NULL, invented INTEGER NOT NULL, position TEXT, UNIQUE (upstream, interface, symbol, invented))",
    "CREATE TABLE run (number INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, oldest TEXT NOT NULL, newest "
    "TEXT NOT NULL, until TEXT NOT NULL, older TEXT, begun_at REAL, topped_at REAL, checked_at REAL NOT NULL, "
    "UNIQUE (series, oldest))",
    "CREATE TABLE day (series INTEGER NOT NULL, date TEXT NOT NULL, cells TEXT NOT NULL, settled INTEGER NOT NULL, "
    "PRIMARY KEY (series, date)) WITHOUT ROWID",
)
_RUN = "number, oldest, newest, until, older, begun_at, topped_at, checked_at"
_LAST_DATE = "9999-12-31"
_FIGURES = frozenset({int, float, type(None)})
_NOT_WRITTEN = (TypeError, ValueError, RecursionError)
_ONE_DAY = timedelta(1)
_INVENTED_FOR = 86_400.0  # a sandbox is at another port each time it is started, and nobody asks for its days again


class SqliteStore:
    """Rows kept in `file`, or in memory for None."""

    def __init__(self, file: Path | None) -> None:
        self._database = Database(file, _SCHEMA, mark=_MARK, version=_VERSION, purpose="Fetched days")

    async def look(self, keys: Sequence[SeriesKey], kind: type[Row], window: Window) -> Kept[Row] | None:
        """See Store."""

        def work(connection: sqlite3.Connection) -> Kept[Row] | None:
            found = [series for key in keys if (series := _Series.find(connection, key))]
            runs = [(run, series) for series in found if (run := series.run_at(window.end))]
            if not runs:
                return None
            run, series = max(runs, key=lambda pair: pair[0].checked_at)
            return series.kept(run, kind, window)

        return await self._database.read(work, None)

    async def keep(
        self, key: SeriesKey, kind: type[Row], addition: Addition[Row], window: Window
    ) -> Merged[Row] | None:
        """See Store."""

        def work(connection: sqlite3.Connection) -> Merged[Row]:
            series = _Series.made(connection, key)
            _drop_invented(connection, key, addition.at)
            run, restated = series.add(addition)
            before = min(row.date for row in addition.rows) - _ONE_DAY
            older = replace(window, end=min(window.end or before, before))
            return Merged(series.kept(run, kind, older), restated)

        return await self._database.write(work, None)

    async def begin(self, key: SeriesKey, oldest: date, at: float) -> None:
        """See Store."""

        def work(connection: sqlite3.Connection) -> None:
            if series := _Series.find(connection, key):
                connection.execute(
                    "UPDATE run SET begun_at = ? WHERE series = ? AND oldest = ?", (at, series.id, oldest.isoformat())
                )

        await self._database.write(work, None)

    async def extent(self) -> Extent | None:
        """See Store."""

        def work(connection: sqlite3.Connection) -> Extent:
            return Extent(
                *connection.execute("SELECT (SELECT count(*) FROM series), (SELECT count(*) FROM day)").fetchone()
            )

        return await self._database.read(work, None)

    async def aclose(self) -> None:
        """See Store."""
        await self._database.aclose()


class _Series:
    """The rows of one series, inside a transaction."""

    def __init__(self, connection: sqlite3.Connection, key: SeriesKey, number: int, position: str | None) -> None:
        self.id = number
        self._connection = connection
        self._key = key
        self._position = position

    @classmethod
    def find(cls, connection: sqlite3.Connection, key: SeriesKey) -> "_Series | None":
        row = connection.execute(
            "SELECT id, position FROM series WHERE upstream = ? AND interface = ? AND symbol = ? AND invented = ?", key
        ).fetchone()
        return cls(connection, key, *row) if row else None

    @classmethod
    def made(cls, connection: sqlite3.Connection, key: SeriesKey) -> "_Series":
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
            width = len(kind._fields) - 2  # without the date, and without whether it is damaged: such are not kept
            rows = [
                kind(date.fromisoformat(day), *_of_width(cells, width))
                for (day, _, _), cells in zip(found, figures, strict=True)
            ]
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
    """One run out of several that touch, of which the first is a page just fetched."""
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
        begun_at=max((run.begun_at for run in to_the_end if run.begun_at), default=None),
        topped_at=max((run.topped_at for run in to_the_top if run.topped_at), default=None),
        checked_at=reaching_up.checked_at,
    )


def _follows(joins: Seam | None, run: Run) -> bool:
    return joins is not None and joins.run == run.number and run.oldest <= joins.date <= run.newest


def _ending_with(run: Run, newest: date) -> Run:
    """A run without its days after `newest`, the date of one of its rows or a later one."""
    return run if run.newest <= newest else replace(run, newest=newest, until=newest, topped_at=None)


def _of_width(cells: Sequence[Any], width: int) -> Sequence[Any]:
    if len(cells) != width:
        raise ValueError("a row has too few figures or too many")
    return cells


def _run(row: tuple[int, str, str, str, str | None, float | None, float | None, float]) -> Run:
    number, oldest, newest, until, older, begun_at, topped_at, checked_at = row
    day = date.fromisoformat
    try:
        run = Run(number, day(oldest), day(newest), day(until), older, begun_at, topped_at, checked_at)
        sound = run.oldest <= run.newest <= run.until and all(
            type(at) in _FIGURES for at in (begun_at, topped_at, checked_at)
        )
    except _NOT_WRITTEN as error:
        raise Damaged("a run is not one that was written") from error
    if not sound or not isinstance(older, str | None) or checked_at is None:
        raise Damaged("a run is not one that was written")
    return run


def _drop_invented(connection: sqlite3.Connection, key: SeriesKey, now: float) -> None:
    """Forget a sandbox once a real gateway answers at its address, and one that has not answered for a day."""
    played = connection.execute(
        "SELECT id FROM series WHERE invented AND (upstream = ? AND NOT ? OR NOT EXISTS "
        "(SELECT 1 FROM run WHERE series = id AND checked_at > ?)) AND id IS NOT "
        "(SELECT id FROM series WHERE upstream = ? AND interface = ? AND symbol = ? AND invented = ?)",
        (key.upstream, key.invented, now - _INVENTED_FOR, *key),
    ).fetchall()
    for table, column in (("day", "series"), ("run", "series"), ("series", "id")):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", played)  # noqa: S608


def _write_position(position: ShortPosition) -> str:
    return json.dumps([position.shares, position.pct_of_issued, position.date and position.date.isoformat()])


def _read_position(text: str | None) -> ShortPosition | None:
    if text is None:
        return None
    shares, pct_of_issued, day = json.loads(text)
    if not _FIGURES.issuperset(map(type, (shares, pct_of_issued))):
        raise ValueError("a figure is none")
    return ShortPosition(shares, pct_of_issued, date.fromisoformat(day) if day else None)
