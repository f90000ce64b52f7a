"""The starts of requests counted over all processes of this machine, in a file."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from mcp_shortvol.files.database import Damaged, Database
from mcp_shortvol.quotas.quota import LONGEST_PAUSE, LocalBucket, Rate, time_until_free

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

    Where the file cannot be used, this process counts alone from what it last read there, and writes its own starts to
    the file later. A restart of the machine resets the clock: times in the future are dropped, and the others count for
    one window, or the length of a refusal, at most.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._alone = LocalBucket()
        self._unwritten: list[float] = []  # starts that are not in the file yet
        self._unwritten_refusal: tuple[float, float] | None = None
        self._last = 0.0

    async def claim(self, rate: Rate) -> float:
        """See Bucket."""
        kept = max(rate.seconds, _LONGEST_WINDOW)  # for a process that is set to another rate

        def work(connection: sqlite3.Connection) -> tuple[float, float, Sequence[float], float]:
            now = monotonic()
            connection.execute(
                "DELETE FROM start WHERE bucket = ? AND NOT at BETWEEN ? AND ?", (self._name, now - kept, now)
            )
            connection.execute("DELETE FROM refusal WHERE bucket = ? AND at > ?", (self._name, now))
            self._count(connection, self._unwritten)
            if self._unwritten_refusal is not None:
                self._refuse(connection, *self._unwritten_refusal)
            starts, closed_until = self._starts(connection, rate, now), self._closed_until(connection)
            wait = time_until_free(starts, rate, 0, closed_until, now)
            if not wait:
                self._count(connection, [now])
                starts.append(now)
            return wait, now, starts, closed_until

        counted = await self._database.write(work, None)
        if counted is None:
            wait, self._last = await self._alone.claim(rate), monotonic()
            self._unwritten = [at for at in self._unwritten if at > self._last - kept]
            if not wait:
                self._unwritten.append(self._last)
            return wait
        wait, self._last, starts, closed_until = counted
        self._unwritten, self._unwritten_refusal = [], None
        self._alone.reset(starts, closed_until)
        return wait

    async def expected(self, rate: Rate, ahead: int) -> float:
        """See Bucket."""

        def work(connection: sqlite3.Connection) -> float:
            now = monotonic()
            starts = self._starts(connection, rate, now)
            return time_until_free(starts, rate, ahead, self._closed_until(connection), now)

        wait = await self._database.read(work, None)
        return await self._alone.expected(rate, ahead) if wait is None else wait

    async def give_back(self) -> None:
        """See Bucket."""
        await self._alone.give_back()
        if self._last in self._unwritten:
            self._unwritten.remove(self._last)
            return

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM start WHERE bucket = ? AND at = ?", (self._name, self._last))

        await self._database.write(work, None)

    async def back_off(self, seconds: float) -> None:
        """See Bucket."""
        await self._alone.back_off(seconds)
        refusal = monotonic(), seconds

        def work(connection: sqlite3.Connection) -> bool:
            self._refuse(connection, *refusal)
            return True

        if not await self._database.write(work, False):
            self._unwritten_refusal = refusal

    def _count(self, connection: sqlite3.Connection, starts: Sequence[float]) -> None:
        connection.executemany("INSERT INTO start VALUES (?, ?)", [(self._name, at) for at in starts])

    def _refuse(self, connection: sqlite3.Connection, at: float, seconds: float) -> None:
        if self._closed_until(connection) < at + seconds:
            connection.execute("INSERT OR REPLACE INTO refusal VALUES (?, ?, ?)", (self._name, at, seconds))

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
        if row is None:
            return 0.0
        at, seconds = row
        if not isinstance(seconds, float) or not 0 <= seconds <= 2 * LONGEST_PAUSE:
            raise Damaged("a refusal is not one that was written")
        return float(at) + seconds
