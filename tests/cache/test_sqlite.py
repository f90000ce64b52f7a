"""The store's file: private, shared by processes, and no reason for a call to fail, whatever becomes of it."""

import json
import logging
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import anyio
import pytest

from mcp_shortvol.cache.run import Merged, Run, merge
from mcp_shortvol.cache.sqlite import SqliteStore
from mcp_shortvol.cache.store import SeriesKey, Store
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.short_volume import Day, ShortPosition
from mcp_shortvol.files.database import Database

pytestmark = pytest.mark.anyio

KEY = SeriesKey("opend 127.0.0.1:11111", "short_volume", "700.HK", False)
NEWEST = date(2026, 6, 12)


def days(newest: date, count: int, version: int = 0) -> list[Day]:
    return [
        Day(newest - timedelta(back), 100 + version, 1000, 10.5, total_turnover=0.1 + back) for back in range(count)
    ]


def run_of(rows: list[Day], at: float = 1000.0, *, is_newest: bool = True) -> Run[Day]:
    return Run(rows, at, is_newest, f"before {rows[-1].date}", None, ShortPosition(5, 0.5, NEWEST))


async def try_to_keep(store: Store, rows: list[Day], at: float = 1000.0, **options: bool) -> Merged[Day] | None:
    change = partial(
        merge,
        fetched=run_of(rows, at, **options),
        settled_through=lambda _: NEWEST,
        until=rows[0].date,
        now=at,
        refetchable=True,
    )
    return await store.change(KEY, Day, change)


async def keep(store: Store, rows: list[Day], at: float = 1000.0, **options: bool) -> Merged[Day]:
    merged = await try_to_keep(store, rows, at, **options)
    assert merged is not None
    return merged


async def count_after(store: Store, rows: list[Day]) -> int:
    """How many days are kept once a page is."""
    await keep(store, rows)
    found = await kept(store)
    assert found is not None
    return len(found.rows)


async def kept(store: Store, key: SeriesKey = KEY) -> Run[Day] | None:
    return await store.load(key, Day)


class TestRows:
    async def test_rows_come_back_as_they_were(self, tmp_path: Path) -> None:
        row = Day(NEWEST, 1, 2, 0.1 + 0.2, 1e17 / 3, None, 1e-9, 4.0, 33.3333, None, 0, 10**15)
        store = SqliteStore(tmp_path / "days")
        await keep(store, [row])
        await store.aclose()
        assert await kept(SqliteStore(tmp_path / "days")) == run_of([row])

    async def test_reports_are_kept_beside_days(self) -> None:
        store = SqliteStore(None)
        report = Report(NEWEST, 1, 0.5, 10.0, source_days_to_cover=1.5)
        key = KEY._replace(interface="short_interest")
        await keep(store, days(NEWEST, 3))
        await store.change(key, Report, lambda _: Merged(Run([report], 1.0, is_newest=True), joined=False))
        found = await store.load(key, Report)
        assert found is not None
        assert list(found.rows) == [report]
        assert await store.extent() == (2, 4)

    @pytest.mark.parametrize(
        "other",
        [
            KEY._replace(upstream="opend 127.0.0.1:11112"),
            KEY._replace(interface="short_interest"),
            KEY._replace(symbol="70.HK"),
            KEY._replace(invented=True),
        ],
    )
    async def test_another_upstream_interface_symbol_or_an_invented_one_shares_nothing(self, other: SeriesKey) -> None:
        store = SqliteStore(None)
        await keep(store, days(NEWEST, 3))
        assert await kept(store, other) is None

    async def test_a_sandbox_is_forgotten_once_a_market_answers_at_its_address(self) -> None:
        store = SqliteStore(None)
        invented = KEY._replace(invented=True, symbol="5.HK")
        await store.change(invented, Day, lambda _: Merged(run_of(days(NEWEST, 3)), joined=False))
        assert await kept(store, invented) is not None
        await keep(store, days(NEWEST, 3))
        assert await kept(store, invented) is None

    async def test_a_run_that_did_not_change_is_not_written_again(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "days")
        await keep(store, days(NEWEST, 3))
        with sqlite3.connect(tmp_path / "days") as other:
            other.execute("UPDATE series SET rows = 99")
        await store.change(KEY, Day, lambda run: Merged(run or run_of(days(NEWEST, 1)), joined=True))
        assert await store.extent() == (1, 99)

    async def test_rows_of_a_version_with_other_fields_are_read_by_name(self, tmp_path: Path) -> None:
        store = SqliteStore(tmp_path / "days")
        await keep(store, days(NEWEST, 2))
        body = {
            "fields": ["total_volume", "short_volume", "later"],
            "rows": [[str(NEWEST), 20, 10, 3]],
            "newest": True,
            "older": None,
            "begins": None,
            "position": None,
        }
        with sqlite3.connect(tmp_path / "days") as other:
            other.execute("UPDATE series SET run = ?", (json.dumps(body),))
        found = await kept(store)
        assert found is not None
        assert list(found.rows) == [Day(NEWEST, 10, 20, None)]


