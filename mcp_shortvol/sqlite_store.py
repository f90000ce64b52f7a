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
from pathlib import Path

from mcp_shortvol.database import Damaged, Database
from mcp_shortvol.rows import Row
from mcp_shortvol.series import ShortPosition
from mcp_shortvol.store import Addition, Extent, Kept, Merged, Run, SeriesKey, Window

__all__ = ["SqliteStore"]

# Raise it with every change of the tables or of the fields of Day, Report and ShortPosition: an older file is begun
# anew, which costs some requests.
_VERSION = 1
_SCHEMA = (
    "CREATE TABLE series (id INTEGER PRIMARY KEY, upstream TEXT NOT NULL, interface TEXT NOT NULL, symbol TEXT NOT "
    "NULL, invented INTEGER NOT NULL, position TEXT, UNIQUE (upstream, interface, symbol, invented))",
    "CREATE TABLE run (series INTEGER NOT NULL, oldest TEXT NOT NULL, newest TEXT NOT NULL, until TEXT NOT NULL, older "
    "TEXT, begun_at REAL, topped_at REAL, checked_at REAL NOT NULL, PRIMARY KEY (series, oldest)) WITHOUT ROWID",
    "CREATE TABLE day (series INTEGER NOT NULL, date TEXT NOT NULL, cells TEXT NOT NULL, settled INTEGER NOT NULL, "
    "PRIMARY KEY (series, date)) WITHOUT ROWID",
)
_RUN = "oldest, newest, until, older, begun_at, topped_at, checked_at"
_LAST_DATE = "9999-12-31"
_INVENTED_FOR = 86_400.0  # a sandbox is at another port each time it is started, and nobody asks for its days again


class SqliteStore:
    """Rows kept in `file`, or in memory for None."""

    def __init__(self, file: Path | None) -> None:
        self._database = Database(file, _SCHEMA, version=_VERSION, purpose="Fetched days")

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
            before = min(row.date for row in addition.rows) - timedelta(1)
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
        if first > last:
            return Kept(run, [], self._key.invented, _read_position(self._position))
        found = self._connection.execute(
            "SELECT date, cells FROM day WHERE series = ? AND date BETWEEN ? AND ? ORDER BY date DESC LIMIT ?",
            (self.id, str(first), str(last), window.limit),
        )
        dates_and_cells = found.fetchall()
        try:
            # In one piece, which takes a third of the time of as many small ones.
            figures = json.loads(f"[{','.join(cells for _, cells in dates_and_cells)}]")
            rows = [
                kind(date.fromisoformat(day), *cells) for (day, _), cells in zip(dates_and_cells, figures, strict=True)
            ]
            return Kept(run, rows, self._key.invented, _read_position(self._position))
        except (TypeError, ValueError) as error:
            raise Damaged("a row is not one that was written") from error

    def add(self, addition: Addition[Row]) -> tuple[Run, Sequence[date]]:
        """Write a page, and join it with the runs it agrees with; that run, and where it contradicted others."""
        cells = {row.date: json.dumps(row[1:-1], separators=(",", ":")) for row in addition.rows}
        until = max(addition.until, max(cells))
        page = Run(
            oldest=min(cells),
            newest=max(cells),
            until=max(cells) if addition.newest else until,
            older=addition.older,
            begun_at=None,
            topped_at=addition.at if addition.newest else None,
            checked_at=addition.at,
        )
        restated: set[date] = set()
        joined = [page]
        for run in self._runs_touching(page.oldest, until, addition.joins):
            contradicted = self._contradicted(run, page.oldest, until, cells)
            if contradicted:
                restated |= contradicted
                self._delete_days(run.oldest, run.newest)
            elif run.newest > until:
                joined.append(run)
            elif run.oldest <= page.newest:
                joined.append(replace(run, newest=min(run.newest, page.newest), until=page.until))
            self._connection.execute("DELETE FROM run WHERE series = ? AND oldest = ?", (self.id, str(run.oldest)))
        self._delete_days(page.oldest, until)  # what has not settled may also have vanished
        self._connection.executemany(
            "INSERT INTO day VALUES (?, ?, ?, ?)",
            ((self.id, str(day), text, day <= addition.settled_through) for day, text in cells.items()),
        )
        run = _union(joined)
        self._connection.execute(
            "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
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
        if addition.newest and addition.position is not None:
            self._position = _write_position(addition.position)
            self._connection.execute("UPDATE series SET position = ? WHERE id = ?", (self._position, self.id))
        return run, sorted(restated, reverse=True)

    def _runs_touching(self, oldest: date, until: date, joins: date | None) -> Sequence[Run]:
        """The runs that have a date of which a page speaks, or the row that it follows."""
        found = self._connection.execute(
            f"SELECT {_RUN} FROM run WHERE series = ? AND (oldest <= ? AND newest >= ? OR ? BETWEEN oldest AND newest)",  # noqa: S608
            (self.id, str(until), str(oldest), str(joins or until)),
        )
        return [_run(row) for row in found]

    def _contradicted(self, run: Run, oldest: date, until: date, cells: dict[date, str]) -> set[date]:
        """The settled dates of which a page says something else than a run, or one of them says nothing."""
        first, last = max(run.oldest, oldest), min(run.newest, until)
        rows = self._connection.execute(
            "SELECT date, cells, settled FROM day WHERE series = ? AND date BETWEEN ? AND ?",
            (self.id, str(first), str(last)),
        )
        kept = {date.fromisoformat(day): (text, settled) for day, text, settled in rows}
        told = {day for day in cells if first <= day <= last}
        differing = {day for day, (text, settled) in kept.items() if settled and cells.get(day) != text}
        return differing | (told - kept.keys())

    def _delete_days(self, oldest: date, newest: date) -> None:
        self._connection.execute(
            "DELETE FROM day WHERE series = ? AND date BETWEEN ? AND ?", (self.id, str(oldest), str(newest))
        )


def _union(runs: Sequence[Run]) -> Run:
    """One run out of several that touch, of which the first is a page just fetched."""
    page = runs[0]
    reaching_back = min(runs, key=lambda run: run.oldest)  # the page itself where others reach as far
    reaching_up = max(runs, key=lambda run: run.newest)
    begun_at = max((run.begun_at for run in runs if run.oldest == reaching_back.oldest and run.begun_at), default=None)
    return Run(
        oldest=reaching_back.oldest,
        newest=reaching_up.newest,
        until=reaching_up.until,
        older=reaching_back.older,
        begun_at=begun_at,
        topped_at=page.topped_at or reaching_up.topped_at,
        checked_at=page.checked_at,
    )


def _run(row: tuple[str, str, str, str | None, float | None, float | None, float]) -> Run:
    oldest, newest, until, older, begun_at, topped_at, checked_at = row
    day = date.fromisoformat
    return Run(day(oldest), day(newest), day(until), older, begun_at, topped_at, checked_at)


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
    return ShortPosition(shares, pct_of_issued, date.fromisoformat(day) if day else None)
