"""The starts of calls counted over all processes of this machine, in a file."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from mcp_shortvol.database import Database
from mcp_shortvol.quota import LocalBucket, Rate, time_until_free

__all__ = ["SharedBucket", "starts_in"]

_MARK = int.from_bytes(b"SVqu")
_VERSION = 1
_SCHEMA = (
    "CREATE TABLE start (bucket TEXT NOT NULL, at REAL NOT NULL)",
    "CREATE INDEX starts ON start (bucket, at)",
    "CREATE TABLE refusal (bucket TEXT PRIMARY KEY, at REAL NOT NULL, seconds REAL NOT NULL) WITHOUT ROWID",
)

_LONGEST_WINDOW = 60.0


def starts_in(file: Path) -> Database:
    """The file in which the starts of all buckets are counted."""
    purpose = "The vendors' rate limits, counted with other programs of this machine,"
    return Database(file, _SCHEMA, mark=_MARK, version=_VERSION, purpose=purpose)


class SharedBucket:
    """A bucket that all processes of this machine share, under its `name` in a file.

    Where the file is unusable for now, this process goes on alone from the starts that it last saw there, and counts
    its own into it later. Every time in the file is one of the past: what a restart of the machine leaves behind is
    known by being in the future, and dropped.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._alone = LocalBucket()
        self._uncounted: list[float] = []

    async def claim(self, rate: Rate) -> float:
        """See Bucket."""

        def work(connection: sqlite3.Connection) -> tuple[float, Sequence[float]]:
            now = monotonic()
            kept = max(rate.seconds, _LONGEST_WINDOW)  # for a process that is set to another rate
            connection.execute(
                "DELETE FROM start WHERE bucket = ? AND NOT at BETWEEN ? AND ?", (self._name, now - kept, now)
            )
            connection.execute("DELETE FROM refusal WHERE bucket = ? AND at > ?", (self._name, now))
            self._count(connection, self._uncounted)
            starts = self._starts(connection, rate, now)
            wait = time_until_free(starts, rate, 0, self._closed_until(connection), now)
            if not wait:
                self._count(connection, [now])
                starts.append(now)
            return wait, starts

        told = await self._database.write(work, None)
        if told is None:
            wait = await self._alone.claim(rate)
            if not wait:
                self._uncounted.append(monotonic())
            return wait
        wait, starts = told
        self._uncounted.clear()
        self._alone.know(starts)
        return wait

    async def expected(self, rate: Rate, ahead: int) -> float:
        """See Bucket."""

        def work(connection: sqlite3.Connection) -> float:
            now = monotonic()
            starts = self._starts(connection, rate, now)
            return time_until_free(starts, rate, ahead, self._closed_until(connection), now)

        wait = await self._database.read(work, None)
        return await self._alone.expected(rate, ahead) if wait is None else wait

    async def back_off(self, seconds: float) -> None:
        """See Bucket."""
        await self._alone.back_off(seconds)

        def work(connection: sqlite3.Connection) -> None:
            now = monotonic()
            if self._closed_until(connection) < now + seconds:
                connection.execute("INSERT OR REPLACE INTO refusal VALUES (?, ?, ?)", (self._name, now, seconds))

        await self._database.write(work, None)

    def _count(self, connection: sqlite3.Connection, starts: Sequence[float]) -> None:
        connection.executemany("INSERT INTO start VALUES (?, ?)", [(self._name, at) for at in starts])

    def _starts(self, connection: sqlite3.Connection, rate: Rate, now: float) -> list[float]:
        """The starts in the window that ends now, the oldest first."""
        rows = connection.execute(
            "SELECT at FROM start WHERE bucket = ? AND at > ? AND at <= ? ORDER BY at",
            (self._name, now - rate.seconds, now),
        )
        return [at for (at,) in rows]

    def _closed_until(self, connection: sqlite3.Connection) -> float:
        row = connection.execute(
            "SELECT at, seconds FROM refusal WHERE bucket = ? AND at <= ?", (self._name, monotonic())
        ).fetchone()
        return row[0] + row[1] if row else 0.0
