"""A SQLite file of this program: private to its user, shared by its processes, and never a reason for a call to fail.

Where the work cannot be done, the caller's `otherwise` is returned, and standard error says why, once: the folder
cannot be written, the disk is full, another process holds the file too long. A damaged file is renamed to `….corrupt`,
and a new one is made. A file of another program is left alone. A file that is deleted or replaced while it is open is
opened again. Work runs in a thread, so that a slow disk never blocks the event loop.
"""

import logging
import os
import sqlite3
import stat
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import TypeVar

import anyio
import anyio.to_thread

__all__ = ["Damaged", "Database"]

_BUSY_SECONDS = 2.0  # other processes write for some milliseconds; one that takes longer is stuck
_BUSY_PAUSE = 10.0  # until it is waited for again, because each wait takes time of a call
_BUSY_POLL = 0.01
_UNUSABLE_PAUSE = 30.0
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY = 0xFF  # an extended error code's low byte is the error it is a case of
_MOST_SET_ASIDE = 9
_SQLITE = b"SQLite format 3\0"
_OWN_SUFFIXES = frozenset(("", ".db", ".db3", ".sqlite", ".sqlite3"))  # others are of files that somebody may miss
_BESIDE = ("", "-wal", "-shm")

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Damaged(sqlite3.DatabaseError):
    """The content of the file is not what was written; raised by work that finds it out."""


