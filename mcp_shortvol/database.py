"""A SQLite file of this program's own: private to its user, shared by its processes, never a reason for a call to fail.

What cannot be done is answered by what the caller says to do `otherwise`, and is told once on standard error: a folder
that cannot be written, a full disk, another process that holds the file too long. A file that is damaged is set aside
under `….corrupt` and begun anew. Work runs in a thread, so that a slow disk never blocks the event loop.
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

__all__ = ["Damaged", "Database"]

_BUSY_SECONDS = 2.0  # other processes write for some milliseconds; whoever takes longer is stuck
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY = 0xFF  # an extended error code's low byte is the error it is a case of
_BESIDE = ("", "-wal", "-shm")

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Damaged(sqlite3.DatabaseError):
    """What is in the file is not what was written; for work that finds out by itself."""


class Database:
    """The file at `file`, or one in memory for None.

    `schema` are the statements that make its tables, `version` their number: a file with an older one is begun anew, a
    newer one is left alone. `purpose` says in words what is lost without it.
    """

    def __init__(self, file: Path | None, schema: Sequence[str], *, version: int, purpose: str) -> None:
        self._file = file
        self._schema = schema
        self._version = version
        self._purpose = purpose
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._unusable = False
        self._told = False
        self._one_at_a_time = anyio.CapacityLimiter(1)

    async def read(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """What `work` reads, all of it as at one moment."""
        return await self._in_thread("BEGIN", work, otherwise)

    async def write(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """What `work` gives, all that it writes kept or none of it; no other process writes meanwhile."""
        return await self._in_thread("BEGIN IMMEDIATE", work, otherwise)

    async def aclose(self) -> None:
        """Close the file; a later call opens it again."""
        await anyio.to_thread.run_sync(self._close, limiter=self._one_at_a_time)

    async def _in_thread(self, begin: str, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        if self._unusable:
            return otherwise
        return await anyio.to_thread.run_sync(self._run, begin, work, otherwise, limiter=self._one_at_a_time)

    def _run(self, begin: str, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        try:
            try:
                return self._transaction(begin, work)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
            self._set_aside()
            return self._transaction(begin, work)
        except (OSError, sqlite3.Error) as error:
            self._tell(error)
            return otherwise

    def _transaction(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection or self._open()
        try:
            connection.execute(begin)
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _open(self) -> sqlite3.Connection:
        try:
            if self._file is not None:
                _make_private(self._file)
                self._inode = self._file.stat().st_ino
            # Threads take turns, so that any of them may use the connection.
            connection = sqlite3.connect(
                self._file or ":memory:", timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            # A damaged file can be begun anew; what cannot be opened for another reason is not tried again.
            self._unusable = not (isinstance(error, sqlite3.Error) and _is_damage(error))
            raise
        self._connection = connection
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        # The last writes may be lost with the power, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        if _version(connection) == self._version:
            return
        connection.execute("BEGIN IMMEDIATE")
        found = _version(connection)  # another process may have been quicker
        if found > self._version:
            connection.execute("ROLLBACK")
            raise sqlite3.OperationalError("it was made by a newer version of this program")
        if found < self._version:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            for (table,) in tables:
                connection.execute(f'DROP TABLE "{table}"')
            for statement in self._schema:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {self._version:d}")
        connection.execute("COMMIT")

    def _set_aside(self) -> None:
        """Move a damaged file out of the way, unless another process has done so already."""
        self._close()
        if self._file is None:
            return
        try:
            if self._inode and self._file.stat().st_ino != self._inode:
                return
            for suffix in _BESIDE:
                part = self._file.with_name(self._file.name + suffix)
                if part.exists():
                    part.replace(self._file.with_name(f"{self._file.name}.corrupt{suffix}"))
        except FileNotFoundError:
            return
        logger.warning("The file %s was damaged; it was set aside and begun anew.", self._file)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            where = self._file or "memory"
            logger.warning("%s cannot be kept in %s (%s); it works without.", self._purpose, where, error)


def _make_private(file: Path) -> None:
    """Create the file for its owner only, or take the others' rights to it away."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        # By its path: to open and close a file gives up the locks that other connections of this process hold on it.
        if file.stat().st_mode & 0o077:
            file.chmod(0o600)


def _version(connection: sqlite3.Connection) -> int:
    number: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return number


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, Damaged) or (code is not None and code & _PRIMARY in _DAMAGED)
