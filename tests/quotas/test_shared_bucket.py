"""One bucket for all processes of a machine: counted together, slowed together, and no obstacle when it is unusable."""

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

from mcp_shortvol.domain.errors import RateLimited
from mcp_shortvol.quotas.quota import Quota, Rate
from mcp_shortvol.quotas.shared_bucket import SharedBucket, starts_in

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


def bucket(file: Path, name: str = "opend 127.0.0.1:11111 3248") -> SharedBucket:
    return SharedBucket(starts_in(file), name)


def quota(file: Path, rate: Rate) -> Quota:
    return Quota(rate, concurrent=50, bucket=bucket(file))


CLAIMANT = """
import json, sys, time
from pathlib import Path
import anyio
from mcp_shortvol.quotas.quota import Rate
from tests.quotas.test_shared_bucket import quota

async def main():
    shared, starts = quota(Path(sys.argv[1]), Rate(10, 0.5)), []
    async def call():
        async with shared.slot():
            starts.append(time.monotonic())
    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(call)
    print(json.dumps(starts))

anyio.run(main)
"""


def test_no_window_of_any_process_holds_more_starts_than_allowed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CLAIMANT, str(tmp_path / "quotas")]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(5)]
    starts = sorted(start for process in processes for start in json.loads(process.communicate(timeout=60)[0]))
    assert len(starts) == 40
    # The bucket's own times are at least so far apart; a start is told a moment after it was counted.
    assert all(later - earlier > 0.45 for earlier, later in zip(starts, starts[10:], strict=False))
    # 40 starts take three windows after the first ten, and not many more.
    assert starts[-1] - starts[0] < 4 * 0.5 + 1


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is held is given up soon, and soon tried again."""
    monkeypatch.setattr("mcp_shortvol.files.database._BUSY_SECONDS", 0.05)
    monkeypatch.setattr("mcp_shortvol.files.database._BUSY_PAUSE", 0.05)


@contextmanager
def held(file: Path) -> Iterator[None]:
    """The file as another program holds it that is stuck while it writes."""
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    yield
    holder.execute("ROLLBACK")
    holder.close()


async def test_a_refusal_slows_all_who_share_the_bucket(tmp_path: Path) -> None:
    here, there = bucket(tmp_path / "quotas"), bucket(tmp_path / "quotas")
    await here.back_off(5.0)
    assert 4.5 < await there.claim(Rate(10, 1.0)) <= 5.0
    await there.back_off(1.0)  # a shorter one does not shorten it
    assert await there.claim(Rate(10, 1.0)) > 4
    assert await bucket(tmp_path / "quotas", "another").claim(Rate(10, 1.0)) == 0


async def test_setting_the_time_of_day_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = bucket(tmp_path / "quotas")
    assert await shared.claim(Rate(1, 60.0)) == 0
    for jump in (-1e6, 1e6):
        monkeypatch.setattr(time, "time", lambda jump=jump: 1.8e9 + jump)
        assert 59 < await shared.claim(Rate(1, 60.0)) <= 60


async def test_what_a_restart_of_the_machine_leaves_is_dropped(tmp_path: Path) -> None:
    shared = bucket(tmp_path / "quotas")
    await shared.claim(Rate(1, 60.0))
    await shared.back_off(600.0)
    with sqlite3.connect(tmp_path / "quotas") as other:  # the clock began anew, and those times are to come
        other.execute("UPDATE start SET at = at + 1000000")
        other.execute("UPDATE refusal SET at = at + 1000000")
    assert await shared.claim(Rate(1, 60.0)) == 0
    assert await shared.claim(Rate(1, 60.0)) > 59


async def test_a_refusal_is_known_to_all_whatever_becomes_of_the_file(tmp_path: Path, impatient: None) -> None:
    rate = Rate(9, 1.0)
    here, there = bucket(tmp_path / "quotas"), bucket(tmp_path / "quotas")
    assert await here.claim(rate) == 0
    with held(tmp_path / "quotas"):
        await here.back_off(60)
    await anyio.sleep(0.06)
    assert [await here.claim(rate) > 59, await there.claim(rate) > 59] == [True, True]
    with held(tmp_path / "quotas"):
        assert await there.claim(rate) > 59


@pytest.mark.parametrize("seconds", ["'long'", "x'00'", "1e300", "-1"])
async def test_a_refusal_that_nobody_wrote_is_none(tmp_path: Path, seconds: str) -> None:
    shared = bucket(tmp_path / "quotas")
    await shared.back_off(60)
    with sqlite3.connect(tmp_path / "quotas") as other:
        other.execute(f"UPDATE refusal SET seconds = {seconds}")
    assert await shared.claim(Rate(9, 1.0)) == 0


async def test_a_damaged_schema_is_no_failure(tmp_path: Path) -> None:
    shared = bucket(tmp_path / "quotas")
    await shared.claim(Rate(9, 1.0))
    await shared._database.aclose()
    content = (tmp_path / "quotas").read_bytes()
    (tmp_path / "quotas").write_bytes(content.replace(b"CREATE TABLE start", b"CREATE TABLE sta\xfft"))
    again = bucket(tmp_path / "quotas")
    assert [await again.claim(Rate(2, 60.0)) > 0 for _ in range(3)] == [False, False, True]


async def test_who_waits_behind_one_who_found_the_file_held_does_not_wait_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp_shortvol.files.database._BUSY_SECONDS", 0.3)
    shared = bucket(tmp_path / "quotas")
    await shared.claim(Rate(100, 1.0))
    with held(tmp_path / "quotas"):
        began = time.monotonic()
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(shared.claim, Rate(100, 1.0))
        assert time.monotonic() - began < 0.9


async def test_what_could_not_be_opened_once_is_opened_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_shortvol.files.database._UNUSABLE_PAUSE", 0.05)
    (tmp_path / "folder").touch()
    here = bucket(tmp_path / "folder" / "quotas")
    assert await here.claim(Rate(2, 60.0)) == 0
    (tmp_path / "folder").unlink()
    await anyio.sleep(0.06)
    assert [await here.claim(Rate(2, 60.0)), await bucket(tmp_path / "folder" / "quotas").claim(Rate(2, 60.0)) > 0] == [
        0,
        True,
    ]


async def test_processes_set_to_different_rates_each_keep_to_their_own(tmp_path: Path) -> None:
    shared = bucket(tmp_path / "quotas")
    for _ in range(3):
        assert await shared.claim(Rate(30, 0.01)) == 0
        await anyio.sleep(0.02)
    assert await shared.claim(Rate(3, 30.0)) > 29


async def test_where_the_file_is_unusable_the_process_counts_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    alone = bucket(Path("/proc/nowhere/quotas"))
    assert [await alone.claim(Rate(2, 60.0)) > 0 for _ in range(3)] == [False, False, True]
    assert await alone.expected(Rate(2, 60.0), 2) > 60
    await alone.back_off(300.0)
    assert await alone.claim(Rate(5, 60.0)) > 290
    assert caplog.text.count("it works without") == 1


async def test_starts_that_were_seen_in_a_file_count_on_without_it_and_those_made_without_it_in_it(
    tmp_path: Path, impatient: None
) -> None:
    rate = Rate(4, 60.0)
    here, there = bucket(tmp_path / "quotas"), bucket(tmp_path / "quotas")
    assert [await there.claim(rate), await there.claim(rate), await here.claim(rate)] == [0, 0, 0]
    with held(tmp_path / "quotas"):
        assert [await here.claim(rate) > 0, await here.claim(rate) > 0] == [False, True]
    await anyio.sleep(0.06)
    assert await here.claim(rate) > 50
    assert await there.claim(rate) > 50


async def test_a_file_that_is_deleted_is_made_again_for_all(tmp_path: Path) -> None:
    rate = Rate(2, 60.0)
    here, there = bucket(tmp_path / "quotas"), bucket(tmp_path / "quotas")
    assert [await here.claim(rate), await there.claim(rate)] == [0, 0]
    for path in tmp_path.iterdir():
        path.unlink()
    assert [await here.claim(rate), await there.claim(rate)] == [0, 0]
    assert await here.claim(rate) > 50


OPENER = """
import sys, time
from pathlib import Path
import anyio
from mcp_shortvol.quotas.quota import Rate
from tests.quotas.test_shared_bucket import bucket