class TestTheFile:
    async def test_it_and_what_stands_beside_it_are_their_owner_s_only(self, tmp_path: Path) -> None:
        file = tmp_path / "folder" / "days"
        store = SqliteStore(file)
        await keep(store, days(NEWEST, 3))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
        assert modes == {"days": 0o600, "days-wal": 0o600, "days-shm": 0o600}
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700

    async def test_one_that_others_could_read_is_made_private(self, tmp_path: Path) -> None:
        file = tmp_path / "days"
        file.touch(0o644)
        await keep(SqliteStore(file), days(NEWEST, 3))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    @pytest.mark.parametrize("where", ["beginning", "middle", "all"])
    async def test_a_damaged_one_is_set_aside_and_begun_anew(
        self, tmp_path: Path, where: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = tmp_path / "days"
        store = SqliteStore(file)
        await keep(store, days(NEWEST, 500))
        await store.aclose()
        content = bytearray(file.read_bytes())
        spoilt = {"beginning": slice(0, 64), "middle": slice(4096, len(content)), "all": slice(0, len(content))}
        content[spoilt[where]] = b"\x5a" * len(content[spoilt[where]])
        file.write_bytes(content)
        store = SqliteStore(file)
        assert await kept(store) is None
        assert await count_after(store, days(NEWEST, 5)) == 5
        assert (tmp_path / "days.corrupt").read_bytes() == content
        assert caplog.text.count("set aside") == 1

    async def test_rows_that_are_none_are_damage_too(self, tmp_path: Path) -> None:
        file = tmp_path / "days"
        store = SqliteStore(file)
        await keep(store, days(NEWEST, 5))
        for spoil in (
            "UPDATE series SET run = '[1, 2'",
            "UPDATE series SET run = '[1, 2]'",
            "UPDATE series SET run = json_set(run, '$.rows[2]', json('[\"2026-06-10\", 1]'))",
            "UPDATE series SET run = json_set(run, '$.rows[2][1]', '1')",
            "UPDATE series SET run = json_set(run, '$.rows[2][0]', 'yesterday')",
            "UPDATE series SET run = json_set(run, '$.rows[2][0]', '2026-06-12')",
            "UPDATE series SET run = json_set(run, '$.rows', json('[]'))",
            "UPDATE series SET run = json_set(run, '$.older', 5)",
            "UPDATE series SET run = json_set(run, '$.begins', 'now')",
            "UPDATE series SET run = json_set(run, '$.position', json('{}'))",
            "UPDATE series SET run = json_remove(run, '$.newest')",
            "UPDATE series SET checked_at = 'now'",
            "UPDATE series SET checked_at = 1e300",
            "UPDATE series SET run = CAST(x'5bff5d' AS TEXT)",
        ):
            with sqlite3.connect(file) as other:
                other.execute(spoil)
            assert await kept(store) is None, spoil
            assert await count_after(store, days(NEWEST, 5)) == 5

    async def test_two_programs_that_find_the_damage_begin_anew_once(self, tmp_path: Path) -> None:
        file = tmp_path / "days"
        first, second = SqliteStore(file), SqliteStore(file)
        await keep(first, days(NEWEST, 5))
        await keep(second, days(NEWEST, 5))
        with sqlite3.connect(file) as other:
            other.execute("UPDATE series SET run = 'nothing'")
        assert await kept(first) is None
        await keep(first, days(NEWEST, 7))
        found = await kept(second)  # it still had the damaged one open
        assert found is not None
        assert len(found.rows) == 7

    async def test_the_newest_run_of_a_file_of_version_1_is_carried_over(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = tmp_path / "days"
        write_version_1(file)
        found = await kept(SqliteStore(file))
        assert found is not None
        assert list(found.rows) == days(NEWEST, 3)
        assert [found.checked_at, found.is_newest, found.older] == [500.0, True, "before"]
        assert found.position == ShortPosition(5, 0.5, NEWEST)
        assert "1 kept series of an older version cannot be read" in caplog.text
        with sqlite3.connect(file) as other:
            tables = [
                name
                for (name,) in other.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
                )
            ]
        assert tables == ["series"]

    @pytest.mark.parametrize(
        ("numbers", "why"),
        [
            (f"PRAGMA application_id = {int.from_bytes(b'SVda')}; PRAGMA user_version = 99", "newer version"),
            ("PRAGMA user_version = 99", "another program"),
            ("PRAGMA user_version = 1", "another program"),
            ("PRAGMA application_id = 7", "another program"),
            ("", "another program"),
        ],
    )
    async def test_one_of_a_newer_version_or_of_another_program_is_left_alone(
        self, tmp_path: Path, numbers: str, why: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = tmp_path / "days"
        with sqlite3.connect(file) as other:
            other.execute("CREATE TABLE day (something TEXT)")
            other.executescript(numbers)
        file.chmod(0o644)
        before = file.read_bytes()
        store = SqliteStore(file)
        assert await try_to_keep(store, days(NEWEST, 5)) is None
        assert await kept(store) is None
        assert caplog.text.count(why) == 1
        assert [file.read_bytes(), stat.S_IMODE(file.stat().st_mode)] == [before, 0o644]
        assert [path.name for path in tmp_path.iterdir()] == ["days"]

    @pytest.mark.parametrize("name", ["notes.txt", "settings.json"])
    async def test_a_file_of_another_kind_is_left_alone(
        self, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = tmp_path / name
        file.write_text("What I have to do.\n" * 100)
        store = SqliteStore(file)
        assert await try_to_keep(store, days(NEWEST, 5)) is None
        assert [path.name for path in tmp_path.iterdir()] == [name]
        assert file.read_text().startswith("What I have to do.")
        assert "another kind" in caplog.text

    async def test_a_device_is_left_alone(self, tmp_path: Path) -> None:
        fifo = tmp_path / "days"
        os.mkfifo(fifo, 0o644)
        store = SqliteStore(fifo)
        assert await try_to_keep(store, days(NEWEST, 5)) is None
        assert stat.S_IMODE(fifo.stat().st_mode) == 0o644

    async def test_what_was_set_aside_before_stays(self, tmp_path: Path) -> None:
        file = tmp_path / "days"
        for content in ("something else", "and again"):
            file.write_text(content)
            store = SqliteStore(file)
            assert await count_after(store, days(NEWEST, 5)) == 5
            await store.aclose()
        aside = {path.name: path.read_text() for path in tmp_path.iterdir() if "corrupt" in path.name}
        assert aside == {"days.corrupt": "something else", "days.corrupt-2": "and again"}

    @pytest.mark.parametrize("place", ["/proc/nowhere/days", "under a file", "a folder"])
    async def test_where_nothing_can_be_written_it_works_without_and_says_so_once(
        self, tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").touch()
        file = {"under a file": tmp_path / "file" / "days", "a folder": tmp_path}.get(place, Path(place))
        store = SqliteStore(file)
        for _ in range(3):
            assert await try_to_keep(store, days(NEWEST, 5)) is None
            assert await kept(store) is None
        await store.aclose()
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert "it works without" in caplog.text

    async def test_a_deleted_one_is_no_failure(self, tmp_path: Path) -> None:
        file = tmp_path / "days"
        store = SqliteStore(file)
        await keep(store, days(NEWEST, 5))
        for path in tmp_path.iterdir():
            path.unlink()
        await keep(store, days(NEWEST, 5))
        found = await kept(SqliteStore(file))
        assert found is not None
        assert len(found.rows) == 5

    async def test_a_program_that_holds_it_too_long_is_not_waited_for_for_ever(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("mcp_shortvol.files.database._BUSY_SECONDS", 0.1)
        monkeypatch.setattr("mcp_shortvol.files.database._BUSY_PAUSE", 0.2)
        file = tmp_path / "days"
        store = SqliteStore(file)
        await keep(store, days(NEWEST, 5))
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert await try_to_keep(store, days(NEWEST, 9)) is None
        began = time.monotonic()
        assert await try_to_keep(store, days(NEWEST, 9)) is None
        assert time.monotonic() - began < 0.1  # nobody else waits for it so soon
        found = await kept(store)  # reading goes on
        assert found is not None
        assert len(found.rows) == 5
        other.execute("ROLLBACK")
        await anyio.sleep(0.2)
        assert await count_after(store, days(NEWEST, 9)) == 9
        assert "locked" in caplog.text

    async def test_the_event_loop_runs_on_while_it_waits(self, tmp_path: Path) -> None:
        file = tmp_path / "days"
        store = SqliteStore(file)
        await keep(store, days(NEWEST, 5))
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        ticks = 0
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keep, store, days(NEWEST, 6))
            for _ in range(10):
                await anyio.sleep(0.01)
                ticks += 1
            other.execute("ROLLBACK")
        assert ticks == 10

    async def test_a_disk_without_room_keeps_what_it_had(self, tmp_path: Path) -> None:
        """The limit of file sizes stands for the disk's end; a process of its own, because it lasts."""
        program = """
import resource, sys
from pathlib import Path
import anyio
from tests.cache.test_sqlite import NEWEST, days, keep, kept, try_to_keep
from mcp_shortvol.cache.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]))
    await keep(store, days(NEWEST, 50))
    await store.aclose()
    resource.setrlimit(resource.RLIMIT_FSIZE, (36_000, resource.RLIM_INFINITY))
    assert await try_to_keep(store, days(NEWEST, 900)) is None
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(len((await kept(store)).rows))

import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
anyio.run(main)
"""
        done = run_python(program, str(tmp_path / "days"))
        assert [done.stdout, done.returncode] == ["50\n", 0], done.stderr
        assert done.stderr.count("cannot be kept") == 1


def run_python(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=root, capture_output=True, text=True, check=False
    )


class TestManyProcesses:
    def test_eight_at_once_write_and_read_what_is_true(self, tmp_path: Path) -> None:
        program = """
import random, sys
from datetime import timedelta
from pathlib import Path
import anyio
from tests.cache.test_sqlite import KEY, NEWEST, days, keep, kept
from mcp_shortvol.cache.sqlite import SqliteStore

async def main():
    chance = random.Random(sys.argv[2])
    store = SqliteStore(Path(sys.argv[1]))
    for _ in range(40):
        start = chance.randrange(200)
        newest = NEWEST - timedelta(start)
        await keep(store, [row._replace(total_turnover=None) for row in days(newest, 30)], is_newest=start == 0)
        found = await kept(store)
        assert len(found.rows) == (found.newest - found.oldest).days + 1, found

anyio.run(main)
"""
        root = Path(__file__).parents[2]
        command = [sys.executable, "-c", program, str(tmp_path / "days")]
        processes = [
            subprocess.Popen([*command, str(number)], cwd=root, stderr=subprocess.PIPE, text=True)
            for number in range(8)
        ]
        errors = [process.communicate(timeout=60)[1] for process in processes]
        assert errors == [""] * 8
        check_run(tmp_path / "days")

    def test_whenever_a_writer_is_killed_the_file_has_one_whole_run(self, tmp_path: Path) -> None:
        program = """
import sys
import time
from itertools import count
from pathlib import Path
import anyio
from tests.cache.test_sqlite import NEWEST, days, keep
from mcp_shortvol.cache.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]))
    for version in count():
        for pages in range(1, 11):
            await keep(store, days(NEWEST, 20 * pages, version % 3), at=1000.0 + version)
            print("kept", flush=True)

anyio.run(main)
"""
        root = Path(__file__).parents[2]
        file = tmp_path / "days"
        for attempt in range(12):
            with subprocess.Popen(
                [sys.executable, "-c", program, str(file)], cwd=root, stdout=subprocess.PIPE, text=True
            ) as writer:
                assert writer.stdout is not None
                for _ in range(3 + 2 * attempt):
                    assert writer.stdout.readline() == "kept\n"
                time.sleep(0.0007 * attempt)
                writer.send_signal(signal.SIGKILL)
            check_run(file)


def check_run(file: Path) -> None:
    """The run has no gap, its rows are of one version, and its count is right."""
    with sqlite3.connect(file) as connection:
        ((count, text),) = connection.execute("SELECT rows, run FROM series").fetchall()
    rows = json.loads(text)["rows"]
    dates = [date.fromisoformat(row[0]) for row in rows]
    assert len(rows) == count == (dates[0] - dates[-1]).days + 1
    assert len({row[1] for row in rows}) == 1


def write_version_1(file: Path) -> None:
    """A file as version 1 of the tables wrote it: two runs of one series, and a series that cannot be read."""
    with sqlite3.connect(file) as connection:
        connection.executescript(
            f"""
            CREATE TABLE series (id INTEGER PRIMARY KEY, upstream TEXT NOT NULL, interface TEXT NOT NULL, symbol TEXT
            NOT NULL, invented INTEGER NOT NULL, position TEXT, UNIQUE (upstream, interface, symbol, invented));
            CREATE TABLE run (number INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, oldest TEXT NOT NULL,
            newest TEXT NOT NULL, until TEXT NOT NULL, older TEXT, begun_at REAL, topped_at REAL, checked_at REAL NOT
            NULL, UNIQUE (series, oldest));
            CREATE TABLE day (series INTEGER NOT NULL, date TEXT NOT NULL, cells TEXT NOT NULL, settled INTEGER NOT
            NULL, PRIMARY KEY (series, date)) WITHOUT ROWID;
            PRAGMA application_id = {int.from_bytes(b"SVda")};
            PRAGMA user_version = 1;
            """
        )
        connection.execute("INSERT INTO series VALUES (1, ?, ?, ?, ?, ?)", (*KEY, f'[5, 0.5, "{NEWEST}"]'))
        connection.execute("INSERT INTO series VALUES (2, ?, ?, '5.HK', ?, NULL)", (KEY[0], KEY[1], KEY[3]))
        old = NEWEST - timedelta(100)
        for series, oldest, newest in ((1, NEWEST - timedelta(2), NEWEST), (1, old, old), (2, NEWEST, NEWEST)):
            connection.execute(
                "INSERT INTO run VALUES (NULL, ?, ?, ?, ?, 'before', NULL, 500, 400)",
                (series, str(oldest), str(newest), str(newest)),
            )
        for row in [*days(NEWEST, 3), *days(old, 1)]:
            connection.execute("INSERT INTO day VALUES (1, ?, ?, 1)", (str(row.date), json.dumps(row[1:12])))
        connection.execute("INSERT INTO day VALUES (2, ?, '[1]', 1)", (str(NEWEST),))


async def test_nothing_of_a_database_is_left_open(tmp_path: Path) -> None:
    def opened() -> list[Path]:
        links = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
        return [link for link in links if link.is_relative_to(tmp_path)]

    database = Database(tmp_path / "file", ("CREATE TABLE t (x)",), mark=1, version=1, purpose="It")
    await database.write(lambda connection: connection.execute("INSERT INTO t VALUES (1)"), None)
    assert opened()
    await database.aclose()
    assert not opened()
