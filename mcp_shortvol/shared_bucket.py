"""The starts of calls counted over all processes of this machine, in a file."""

import sqlite3
from time import monotonic

from mcp_shortvol.database import Database
from mcp_shortvol.quota import LocalBucket, Rate, time_until_free

__all__ = ["SCHEMA", "VERSION", "SharedBucket"]

VERSION = 1
SCHEMA = (
    "CREATE TABLE start (bucket TEXT NOT NULL, at REAL NOT NULL)",
    "CREATE INDEX starts ON start (bucket, at)",
    "CREATE TABLE refusal (bucket TEXT PRIMARY KEY, at REAL NOT NULL, seconds REAL NOT NULL) WITHOUT ROWID",
)

_LONGEST_WINDOW = 60.0


class SharedBucket:
    """A bucket that all processes of this machine share, under its `name` in a file; alone where that is unusable.

    Every time in the file is one of the past, so that what a restart of the machine leaves behind is known by being in
    the future, or counts for one window at the most.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._alone = LocalBucket()

    async def claim(self, rate: Rate) -> float:
        """See Bucket."""

        def work(connection: sqlite3.Connection) -> float:
            now = monotonic()
            kept = max(rate.seconds, _LONGEST_WINDOW)  # for a process that is set to another rate
            connection.execute(
                "DELETE FROM start WHERE bucket = ? AND NOT at BETWEEN ? AND ?", (self._name, now - kept, now)
            )
            wait = self._read(connection, rate, 0, now)
            if not wait:
                connection.execute("INSERT INTO start VALUES (?, ?)", (self._name, now))
            return wait

        wait = await self._database.write(work, None)
        return await self._alone.claim(rate) if wait is None else wait

    async def expected(self, rate: Rate, ahead: int) -> float:
        """See Bucket."""
        wait = await self._database.read(lambda connection: self._read(connection, rate, ahead, monotonic()), None)
        return await self._alone.expected(rate, ahead) if wait is None else wait

    async def back_off(self, seconds: float) -> None:
        """See Bucket."""
        await self._alone.back_off(seconds)

        def work(connection: sqlite3.Connection) -> None:
            now = monotonic()
            if self._closed_until(connection, now) < now + seconds:
                connection.execute("INSERT OR REPLACE INTO refusal VALUES (?, ?, ?)", (self._name, now, seconds))

        await self._database.write(work, None)

    def _read(self, connection: sqlite3.Connection, rate: Rate, ahead: int, now: float) -> float:
        starts = connection.execute(
            "SELECT at FROM start WHERE bucket = ? AND at > ? AND at <= ? ORDER BY at",
            (self._name, now - rate.seconds, now),
        ).fetchall()
        return time_until_free([at for (at,) in starts], rate, ahead, self._closed_until(connection, now), now)

    def _closed_until(self, connection: sqlite3.Connection, now: float) -> float:
        row = connection.execute("SELECT at, seconds FROM refusal WHERE bucket = ?", (self._name,)).fetchone()
        return row[0] + row[1] if row and row[0] <= now else 0.0
