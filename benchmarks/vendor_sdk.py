"""A whole process that fetches 500 days through our source, beside one that does so through Futu's own SDK."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

from benchmarks.measure import Ratio, in_turns
from benchmarks.opend_sandbox import opend_in_another_process
from benchmarks.peak_memory import read_days_and_peak_memory

__all__ = ["vendor_sdk"]

_DAYS = 500


class _Run(NamedTuple):
    seconds: float
    peak_kb: int


def vendor_sdk(pairs: int = 20) -> Iterator[str]:
    """The ratios of the two times, from spawn to exit, and of the two peaks of memory."""
    if find_spec("futu") is None or not Path("/proc/self/status").exists():
        yield "beside Futu's own SDK: skipped, as it needs futu-api installed and Linux's /proc"
        return
    # The SDK writes its log below the home directory.
    with opend_in_another_process() as (host, port), TemporaryDirectory() as home:

        def run(module: str) -> _Run:
            command = [sys.executable, "-m", module, host, str(port), str(_DAYS)]
            began = perf_counter()
            told = subprocess.run(
                command, env={**os.environ, "HOME": home}, check=True, capture_output=True, text=True
            ).stdout
            took = perf_counter() - began
            days, peak_kb = read_days_and_peak_memory(told)
            assert days == _DAYS
            return _Run(took, peak_kb)

        runs = in_turns(lambda: run("benchmarks.fetch_by_source"), lambda: run("benchmarks.fetch_by_sdk"), pairs)
    times = Ratio.of([(ours.seconds * 1000, sdk.seconds * 1000) for ours, sdk in runs], "ms")
    peaks = Ratio.of([(ours.peak_kb / 1024, sdk.peak_kb / 1024) for ours, sdk in runs], "MB")
    yield f"a process that fetches {_DAYS} days over OpenD / one that uses futu-api, time: {times}"
    yield f"a process that fetches {_DAYS} days over OpenD / one that uses futu-api, peak memory: {peaks}"
