"""A process that lists its tools, then screens twice: `python -m benchmarks.screened FOLDER DATE`.

Prints the milliseconds of either call, and by how many KB the peak of its memory rose.
"""

import re
import sys
from pathlib import Path
from time import perf_counter

import anyio
from mcp import Client

from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings


def _peak() -> int:
    peak = re.search(r"VmHWM:\s*([0-9]+) kB", Path("/proc/self/status").read_text())
    assert peak
    return int(peak[1])


async def _main(folder: str, day: str) -> None:
    async with Client(build_server(load_settings(SHORTVOL_DATA_DIR=folder))) as client:
        await client.list_tools()
        idle = _peak()
        for _ in range(2):
            began = perf_counter()
            result = await client.call_tool(
                "screen_short_volume", {"date": day, "order_by": "z_score", "days": 21, "count": 100}
            )
            assert not result.is_error, result.content
            print(1000 * (perf_counter() - began))
        print(_peak() - idle)


anyio.run(_main, *sys.argv[1:])
