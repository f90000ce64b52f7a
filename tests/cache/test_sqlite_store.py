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
from pathlib import Path

import anyio
import pytest

from mcp_shortvol.cache.sqlite_store import SqliteStore
from mcp_shortvol.cache.store import Addition, Kept, Merged, Seam, SeriesKey, Store, Window
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.short_volume import Day, ShortPosition
from mcp_shortvol.files.database import Database

pytestmark = pytest.mark.anyio

KEY = SeriesKey("opend 127.0.0.1:11111", "short_volume", "700.HK", False)
NEWEST = date(2026, 6, 12)
ALL = Window(None, None, 1000)


def days(newest: date, count: int, version: int = 0) -> list[Day]:
    return [
        Day(newest - timedelta(back), 100 + version, 1000, 10.5, total_turnover=0.1 + back) for back in range(count)
    ]


def addition(rows: list[Day], at: float = 1000.0, *, newest: bool = True, joins: Seam | None = None) -> Addition[Day]:
    until = date.max if newest else joins.date - timedelta(1) if joins else rows[0].date
    older = f"before {rows[-1].date}"
    return Addition(rows, until, joins, older, newest, NEWEST, ShortPosition(5, 0.5, NEWEST), at)


async def keep(store: Store, rows: list[Day], at: float = 1000.0, **options: object) -> Merged[Day]:
    merged = await store.keep(KEY, Day, addition(rows, at, **options), ALL)  # type: ignore[arg-type]
    assert merged is not None
    return merged


async def count_after(store: Store, rows: list[Day], **options: object) -> int:
    """How many days the newest run has once a page is kept."""
    await keep(store, rows, **options)  # type: ignore[arg-type]
    found = await kept(store)
    assert found is not None
    return len(found.rows)


async def kept(store: Store, key: SeriesKey = KEY, window: Window = ALL) -> Kept[Day] | None:
    return await store.look([key], Day, window)


class TestRows:
    async def test_rows_come_back_as_they_were(self, tmp_path: Path) -> None:
        row = Day(NEWEST, 1, 2, 0.1 + 0.2, 1e17 / 3, None, 1e-9, 4.0, 33.3333, None, 0, 10**15)
        store = SqliteStore(tmp_path / "days")
        await keep(store, [row])
        await store.aclose()
        found = await kept(SqliteStore(tmp_path / "days"))
        assert found is not None
        assert [list(found.rows), found.position, found.invented] == [[row], ShortPosition(5, 0.5, NEWEST), False]

    async def test_reports_are_kept_beside_days(self) -> None:
        store = SqliteStore(None)
        report = Report(NEWEST, 1, 0.5, 10.0, source_days_to_cover=1.5)
        key = KEY._replace(interface="short_interest")
        await keep(store, days(NEWEST, 3))
        await store.keep(key, Report, Addition([report], date.max, None, None, True, NEWEST, None, 1.0), ALL)
        found = await store.look([key], Report, ALL)
        assert found is not None
        assert list(found.rows) == [report]

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

    async def test_a_window_is_the_newest_rows_in_a_range(self) -> None:
        store = SqliteStore(None)
        await keep(store, days(NEWEST, 30))
        found = await kept(store, window=Window(NEWEST - timedelta(20), NEWEST - timedelta(3), 5))
        assert found is not None
        assert [row.date for row in found.rows] == [NEWEST - timedelta(back) for back in range(3, 8)]

    async def test_a_sandbox_is_forgotten_once_a_market_answers_at_its_address(self) -> None:
        store = SqliteStore(None)
        played = KEY._replace(invented=True, symbol="5.HK")
        await store.keep(played, Day, addition(days(NEWEST, 3)), ALL)
        assert await kept(store, played) is not None
        await keep(store, days(NEWEST, 3))
        assert await kept(store, played) is None


