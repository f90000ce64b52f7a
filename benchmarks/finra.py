"""FINRA: a symbol's year beside a thin client, and a screen over 21 kept market days beside a plain SQL query.

The thin client asks, parses and sums in decimal; ours is the source's own call with its checks and without a store. The
screen is asked as the tool would, over a file with 21 days of 12,500 names; its memory is that of a process of its own
that has listed its tools before.
"""

import json
import random
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, time

import anyio
import httpx
from anyio.from_thread import start_blocking_portal

from benchmarks.measure import interleaved
from benchmarks.opend_sandbox import sandbox_in_another_process
from mcp_shortvol.cache.market import MarketStore
from mcp_shortvol.domain.calendar import previous_trading_day
from mcp_shortvol.domain.market_day import MarketDay, Volumes
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.history import fetch_series
from mcp_shortvol.settings import load_settings
from mcp_shortvol.upstreams import Upstreams

__all__ = ["finra", "screen"]

_APPLE = Symbol("AAPL", Market.US)
_FIRST, _LAST = date(2025, 5, 8), date(2026, 5, 8)  # the year that the sandbox of the benchmarks has
_CALLS = 5
_NAMES, _DAYS = 12_500, 21
_UPSTREAM = "https://api.finra.org"
_PLAIN = (
    "SELECT symbol, avg(100.0 * short / total) FROM volume JOIN name ON name.id = volume.name WHERE total > 0 "
    "GROUP BY name ORDER BY 2 DESC LIMIT 100"
)


def finra(pairs: int = 25) -> Iterator[str]:
    """The ratio of the two times for a symbol's year."""
    with sandbox_in_another_process() as environment, start_blocking_portal() as portal:
        http = httpx.AsyncClient(base_url=environment["FINRA_API_URL"], trust_env=False)

        async def thin() -> float:
            began = perf_counter()
            for _ in range(_CALLS):
                assert len(await _fetch_and_sum(http)) > 245
            return (perf_counter() - began) / _CALLS

        async def ours() -> float:
            async with Upstreams(load_settings(**environment)) as upstreams:
                source = (await upstreams.open("finra", Market.US)).volume
                await fetch_series(source, Question(_APPLE, 1))
                took = 0.0
                for _ in range(_CALLS):
                    began = perf_counter()
                    series = await fetch_series(source, Question(_APPLE, 250, None, _LAST))
                    took += perf_counter() - began
                    assert len(series.days) == 250
                    await anyio.sleep(0.3)  # so that the quota of 20 a second makes nobody wait
            return took / _CALLS

        ratio = interleaved(lambda: portal.call(ours), lambda: portal.call(thin), pairs)
        portal.call(http.aclose)
        yield f"a symbol's year over FINRA / a thin client that fetches and sums: {ratio}"


async def _fetch_and_sum(http: httpx.AsyncClient) -> dict[str, tuple[int, int]]:
    symbol = "securitiesInformationProcessorSymbolIdentifier"
    question = {
        "fields": ["tradeReportDate", "shortParQuantity", "totalParQuantity"],
        "compareFilters": [{"compareType": "EQUAL", "fieldName": symbol, "fieldValue": "AAPL"}],
        "dateRangeFilters": [
            {
                "fieldName": "tradeReportDate",
                "startDate": str(_FIRST),
                "endDate": str(_LAST),
            }
        ],
        "limit": 5000,
    }
    answer = await http.post(
        "/data/group/otcMarket/name/regShoDaily", json=question, headers={"Accept": "application/json"}
    )
    sums: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for record in json.loads(answer.content, parse_float=Decimal):
        of_day = sums[record["tradeReportDate"]]
        of_day[0] += record["shortParQuantity"]
        of_day[1] += record["totalParQuantity"]
    return {day: (round(short), round(total)) for day, (short, total) in sums.items()}


def screen(pairs: int = 15) -> Iterator[str]:
    """Seconds and memory of a screen over 21 kept days, beside a plain query over the same file; its size."""
    with TemporaryDirectory() as folder:
        newest = anyio.run(_fill, Path(folder))
        first, times, memory, plain = [], [], [], []
        for _ in range(pairs):
            began = perf_counter()
            connection = sqlite3.connect(Path(folder) / "market.sqlite3")
            assert len(connection.execute(_PLAIN).fetchall()) == 100
            connection.close()
            plain.append(1000 * (perf_counter() - began))
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.screened", folder, str(newest)],
                capture_output=True,
                text=True,
                check=True,
            )
            whole, milliseconds, kilobytes = map(float, done.stdout.split())
            first.append(whole)
            times.append(milliseconds)
            memory.append(kilobytes / 1024)
        size = sum(path.stat().st_size for path in Path(folder).glob("market*")) / 1024**2
        yield (
            f"a screen by z-score over {_DAYS} kept days of {_NAMES} names: {median(times):.0f} ms "
            f"({min(times):.0f}..{max(times):.0f}), the first of a process {median(first):.0f} ms; "
            f"{median(memory):.1f} MB above the idle server; a plain SQL query over the same file: "
            f"{median(plain):.0f} ms; the file: {size:.1f} MB, 250 days: {size / _DAYS * 250:.0f} MB"
        )


async def _fill(folder: Path) -> date:
    """Keep the market days; the newest of them, a week ago."""
    drawn = random.Random(1)
    store = MarketStore(folder / "market.sqlite3")
    day = newest = previous_trading_day(Market.US, date.fromordinal(Market.US.today().toordinal() - 7))
    names = [f"N{number:05}.US" for number in range(_NAMES)]
    for _ in range(_DAYS):
        totals = [int(2_000 * 1_500 ** drawn.random()) for _ in names]
        volumes = {name: Volumes(int(total * drawn.random()), total) for name, total in zip(names, totals, strict=True)}
        await store.keep_day(_UPSTREAM, MarketDay(day, volumes, 0, sandbox=False), time())
        day = previous_trading_day(Market.US, day)
    await store.aclose()
    return newest