class Database:
    """The file at `file`, or one in memory for None.

    `mark` is SQLite's application id, by which such a file is known. `schema` are the statements that make its tables,
    `version` their number: `upgrade` changes the tables of an older version into those of this one, without it they
    are dropped and made again. A file of a newer version is left alone. `purpose` says in words what is lost without
    the file.
    """

    def __init__(
        self,
        file: Path | None,
        schema: Sequence[str],
        *,
        mark: int,
        version: int,
        purpose: str,
        upgrade: Callable[[sqlite3.Connection, int], None] | None = None,
    ) -> None:
        self._file = file
        self._mark = mark
        self._schema = schema
        self._version = version
        self._purpose = purpose
        self._upgrade = upgrade
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._unusable_until = 0.0
        self._held_until: dict[str, float] = {}  # by another process, by what was to begin
        self._warned = False
        self._one_at_a_time = anyio.CapacityLimiter(1)

    async def read(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """The result of `work`, which reads the file in one transaction."""
        return await self._in_thread("BEGIN", work, otherwise)

    async def write(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """The result of `work`, which writes in one transaction, all or nothing; no other process writes meanwhile."""
        return await self._in_thread("BEGIN IMMEDIATE", work, otherwise)

    async def aclose(self) -> None:
        """Close the file; a later call opens it again."""
        await anyio.to_thread.run_sync(self._close, limiter=self._one_at_a_time)

    async def _in_thread(self, begin: str, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        if self._was_unusable(begin):
            return otherwise
        return await anyio.to_thread.run_sync(self._run, begin, work, otherwise, limiter=self._one_at_a_time)

    def _was_unusable(self, begin: str) -> bool:
        """Whether a transaction could not be begun a short time ago."""
        return monotonic() < max(self._unusable_until, self._held_until.get(begin, 0.0))

    def _run(self, begin: str, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        if self._was_unusable(begin):  # the call before this one found it out
            return otherwise
        try:
            try:
                return self._transaction(begin, work)
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                if not _is_damage(error):
                    raise
            self._set_aside()
            return self._transaction(begin, work)
        except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
            if _is_among(error, _BUSY):
                self._held_until[begin] = monotonic() + _BUSY_PAUSE
            elif not _is_among(error, {sqlite3.SQLITE_FULL}):
                self._close()  # a connection is not reliable after a disk error
            self._warn(error)
            return otherwise

    def _transaction(self, begin: str, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is not None and self._is_another():
            self._close()
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

    def _is_another(self) -> bool:
        """Whether the open file is no longer the one at its path: others would not see what is written to it."""
        try:
            return self._file is not None and self._file.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def _open(self) -> sqlite3.Connection:
        patience = monotonic() + _BUSY_SECONDS
        while self._connection is None:
            try:
                self._connection = self._opened()
            except (OSError, sqlite3.Error, UnicodeDecodeError) as error:
                # SQLite does not wait by itself where another process turns the file to its write-ahead log.
                if _is_among(error, _BUSY) and monotonic() < patience:
                    sleep(_BUSY_POLL)
                    continue
                # A damaged file is replaced. After another failure the file is not tried again for a while.
                if not _is_damage(error):
                    self._unusable_until = monotonic() + _UNUSABLE_PAUSE
                raise
        return self._connection

    def _opened(self) -> sqlite3.Connection:
        if self._file is not None:
            _make(self._file)
            self._inode = _regular(self._file).st_ino
        # Threads take turns, so that any of them may use the connection.
        connection = sqlite3.connect(
            self._file or ":memory:", timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN")
        found = self._version_of(connection)
        connection.execute("ROLLBACK")
        if self._file is not None:
            _make_private(self._file)
        connection.execute("PRAGMA journal_mode = WAL")
        # The last writes may be lost with the power, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        if found == self._version:
            return
        connection.execute("BEGIN IMMEDIATE")
        found = self._version_of(connection)
        if found < self._version:  # another process may have been quicker
            if found and self._upgrade:
                self._upgrade(connection, found)
            else:
                self._make_tables(connection)
            connection.execute(f"PRAGMA application_id = {self._mark:d}")
            connection.execute(f"PRAGMA user_version = {self._version:d}")
        connection.execute("COMMIT")

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        tables = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f'DROP TABLE "{table}"')
        for statement in self._schema:
            connection.execute(statement)

    def _version_of(self, connection: sqlite3.Connection) -> int:
        """The version of the file's tables, 0 for none; raises OperationalError where they are not ours to change."""
        mark, version = (_number(connection, f"PRAGMA {name}") for name in ("application_id", "user_version"))
        if mark != self._mark and (mark or version or _number(connection, "SELECT count(*) FROM sqlite_master")):
            raise sqlite3.OperationalError("it is a file of another program")
        if version > self._version:
            raise sqlite3.OperationalError("it was made by a newer version of this program")
        return version

    def _set_aside(self) -> None:
        """Move a damaged file out of the way, unless another process has done so already."""
        self._close()
        if self._file is None:
            return
        if self._file.suffix not in _OWN_SUFFIXES:
            with self._file.open("rb") as content:
                if content.read(len(_SQLITE)) != _SQLITE:
                    raise OSError("it is a file of another kind")
        if self._is_another():
            return
        numbers = ("", *(f"-{number}" for number in range(2, _MOST_SET_ASIDE + 1)))
        places = [self._file.with_name(f"{self._file.name}.corrupt{number}") for number in numbers]
        aside = next((place for place in places if not place.exists()), places[-1])
        # The file itself last: a new one beside the log of an old one would be damaged by it.
        for suffix in reversed(_BESIDE):
            part = self._file.with_name(self._file.name + suffix)
            with suppress(FileNotFoundError):  # another process may do the same now
                part.replace(aside.with_name(aside.name + suffix))
        logger.warning(
            "The file %s was damaged; it was set aside as %s, and a new one was made.", self._file, aside.name
        )

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _warn(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            where = self._file or "memory"
            logger.warning("%s cannot be kept in %s (%s); it works without.", self._purpose, where, error)


def _make(file: Path) -> None:
    """Create the file for its owner only, where there is none."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _regular(file: Path) -> os.stat_result:
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError("it is a folder" if stat.S_ISDIR(found.st_mode) else "it is not a file")
    return found


def _make_private(file: Path) -> None:
    """Take the others' rights to the file away, and to what SQLite has beside it."""
    for suffix in _BESIDE:
        part = file.with_name(file.name + suffix)
        # By their paths: to open and close a file gives up the locks that other connections of this process hold on it.
        with suppress(FileNotFoundError):
            if part.stat().st_mode & 0o077:
                part.chmod(0o600)


def _number(connection: sqlite3.Connection, query: str) -> int:
    number: int = connection.execute(query).fetchone()[0]
    return number


def _is_damage(error: Exception) -> bool:
    # Text that is not UTF-8 is reported in words and without a code, or by UnicodeDecodeError.
    undecodable = isinstance(error, sqlite3.OperationalError) and "decode" in str(error)
    return undecodable or isinstance(error, Damaged | UnicodeDecodeError) or _is_among(error, _DAMAGED)


def _is_among(error: Exception, codes: Collection[int]) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY in codes
