"""The store as a SQLite file, or in memory: one table with one row a series, and one transaction a change.

Whenever the process ends, the file holds whole runs.
"""

import json
import logging
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from mcp_shortvol.cache.encoding import decode, encode
from mcp_shortvol.cache.run import Merged, Run
from mcp_shortvol.cache.store import Extent, SeriesKey
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.short_volume import Day
from mcp_shortvol.files.database import Damaged, Database

__all__ = ["SqliteStore"]

# A change of the table needs a new version and a step in `_upgrade`. New fields of Day or Report need neither.
_VERSION = 2
_MARK = int.from_bytes(b"SVda")
_SCHEMA = (
    "CREATE TABLE series (upstream TEXT NOT NULL, interface TEXT NOT NULL, symbol TEXT NOT NULL, invented INTEGER NOT "
    "NULL, checked_at REAL NOT NULL, rows INTEGER NOT NULL, run TEXT NOT NULL, "
    "PRIMARY KEY (upstream, interface, symbol, invented)) WITHOUT ROWID",
)
_ONE_SERIES = "upstream = ? AND interface = ? AND symbol = ? AND invented = ?"
_INVENTED_FOR = 86_400.0  # a sandbox has another port each time it starts, and nobody asks for its rows again

logger = logging.getLogger(__name__)


class SqliteStore:
    """Runs kept in `file`, or in memory for None."""

    def __init__(self, file: Path | None) -> None:
        self._database = Database(file, _SCHEMA, mark=_MARK, version=_VERSION, purpose="Fetched days", upgrade=_upgrade)

    async def load(self, key: SeriesKey, kind: type[Row]) -> Run[Row] | None:
        """See Store."""
        return await self._database.read(lambda connection: _load(connection, key, kind), None)

    async def change(
        self, key: SeriesKey, kind: type[Row], merge: Callable[[Run[Row] | None], Merged[Row]]
    ) -> Merged[Row] | None:
        """See Store."""

        def work(connection: sqlite3.Connection) -> Merged[Row]:
            kept = _load(connection, key, kind)
            merged = merge(kept)
            if merged.run != kept:
                _save(connection, key, merged.run)
                _forget_invented(connection, key, merged.run.checked_at)
            return merged

        return await self._database.write(work, None)

    async def extent(self) -> Extent | None:
        """See Store."""

        def work(connection: sqlite3.Connection) -> Extent:
            return Extent(*connection.execute("SELECT count(*), coalesce(sum(rows), 0) FROM series").fetchone())

        return await self._database.read(work, None)

    async def symbols(self) -> Sequence[str]:
        """See Store."""

        def work(connection: sqlite3.Connection) -> Sequence[str]:
            newest_first = "SELECT symbol FROM series GROUP BY symbol ORDER BY max(checked_at) DESC"
            return [symbol for (symbol,) in connection.execute(newest_first)]

        return await self._database.read(work, ())

    async def aclose(self) -> None:
        """See Store."""
        await self._database.aclose()


def _load(connection: sqlite3.Connection, key: SeriesKey, kind: type[Row]) -> Run[Row] | None:
    found = connection.execute(f"SELECT checked_at, run FROM series WHERE {_ONE_SERIES}", key).fetchone()  # noqa: S608
    if found is None:
        return None
    try:
        return decode(found[1], kind, checked_at=found[0], invented=key.invented)
    except (ValueError, TypeError) as error:
        raise Damaged("a run is not one that was written") from error


def _save(connection: sqlite3.Connection, key: SeriesKey, run: Run[Row]) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*key, run.checked_at, len(run.rows), encode(run)),
    )


def _forget_invented(connection: sqlite3.Connection, key: SeriesKey, now: float) -> None:
    """Forget a sandbox once a real gateway answers at its address, and one that has not answered for a day."""
    connection.execute(
        f"DELETE FROM series WHERE invented AND (upstream = ? AND NOT ? OR checked_at < ?) AND NOT ({_ONE_SERIES})",  # noqa: S608
        (key.upstream, key.invented, now - _INVENTED_FOR, *key),
    )


_FIELDS_OF_VERSION_1 = {
    "short_volume": [
        "short_volume",
        "total_volume",
        "close",
        "short_turnover",
        "total_turnover",
        "open",
        "previous_close",
        "source_ratio_pct",
        "average_ratio_20d_pct",
        "nasdaq_short_volume",
        "nyse_short_volume",
    ],
    "short_interest": [
        "short_interest",
        "short_interest_pct",
        "close",
        "previous_close",
        "short_interest_value",
        "average_daily_volume",
        "source_days_to_cover",
    ],
}


def _upgrade(connection: sqlite3.Connection, version: int) -> None:  # noqa: ARG001 - there is one older version
    """Carry the newest run of each series over from version 1, which kept any number of runs a series."""
    for statement in ("ALTER TABLE series RENAME TO old_series", *_SCHEMA):
        connection.execute(statement)
    found = connection.execute(
        "SELECT id, upstream, interface, symbol, invented, position, oldest, newest, older, begun_at, topped_at, "
        "checked_at FROM old_series JOIN run ON series = id "
        "WHERE newest = (SELECT max(newest) FROM run WHERE series = id)"
    ).fetchall()
    lost = 0
    for number, upstream, interface, symbol, invented, position, oldest, newest, older, begun, topped, checked in found:
        rows = connection.execute(
            "SELECT date, cells FROM day WHERE series = ? AND date BETWEEN ? AND ? ORDER BY date DESC",
            (number, oldest, newest),
        ).fetchall()
        try:
            body = {
                "fields": _FIELDS_OF_VERSION_1[interface],
                "rows": [[day, *json.loads(cells)] for day, cells in rows],
                "newest": topped is not None,
                "older": older,
                "begins": begun,
                "position": json.loads(position) if position else None,
            }
            text = json.dumps(body)
            if interface == "short_volume":
                decode(text, Day, checked_at=checked, invented=bool(invented))
            else:
                decode(text, Report, checked_at=checked, invented=bool(invented))
        except (KeyError, TypeError, ValueError):
            lost += 1
            continue
        connection.execute(
            "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?)",
            (upstream, interface, symbol, invented, topped or checked, len(rows), text),
        )
    for table in ("old_series", "run", "day"):
        connection.execute(f"DROP TABLE {table}")
    if lost:
        logger.warning("%d kept series of an older version cannot be read; they are fetched again.", lost)
