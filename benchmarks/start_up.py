"""Spawn to first tools/list, over stdio, and memory by then, beside a bare two-tool server of the same SDK."""

from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from benchmarks.measure import Ratio, in_turns
from benchmarks.stdio import BARE_SERVER, OURS, StdioServer

__all__ = ["start_up"]


class _Start(NamedTuple):
    seconds: float
    peak_mb: float


def start_up(pairs: int = 30) -> Iterator[str]:
    """The ratio of the two times, and the difference of the two peaks; both run in this interpreter's environment."""
    starts = in_turns(lambda: _first_tools_list(OURS), lambda: _first_tools_list(BARE_SERVER), pairs)
    times = Ratio.of([(1000 * ours.seconds, 1000 * bare.seconds) for ours, bare in starts], "ms")
    yield f"spawn to first tools/list / bare two-tool server: {times}"
    if Path("/proc/self/status").exists():
        peaks = Ratio.of([(ours.peak_mb, bare.peak_mb) for ours, bare in starts], "MB")
        yield f"peak memory by then / bare two-tool server: {peaks}, {peaks.ours - peaks.yardstick:.1f} MB above"


def _first_tools_list(command: list[str]) -> _Start:
    began = perf_counter()
    with StdioServer(command) as server:
        server.initialize()
        tools = server.request("tools/list")["tools"]
        took = perf_counter() - began
        assert tools, "the server lists no tools"
        peak = server.peak_mb() if Path("/proc/self/status").exists() else 0.0
    return _Start(took, peak)
