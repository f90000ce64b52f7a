"""A whole process that fetches days through our source: `python -m benchmarks.fetch_by_source HOST PORT DAYS`."""

import sys

import anyio

from benchmarks.peak_memory import print_with_peak_memory
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.history import fetch_series
from mcp_shortvol.quotas.quota import Quota
from mcp_shortvol.sources.opend import OpenD, OpenDSource


async def _fetch(host: str, port: int, days: int) -> int:
    async with anyio.create_task_group() as tasks:
        opend = OpenD(tasks, host, port)
        source = OpenDSource(opend, Quota(None, concurrent=32))
        series = await fetch_series(source, Question(Symbol("700", Market.HK), count=days))
        await opend.aclose()
    return len(series.days)


if __name__ == "__main__":
    print_with_peak_memory(anyio.run(_fetch, sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