class TestRuns:
    async def test_pages_that_follow_each_other_are_one_run(self) -> None:
        store = SqliteStore(None)
        first = await keep(store, days(NEWEST, 10))
        seam = Seam(NEWEST - timedelta(9), first.kept.run.number)
        merged = await keep(store, days(NEWEST - timedelta(10), 10), newest=False, joins=seam)
        assert [merged.kept.run.newest, merged.kept.run.oldest] == [NEWEST, NEWEST - timedelta(19)]
        found = await kept(store)
        assert found is not None
        assert [len(found.rows), merged.kept.rows, merged.restated] == [20, [], []]
        assert merged.kept.run.older == f"before {NEWEST - timedelta(19)}"

    async def test_what_a_page_comes_upon_is_given_back(self) -> None:
        store = SqliteStore(None)
        await keep(store, days(NEWEST, 30))
        merged = await keep(store, days(NEWEST, 10), at=2000)
        assert list(merged.kept.rows) == days(NEWEST, 30)[10:]

    async def test_pages_that_do_not_touch_are_two(self) -> None:
        store = SqliteStore(None)
        await keep(store, days(NEWEST - timedelta(20), 5))
        assert await count_after(store, days(NEWEST, 5)) == 5
        older = await kept(store, window=Window(None, NEWEST - timedelta(6), 1000))
        assert older is not None
        assert [len(older.rows), older.run.newest] == [5, NEWEST - timedelta(20)]

    async def test_a_page_that_joins_a_day_which_is_gone_stands_alone(self) -> None:
        store = SqliteStore(None)
        seam = Seam(NEWEST - timedelta(9), 1)
        merged = await keep(store, days(NEWEST - timedelta(10), 10), newest=False, joins=seam)
        assert merged.kept.run.newest == NEWEST - timedelta(10)

    async def test_one_that_joins_a_day_which_was_replaced_meanwhile_stands_alone_too(self) -> None:
        store = SqliteStore(None)
        first = await keep(store, days(NEWEST, 10))
        await keep(store, days(NEWEST, 10, version=1), at=2000)  # by another process
        seam = Seam(NEWEST - timedelta(9), first.kept.run.number)
        merged = await keep(store, days(NEWEST - timedelta(10), 10), newest=False, joins=seam)
        assert merged.kept.run.newest == NEWEST - timedelta(10)

    @pytest.mark.parametrize(("shared", "oldest"), [(9, 14), (10, 29)])
    async def test_a_few_days_in_common_are_no_proof_of_the_rest(self, shared: int, oldest: int) -> None:
        store = SqliteStore(None)
        await keep(store, days(NEWEST, 30)[15 - shared :])
        merged = await keep(store, days(NEWEST, 30)[:15], at=2000)
        assert merged.kept.run.oldest == NEWEST - timedelta(oldest)
        rest = await kept(store, window=Window(None, NEWEST - timedelta(15), 1000))
        assert rest is not None
        assert list(rest.rows) == days(NEWEST, 30)[15:]

    @pytest.mark.parametrize("count", [1, 3])
    async def test_days_that_still_move_prove_nothing(self, count: int) -> None:
        """The newest days of the kept run, and all that a page shares with it, had not settled: it may be restated."""
        store = SqliteStore(None)
        old = days(NEWEST + timedelta(3), 20)
        await keep(store, old)
        page = days(NEWEST + timedelta(10), 7 + count, version=1)
        merged = await keep(store, page, at=2000)
        assert [merged.kept.run.oldest, merged.restated] == [page[-1].date, []]
        rest = await kept(store, window=Window(None, page[-1].date - timedelta(1), 1000))
        assert rest is not None
        assert [list(rest.rows), rest.run.topped_at] == [old[count:], None]

    async def test_a_page_of_the_past_says_nothing_of_the_days_after_it(self) -> None:
        store = SqliteStore(None)
        await keep(store, days(NEWEST, 30), at=1000)
        merged = await keep(store, days(NEWEST, 30)[10:20], at=2000, newest=False)
        assert [merged.kept.run.newest, merged.kept.run.checked_at] == [NEWEST, 1000]
        merged = await keep(store, days(NEWEST, 10), at=3000)
        assert [merged.kept.run.oldest, merged.kept.run.checked_at] == [NEWEST - timedelta(29), 3000]

    async def test_a_day_that_has_closed_last_may_still_come(self) -> None:
        store = SqliteStore(None)
        for until, promised in ((NEWEST, NEWEST - timedelta(1)), (NEWEST - timedelta(3), NEWEST - timedelta(3))):
            rows = days(NEWEST - timedelta(5), 5)
            page = Addition(rows, until, None, None, False, NEWEST, None, 1000.0)
            merged = await store.keep(KEY, Day, page, ALL)
            assert merged is not None
            assert merged.kept.run.until == max(promised, NEWEST - timedelta(1))

    async def test_a_contradicted_run_goes_as_a_whole_and_others_stay(self) -> None:
        store = SqliteStore(None)
        await keep(store, days(NEWEST - timedelta(40), 5))
        await keep(store, days(NEWEST, 10))
        merged = await keep(store, days(NEWEST, 3, version=1), at=2000)
        found = await kept(store)
        assert found is not None
        assert [len(found.rows), len(merged.restated)] == [3, 3]
        assert await kept(store, window=Window(None, NEWEST - timedelta(20), 1000)) is not None

    async def test_the_beginning_belongs_to_the_run_it_was_said_of(self) -> None:
        store = SqliteStore(None)
        await keep(store, days(NEWEST, 10))
        await store.begin(KEY, NEWEST - timedelta(9), 1500.0)
        merged = await keep(store, days(NEWEST, 10), at=2000)
        assert merged.kept.run.begun_at == 1500.0
        merged = await keep(store, days(NEWEST - timedelta(9), 5), at=2000, newest=False)
        assert merged.kept.run.begun_at is None


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
            "UPDATE day SET cells = '[1, 2'",
            "UPDATE day SET cells = '[1, 2]'",
            """UPDATE day SET cells = '["1",2,3,4,5,6,7,8,9,10,11]'""",
            "UPDATE day SET date = date || 'x'",
            "UPDATE run SET newest = 'tomorrow'",
            "UPDATE run SET older = 5, checked_at = 'now'",
            "UPDATE series SET position = '{}'",
            "UPDATE run SET checked_at = 1e300, topped_at = -1e300",
            "UPDATE day SET cells = CAST(x'5bff5d' AS TEXT)",
            "UPDATE run SET until = CAST(x'ff' AS TEXT)",
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
            other.execute("UPDATE day SET cells = 'nothing'")
        assert await kept(first) is None
        await keep(first, days(NEWEST, 7))
        found = await kept(second)  # it still had the damaged one open
        assert found is not None
        assert len(found.rows) == 7

    async def test_one_of_an_older_version_is_begun_anew(self, tmp_path: Path) -> None:
        file = tmp_path / "days"
        await count_after(SqliteStore(file), days(NEWEST, 9))
        with sqlite3.connect(file) as other:
            other.execute("DROP TABLE day")
            other.execute("CREATE TABLE day (something TEXT)")
            other.execute("PRAGMA user_version = 0")
        assert await count_after(SqliteStore(file), days(NEWEST, 5)) == 5

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
        assert await store.keep(KEY, Day, addition(days(NEWEST, 5)), ALL) is None
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
        assert await store.keep(KEY, Day, addition(days(NEWEST, 5)), ALL) is None
        assert [path.name for path in tmp_path.iterdir()] == [name]
        assert file.read_text().startswith("What I have to do.")
        assert "another kind" in caplog.text

    async def test_a_device_is_left_alone(self, tmp_path: Path) -> None:
        fifo = tmp_path / "days"
        os.mkfifo(fifo, 0o644)
        store = SqliteStore(fifo)
        assert await store.keep(KEY, Day, addition(days(NEWEST, 5)), ALL) is None
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
            assert await store.keep(KEY, Day, addition(days(NEWEST, 5)), ALL) is None
            assert await kept(store) is None
            await store.begin(KEY, NEWEST, 1.0)
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
        assert await store.keep(KEY, Day, addition(days(NEWEST, 9)), ALL) is None
        began = time.monotonic()
        assert await store.keep(KEY, Day, addition(days(NEWEST, 9)), ALL) is None
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
from tests.cache.test_sqlite_store import ALL, KEY, NEWEST, addition, days, keep, kept
from mcp_shortvol.domain.short_volume import Day
from mcp_shortvol.cache.sqlite_store import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]))
    await keep(store, days(NEWEST, 50))
    await store.aclose()
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
    assert await store.keep(KEY, Day, addition(days(NEWEST, 900)), ALL) is None
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
from tests.cache.test_sqlite_store import ALL, KEY, NEWEST, days, keep, kept
from mcp_shortvol.cache.sqlite_store import SqliteStore