time.sleep(max(float(sys.argv[2]) - time.time(), 0))
print(anyio.run(bucket(Path(sys.argv[1])).claim, Rate(3, 600.0)) == 0)
"""


def test_programs_that_make_the_file_at_the_same_moment_share_it(tmp_path: Path) -> None:
    for attempt in range(4):
        start = str(time.time() + 1.5)
        command = [sys.executable, "-c", OPENER, str(tmp_path / f"quotas{attempt}"), start]
        processes = [
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(8)
        ]
        told = [process.communicate(timeout=60) for process in processes]
        assert [errors for _, errors in told] == [""] * 8
        assert sum(answer == "True\n" for answer, _ in told) == 3


async def test_what_old_starts_leave_in_the_file_is_cleared_away(tmp_path: Path) -> None:
    shared = bucket(tmp_path / "quotas")
    await shared.claim(Rate(1, 0.01))
    with sqlite3.connect(tmp_path / "quotas") as other:
        other.execute("UPDATE start SET at = at - 100")
    await shared.claim(Rate(1, 0.01))
    with sqlite3.connect(tmp_path / "quotas") as other:
        assert other.execute("SELECT count(*) FROM start").fetchone() == (1,)


class TestWaiting:
    async def test_a_wait_that_outlasts_the_deadline_is_not_begun(self, tmp_path: Path) -> None:
        shared = quota(tmp_path / "quotas", Rate(2, 30.0))
        for _ in range(2):
            async with shared.slot():
                pass
        began = time.monotonic()
        with anyio.fail_after(5), pytest.raises(RateLimited, match=r"2 requests in 30 s .* Ask again in 30 seconds"):
            async with shared.slot():
                pass
        assert time.monotonic() - began < 1

    async def test_one_that_does_not_is_waited_for(self, tmp_path: Path) -> None:
        shared = quota(tmp_path / "quotas", Rate(1, 0.2))
        told: list[float] = []

        async def on_wait(seconds: float) -> None:
            told.append(seconds)

        with anyio.fail_after(5):
            for _ in range(3):
                async with shared.slot(on_wait):
                    pass
        assert [0.1 < seconds <= 0.2 for seconds in told] == [True, True]

    async def test_within_a_process_they_are_served_in_the_order_they_came(self, tmp_path: Path) -> None:
        shared, served = quota(tmp_path / "quotas", Rate(2, 0.1)), []

        async def call(number: int) -> None:
            async with shared.slot():
                served.append(number)

        async with anyio.create_task_group() as tasks:
            for number in range(7):
                tasks.start_soon(call, number)
                await anyio.lowlevel.checkpoint()
        assert served == list(range(7))


class TestRefusals:
    async def test_one_is_waited_out_and_asked_again(self, tmp_path: Path) -> None:
        shared = quota(tmp_path / "quotas", Rate(100, 1.0))
        answers: list[Exception | str] = [RateLimited("No.", "Wait.", retry_after=0.3), "yes"]
        asked: list[float] = []

        async def ask() -> str:
            async with shared.slot():
                asked.append(time.monotonic())
                answer = answers.pop(0)
                if isinstance(answer, Exception):
                    raise answer
                return answer

        assert await shared.keeping(ask) == "yes"
        assert 0.3 <= asked[1] - asked[0] < 1

    async def test_pauses_grow_where_the_upstream_says_none_and_end(self, tmp_path: Path) -> None:
        counted = Quota(Rate(100, 1.0), concurrent=5, bucket=bucket(tmp_path / "quotas"), pause=0.25)
        asked: list[float] = []

        async def ask() -> None:
            async with counted.slot():
                asked.append(time.monotonic())
                raise RateLimited("No.", "Wait.")

        with pytest.raises(RateLimited, match="No"):
            await counted.keeping(ask)
        pauses = [later - earlier for earlier, later in pairwise(asked)]
        assert len(pauses) == 3
        assert all(later > 1.5 * earlier for earlier, later in pairwise(pauses))

    async def test_one_that_outlasts_the_deadline_is_told_at_once(self, tmp_path: Path) -> None:
        shared = quota(tmp_path / "quotas", Rate(100, 1.0))

        async def ask() -> None:
            async with shared.slot():
                raise RateLimited("No.", "Wait 600 seconds.", retry_after=600)

        with anyio.fail_after(1), pytest.raises(RateLimited, match="Wait 600 seconds"):
            await shared.keeping(ask)
        with anyio.fail_after(1), pytest.raises(RateLimited, match="no further request"):
            await shared.keeping(ask)  # nobody asks meanwhile

    async def test_a_start_that_cannot_be_had_in_time_is_no_refusal_and_slows_nobody(self, tmp_path: Path) -> None:
        shared = quota(tmp_path / "quotas", Rate(1, 0.5))

        async def ask() -> str:
            async with shared.slot():
                return "yes"

        assert await shared.keeping(ask) == "yes"
        for _ in range(5):
            with anyio.fail_after(0.2), pytest.raises(RateLimited, match="used up"):
                await shared.keeping(ask)
        assert await bucket(tmp_path / "quotas").claim(Rate(2, 0.5)) == 0
