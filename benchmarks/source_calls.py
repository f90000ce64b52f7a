"""A call to each source, cold (nothing kept) and warm (kept and fresh), beside a client that does nothing but fetch.

Ours is the history's own call: store, source and paging, without a quota and without MCP around it. Both sides have
their connection open; the upstreams are our sandbox in another process.
"""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import anyio
from anyio.from_thread import start_blocking_portal

from benchmarks.measure import interleaved
from benchmarks.opend_sandbox import sandbox_in_another_process
from benchmarks.thin_client import ThinClient
from benchmarks.thin_http import ThinCloud, ThinLongbridge
from mcp_shortvol.cache.sqlite import SqliteStore
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.freshness import Freshness
from mcp_shortvol.history.history import History
from mcp_shortvol.settings import SourceName, load_settings
from mcp_shortvol.sources import Source
from mcp_shortvol.upstreams import Upstreams

__all__ = ["source_calls"]

_TENCENT = Symbol("700", Market.HK)
_FETCH = Callable[[str, int], Awaitable[list[Any]]]
_DAYS: dict[SourceName, tuple[tuple[int, int], ...]] = {  # with the calls per sample: one would be too short to time
    "longbridge": ((20, 10), (50, 10), (500, 4)),
    "futu_opend": ((20, 20), (50, 20), (500, 4)),
    "futu_cloud": ((20, 10), (50, 10), (90, 10)),
}
_SPELLINGS: dict[SourceName, str] = {"longbridge": "700.HK", "futu_opend": "00700", "futu_cloud": "HK.00700"}


def source_calls(pairs: int = 25) -> Iterator[str]:
    """The ratio of the two times, by source and days, cold and warm."""
    with (
        sandbox_in_another_process() as environment,
        TemporaryDirectory() as folder,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(_opened(environment, Path(folder) / "days")) as opened,
    ):
        history, sources, thin, forget = opened
        for name, lengths in _DAYS.items():
            for days, calls in lengths:

                async def yardstick(name: SourceName = name, days: int = days, calls: int = calls) -> float:
                    began = perf_counter()
                    for _ in range(calls):
                        assert len(await thin[name](_SPELLINGS[name], days)) >= days
                    return (perf_counter() - began) / calls

                async def ours(cold: bool, name: SourceName = name, days: int = days, calls: int = calls) -> float:
                    took = 0.0
                    for _ in range(calls):
                        if cold:
                            forget()
                        began = perf_counter()
                        series = await history.series(sources[name], Question(_TENCENT, count=days))
                        took += perf_counter() - began
                        assert len(series.days) == days
                    return took / calls

                for kind, cold in (("cold", True), ("warm", False)):
                    ratio = interleaved(
                        lambda cold=cold, ours=ours: portal.call(ours, cold),  # type: ignore[misc]
                        lambda yardstick=yardstick: portal.call(yardstick),  # type: ignore[misc]
                        pairs,
                    )
                    yield f"a {kind} call for {days} days over {name} / a thin client that only fetches: {ratio}"


@asynccontextmanager
async def _opened(
    environment: dict[str, str], file: Path
) -> AsyncIterator[tuple[History, dict[SourceName, Source], dict[SourceName, _FETCH], Callable[[], None]]]:
    settings = load_settings(**environment, SHORTVOL_FUTU_QUOTA="off", SHORTVOL_LONGBRIDGE_QUOTA="off")
    store = SqliteStore(file)
    thin_opend = await ThinClient.connect(environment["FUTU_OPEND_HOST"], int(environment["FUTU_OPEND_PORT"]))
    longbridge, cloud = ThinLongbridge(environment), ThinCloud(environment)
    async with Upstreams(settings) as upstreams, anyio.create_task_group() as tasks:
        history = History(store, Freshness(86_400), tasks)
        sources = {name: (await upstreams.open(name, Market.HK)).volume for name in _DAYS}
        for source in sources.values():
            await history.series(source, Question(_TENCENT, count=1))
        forgetting = sqlite3.connect(file, isolation_level=None)

        def forget() -> None:
            forgetting.execute("DELETE FROM series")

        yield (
            history,
            sources,
            {
                "longbridge": longbridge.fetch_days,
                "futu_opend": thin_opend.fetch_days,
                "futu_cloud": cloud.fetch_days,
            },
            forget,
        )
        forgetting.close()
        await longbridge.aclose()
        await cloud.aclose()
        await store.aclose()