async def main():
    chance = random.Random(sys.argv[2])
    store = SqliteStore(Path(sys.argv[1]))
    for _ in range(40):
        start = chance.randrange(200)
        newest = NEWEST - timedelta(start)
        await keep(store, [row._replace(total_turnover=None) for row in days(newest, 30)], newest=start == 0)
        found = await kept(store)
        assert len(found.rows) == (found.run.newest - found.run.oldest).days + 1, found.run

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
        check_promises(tmp_path / "days")

    def test_whenever_a_writer_is_killed_runs_promise_only_days_that_are_there(self, tmp_path: Path) -> None:
        program = """
import sys
import time
from datetime import timedelta
from itertools import count
from pathlib import Path
import anyio
from tests.cache.test_sqlite_store import NEWEST, days, keep
from mcp_shortvol.cache.sqlite_store import SqliteStore
from mcp_shortvol.cache.store import Seam

async def main():
    store = SqliteStore(Path(sys.argv[1]))
    for version in count():
        page, joins = days(NEWEST, 20, version % 3), None
        for _ in range(10):
            run = (await keep(store, page, newest=joins is None, joins=joins)).kept.run.number
            print("kept", flush=True)
            joins = Seam(page[-1].date, run)
            page = days(joins.date - timedelta(1), 20, version % 3)

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
            check_promises(file)


def check_promises(file: Path) -> None:
    """Every run has each of its days, all of one version, and no day stands outside a run."""
    with sqlite3.connect(file) as connection:
        stored = {
            date.fromisoformat(day): json.loads(cells)
            for day, cells in connection.execute("SELECT date, cells FROM day")
        }
        promised = set()
        for oldest, newest in connection.execute("SELECT oldest, newest FROM run"):
            first, last = date.fromisoformat(oldest), date.fromisoformat(newest)
            run = [first + timedelta(number) for number in range((last - first).days + 1)]
            assert len({stored[day][0] for day in run}) == 1
            promised |= set(run)
        assert promised == stored.keys()


async def test_nothing_of_a_database_is_left_open(tmp_path: Path) -> None:
    def opened() -> list[Path]:
        links = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
        return [link for link in links if link.is_relative_to(tmp_path)]

    database = Database(tmp_path / "file", ("CREATE TABLE t (x)",), mark=1, version=1, purpose="It")
    await database.write(lambda connection: connection.execute("INSERT INTO t VALUES (1)"), None)
    assert opened()
    await database.aclose()
    assert not opened()
