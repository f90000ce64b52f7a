"""Four processes that count requests in one bucket, beside pyrate-limiter's bucket in SQLite with its file lock.

A limit of 300 in a second for 900 requests: the least time that anybody can take is two seconds.
"""

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.measure import interleaved

__all__ = ["shared_quota"]

_PROCESSES, _CLAIMS = 4, 225


def shared_quota(pairs: int = 8) -> Iterator[str]:
    """The ratio of the two times from spawn to the end of the last process."""
    if find_spec("pyrate_limiter") is None:
        yield "beside pyrate-limiter: skipped, as it needs pyrate-limiter installed"
        return
    ratio = interleaved(lambda: _all_at_once("ours"), lambda: _all_at_once("pyrate"), pairs)
    yield f"{_PROCESSES} processes, {_PROCESSES * _CLAIMS} claims of a limit of 300 a second / pyrate-limiter: {ratio}"


def _all_at_once(which: str) -> float:
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.claims", which, str(Path(folder) / "bucket"), str(_CLAIMS)]
        began = perf_counter()
        processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(_PROCESSES)]
        assert [process.wait() for process in processes] == [0] * _PROCESSES
        return perf_counter() - began
