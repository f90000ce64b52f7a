"""The store as a SQLite file, or as one in memory: three tables, and one transaction a page.

    series   what one upstream says of one symbol through one interface
    run      a stretch of its days without a gap
    day      a row, its figures as a JSON list in the order of our type's fields

Whenever the process ends, the file holds whole pages: a run never promises a day that is not there.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from mcp_shortvol.cache.sqlite_series import KeptSeries
from mcp_shortvol.cache.store import Addition, Extent, Kept, Merged, SeriesKey, Window
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.files.database import Database

__all__ = ["SqliteStore"]

# Raise it with every change of the tables or of the fields of Day, Report and ShortPosition: an older file is begun
# anew. That costs some requests, and of Futu's cloud the days that are older than its newest 90: not lightly.
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
_INVENTED_FOR = 86_400.0  # a sandbox is at another port each time it is started, and nobody asks for its days again


class SqliteStore:
    """Rows kept in `file`, or in memory for None."""

    def __init__(self, file: Path | None) -> None:
        self._database = Database(file, _SCHEMA, mark=_MARK, version=_VERSION, purpose="Fetched days")

    async def look(self, keys: Sequence[SeriesKey], kind: type[Row], window: Window) -> Kept[Row] | None:
        """See Store."""

        def work(connection: sqlite3.Connection) -> Kept[Row] | None:
            found = [series for key in keys if (series := KeptSeries.find(connection, key))]
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
            series = KeptSeries.made(connection, key)
            _drop_invented(connection, key, addition.at)
            run, restated = series.add(addition)
            before = min(row.date for row in addition.rows) - timedelta(1)
            older = replace(window, end=min(window.end or before, before))
            return Merged(series.kept(run, kind, older), restated)

        return await self._database.write(work, None)

    async def begin(self, key: SeriesKey, oldest: date, at: float) -> None:
        """See Store."""

        def work(connection: sqlite3.Connection) -> None:
            if series := KeptSeries.find(connection, key):
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
