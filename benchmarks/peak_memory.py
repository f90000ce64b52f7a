"""What a measured process tells the one that measures: the days it fetched, and the most memory it held."""

import re
from pathlib import Path

__all__ = ["print_with_peak_memory", "read_days_and_peak_memory"]


def print_with_peak_memory(days: int) -> None:
    """Print both; Linux only.

    Not by `resource.getrusage`: its peak begins with the size of the process that spawned this one.
    """
    peak = re.search(r"VmHWM:\s*([0-9]+) kB", Path("/proc/self/status").read_text())
    assert peak
    print(f"\nfetched {days} days, peak {peak[1]} kB")


def read_days_and_peak_memory(printed: str) -> tuple[int, int]:
    """Days and KB, from between whatever else was printed."""
    told = re.search(r"fetched ([0-9]+) days, peak ([0-9]+) kB", printed)
    assert told
    return int(told[1]), int(told[2])
