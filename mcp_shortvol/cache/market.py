"""Whole market days and weeks in one SQLite file: FINRA's of every name on a day, the SFC's of every stock in a week.

One row a name and day, the names and upstreams by number: a market day of 12,500 names takes about 250 KB. The rows of
a day lie together, so that a screen reads its days and nothing else.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import time

from mcp_shortvol.domain.market_day import MarketDay, Volumes
from mcp_shortvol.domain.screen import Screened, ScreenQuery
from mcp_shortvol.files.database import Database
from mcp_shortvol.sources.sfc.files import Position, Week

__all__ = ["KeptDay", "MarketStore"]

_MARK = int.from_bytes(b"SVmk")
_VERSION = 2
_SCHEMA = (
    "CREATE TABLE market_day (id INTEGER PRIMARY KEY, upstream TEXT NOT NULL, date TEXT NOT NULL, fetched_at REAL NOT "
    "NULL, names INTEGER NOT NULL, unreadable INTEGER NOT NULL, invented INTEGER NOT NULL, "
    "UNIQUE (upstream, date, invented))",
    "CREATE TABLE name (id INTEGER PRIMARY KEY, symbol TEXT NOT NULL UNIQUE)",
    "CREATE TABLE volume (day INTEGER NOT NULL, name INTEGER NOT NULL, short INTEGER NOT NULL, total INTEGER NOT NULL, "
    "PRIMARY KEY (day, name)) WITHOUT ROWID",
    "CREATE TABLE week (id INTEGER PRIMARY KEY, upstream TEXT NOT NULL, date TEXT NOT NULL, invented INTEGER NOT NULL, "
    "kept_at REAL NOT NULL, UNIQUE (upstream, date, invented))",
    "CREATE TABLE position (week INTEGER NOT NULL, code TEXT NOT NULL, shares INTEGER, value REAL, damaged INTEGER NOT "
    "NULL, PRIMARY KEY (week, code)) WITHOUT ROWID",
)
_RATIO = "100.0 * short / total"
_INVENTED_FOR = 300.0  # seconds: a real gateway may be started at a sandbox's address next
_LEAST_DAYS = 10  # before the latest, for a standard score


@dataclass(frozen=True, slots=True)
class KeptDay:
    """A market day that is kept: its number in the file, when it was fetched, and how many names it has."""

    id: int
    date: date
    fetched_at: float
    names: int
    unreadable: int
    invented: bool


class MarketStore:
    """Market days and weeks kept in `file`, or in memory for None. It raises no failure."""

    def __init__(self, file: Path | None) -> None:
        self._database = Database(file, _SCHEMA, mark=_MARK, version=_VERSION, purpose="Fetched market days")

    async def aclose(self) -> None:
        """Close the file."""
        await self._database.aclose()

    async def days(self, upstream: str, first: date, last: date) -> Sequence[KeptDay]:
        """The kept days of a range, newest first."""

        def work(connection: sqlite3.Connection) -> Sequence[KeptDay]:
            found = connection.execute(
                "SELECT id, date, fetched_at, names, unreadable, invented FROM market_day WHERE upstream = ? AND date "
                "BETWEEN ? AND ? ORDER BY date DESC, fetched_at DESC",
                (upstream, str(first), str(last)),
            )
            return [
                KeptDay(number, date.fromisoformat(day), fetched_at, names, unreadable, bool(invented))
                for number, day, fetched_at, names, unreadable, invented in found
            ]

        return await self._database.read(work, ())

    async def keep_day(self, upstream: str, day: MarketDay, fetched_at: float) -> KeptDay | None:
        """Keep a market day in the place of an older version of it."""

        def work(connection: sqlite3.Connection) -> KeptDay:
            old = connection.execute(
                "SELECT id FROM market_day WHERE upstream = ? AND date = ? AND invented = ?",
                (upstream, str(day.date), day.sandbox),
            ).fetchone()
            if old:
                connection.execute("DELETE FROM volume WHERE day = ?", old)
                connection.execute("DELETE FROM market_day WHERE id = ?", old)
            row = connection.execute(
                "INSERT INTO market_day VALUES (NULL, ?, ?, ?, ?, ?, ?)",
                (upstream, str(day.date), fetched_at, len(day.names), day.unreadable, day.sandbox),
            )
            number = row.lastrowid
            assert number is not None
            connection.executemany("INSERT OR IGNORE INTO name VALUES (NULL, ?)", [(name,) for name in day.names])
            numbers: Mapping[str, int] = dict(connection.execute("SELECT symbol, id FROM name"))
            rows = sorted((numbers[name], *volumes) for name, volumes in day.names.items())
            connection.executemany(f"INSERT INTO volume VALUES ({number}, ?, ?, ?)", rows)  # noqa: S608
            return KeptDay(number, day.date, fetched_at, len(day.names), day.unreadable, day.sandbox)

        return await self._database.write(work, None)

    async def screen(self, query: ScreenQuery, newest_first: Sequence[KeptDay]) -> Sequence[Screened]:
        """The names of the newest of these days that `query` asks for, in its order, with their volumes of all days."""

        def work(connection: sqlite3.Connection) -> Sequence[Screened]:
            numbers = [day.id for day in newest_first]
            chosen = (
                _streaks(connection, query, numbers) if query.order_by == "streak" else _top(connection, query, numbers)
            )
            return [_volumes_of(connection, name, newest_first) for name in chosen]

        return await self._database.read(work, ())

    async def counted(self, query: ScreenQuery, day: KeptDay) -> int:
        """How many names of a day pass the least volume and ratio of `query`."""

        def work(connection: sqlite3.Connection) -> int:
            (count,) = connection.execute(f"SELECT count(*) FROM volume {_PASSING}", _passing(query, day.id)).fetchone()  # noqa: S608
            return int(count)

        return await self._database.read(work, 0)

    async def extent(self) -> tuple[int, int]:
        """How many market days and weeks are kept."""

        def work(connection: sqlite3.Connection) -> tuple[int, int]:
            counts = "SELECT (SELECT count(*) FROM market_day), (SELECT count(*) FROM week)"
            days, weeks = connection.execute(counts).fetchone()
            return days, weeks

        return await self._database.read(work, (0, 0))

    async def load(self, upstream: str, day: date) -> Week | None:
        """See WeekKeeper."""

        def work(connection: sqlite3.Connection) -> Week | None:
            found = connection.execute(
                "SELECT id, invented FROM week WHERE upstream = ? AND date = ? AND (NOT invented OR kept_at > ?) "
                "ORDER BY invented",
                (upstream, str(day), time() - _INVENTED_FOR),
            ).fetchone()
            if found is None:
                return None
            rows = connection.execute("SELECT code, shares, value, damaged FROM position WHERE week = ?", found[:1])
            positions = {code: Position(shares, value, bool(damaged)) for code, shares, value, damaged in rows}
            return Week(day, positions, bool(found[1]))

        return await self._database.read(work, None)

    async def keep(self, upstream: str, week: Week) -> None:
        """See WeekKeeper."""

        def work(connection: sqlite3.Connection) -> None:
            row = connection.execute(
                "INSERT OR IGNORE INTO week VALUES (NULL, ?, ?, ?, ?)",
                (upstream, str(week.date), week.invented, time()),
            )
            if row.rowcount:
                connection.executemany(
                    f"INSERT INTO position VALUES ({row.lastrowid}, ?, ?, ?, ?)",  # noqa: S608
                    [(code, *position) for code, position in sorted(week.positions.items())],
                )

        await self._database.write(work, None)


_PASSING = f"WHERE day = ? AND total > 0 AND total >= ? AND {_RATIO} >= ?"


def _passing(query: ScreenQuery, day: int) -> tuple[int, int, float]:
    return day, query.min_volume, query.min_ratio


def _top(connection: sqlite3.Connection, query: ScreenQuery, days: Sequence[int]) -> list[int]:
    """The names with the highest or lowest figure; what is not known for a name does not rank it."""
    way = "DESC" if query.direction == "desc" else "ASC"
    latest, before = days[0], ", ".join(map(str, days[1:])) or "NULL"
    figures = {
        "short_ratio": "ratio",
        "short_volume": "short",
        "jump": "ratio - mean",
        "z_score": "(ratio - mean) / sqrt((squares - mean * mean) * n / (n - 1))",
    }
    latest_day = f"SELECT name, short, {_RATIO} AS ratio FROM volume {_PASSING}"  # noqa: S608 - our own words and numbers
    if query.order_by in {"short_ratio", "short_volume"}:
        source, known = f"({latest_day})", "1"
    else:
        before_it = (
            f"SELECT name, count(*) AS n, avg({_RATIO}) AS mean, avg({_RATIO} * {_RATIO}) AS squares FROM volume "  # noqa: S608
            f"WHERE day IN ({before}) AND total > 0 GROUP BY name"
        )
        source = f"({latest_day}) JOIN ({before_it}) USING (name)"
        least = _LEAST_DAYS if query.order_by == "z_score" else 1
        known = f"n >= {least}" + (
            " AND squares - mean * mean > squares * 1e-10" if query.order_by == "z_score" else ""
        )
    found = connection.execute(
        f"SELECT name FROM {source} WHERE {known} ORDER BY {figures[query.order_by]} {way}, name LIMIT ?",  # noqa: S608
        (*_passing(query, latest), query.count),
    )
    return [name for (name,) in found]


def _streaks(connection: sqlite3.Connection, query: ScreenQuery, days: Sequence[int]) -> list[int]:
    """The names with the longest rise, or fall, of the ratio up to the latest day, day by day in a row."""
    sign = 1 if query.direction == "desc" else -1
    newer = dict(connection.execute(f"SELECT name, {_RATIO} FROM volume {_PASSING}", _passing(query, days[0])))  # noqa: S608
    latest, lengths = dict(newer), dict.fromkeys(newer, 0)
    for day in days[1:]:
        if not newer:
            break
        older = dict(connection.execute(f"SELECT name, {_RATIO} FROM volume WHERE day = ? AND total > 0", (day,)))  # noqa: S608
        newer = {
            name: older[name] for name, ratio in newer.items() if name in older and sign * (ratio - older[name]) > 0
        }
        for name in newer:
            lengths[name] += 1
    longest = sorted(
        (name for name in lengths if lengths[name]), key=lambda name: (-lengths[name], -sign * latest[name], name)
    )
    return longest[: query.count]


def _volumes_of(connection: sqlite3.Connection, name: int, newest_first: Sequence[KeptDay]) -> Screened:
    (symbol,) = connection.execute("SELECT symbol FROM name WHERE id = ?", (name,)).fetchone()
    volumes: list[tuple[date, Volumes | None]] = []
    for day in newest_first:
        found = connection.execute(
            "SELECT short, total FROM volume WHERE day = ? AND name = ?", (day.id, name)
        ).fetchone()
        volumes.append((day.date, Volumes(*found) if found else None))
    return Screened(symbol, volumes)
