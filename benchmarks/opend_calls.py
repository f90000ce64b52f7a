"""A call over an OpenD in another process, beside a client that does nothing but fetch.

Ours is the source's own call: connection, source and paging, without a quota and without MCP around it. Both sides have
their connection open.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from time import perf_counter

import anyio
from anyio.from_thread import start_blocking_portal

from benchmarks.measure import interleaved
from benchmarks.opend_sandbox import opend_in_another_process
from benchmarks.thin_client import ThinClient
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.history import fetch_series
from mcp_shortvol.quotas.quota import Quota
from mcp_shortvol.sources.opend import OpenD, OpenDSource

__all__ = ["opend_calls"]

_TENCENT = Symbol("700", Market.HK)
_CALLS_PER_SAMPLE = {50: 40, 500: 8}  # by days: one call would be too short to time


def opend_calls(pairs: int = 40) -> Iterator[str]:
    """The ratio of the two times, for 50 days and for 500."""
    with (
        opend_in_another_process() as address,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_connected(*address)) as (source, thin),
    ):
        for days, calls in _CALLS_PER_SAMPLE.items():

            async def ours(days: int = days, calls: int = calls) -> float:
                question = Question(_TENCENT, count=days)
                began = perf_counter()
                for _ in range(calls):
                    series = await fetch_series(source, question)
                took = perf_counter() - began
                assert len(series.days) == days
                return took / calls

            async def yardstick(days: int = days, calls: int = calls) -> float:
                began = perf_counter()
                for _ in range(calls):
                    rows = await thin.fetch_days(_TENCENT.futu_code, days)
                took = perf_counter() - began
                assert len(rows) == days
                return took / calls

            ratio = interleaved(lambda: portal.call(ours), lambda: portal.call(yardstick), pairs)
            yield f"a call for {days} days over OpenD / a thin client that only fetches: {ratio}"


@asynccontextmanager
async def _connected(host: str, port: int) -> AsyncIterator[tuple[OpenDSource, ThinClient]]:
    async with anyio.create_task_group() as tasks:
        opend = OpenD(tasks, host, port)
        await opend.state()
        yield OpenDSource(opend, Quota(None, concurrent=32)), await ThinClient.connect(host, port)
        await opend.aclose()
