"""500 days that are kept, asked for through the whole server: beside the first time, and beside a tool that only
returns the same bytes.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

import httpx

from benchmarks.measure import Ratio, in_turns, interleaved
from benchmarks.opend_sandbox import opend_in_another_process
from benchmarks.stdio import OURS, StdioServer

__all__ = ["kept_days"]

_TOOL = "get_daily_short_volume"
_QUESTION = {"symbol": "HK.00700", "count": 500}
_DEFAULT_QUESTION = {"symbol": "HK.00700", "count": 30}
_OURS_OVER_HTTP = ["-m", "mcp_shortvol", "serve", "--http", "--port"]
_CALLS = 20
_HERE = Path(__file__).parent


def kept_days(pairs: int = 40) -> Iterator[str]:
    """The repeated question beside the first and beside the replay, over stdio and over HTTP; calls a second."""
    with ExitStack() as running:
        host, port = running.enter_context(opend_in_another_process())
        folder = Path(running.enter_context(TemporaryDirectory()))
        settings = {
            "FUTU_OPEND_HOST": host,
            "FUTU_OPEND_PORT": str(port),
            "FUTU_SOURCE": "futu_opend",
            "SHORTVOL_FUTU_QUOTA": "off",
            "SHORTVOL_DATA_DIR": str(folder),
            "SHORTVOL_FRESH": "86400",
        }
        yield _first_and_second(settings, folder)
        ours = running.enter_context(StdioServer(OURS, **settings))
        ours.initialize()
        result = ours.call(_TOOL, **_QUESTION)
        file = folder / "result.json"
        file.write_text(json.dumps(result))
        replay = running.enter_context(StdioServer([sys.executable, str(_HERE / "replaying_server.py"), str(file)]))
        replay.initialize()
        assert replay.call(_TOOL, **_QUESTION) == result

        def call(server: StdioServer) -> float:
            began = perf_counter()
            server.call(_TOOL, **_QUESTION)
            return perf_counter() - began

        turns = in_turns(lambda: call(ours), lambda: call(replay), pairs * 4)
        above = [1000 * (mine - other) for mine, other in turns]
        deciles = statistics.quantiles(above, n=10)
        yield (
            f"500 kept days over stdio, above a tool that returns the same bytes: {statistics.median(above):.2f} ms "
            f"(10-90 %: {deciles[0]:.2f}..{deciles[-1]:.2f} ms, {len(above)} pairs)"
        )

        def rate(server: StdioServer) -> float:
            began = perf_counter()
            for _ in range(_CALLS):
                server.call(_TOOL, **_QUESTION)
            return _CALLS / (perf_counter() - began)

        yield f"calls a second over stdio / the same bytes replayed: {_rates(lambda: rate(ours), lambda: rate(replay))}"
        client = running.enter_context(httpx.Client(trust_env=False, timeout=30))
        over_http = running.enter_context(_http(_OURS_OVER_HTTP, settings | {"SHORTVOL_HTTP_CALLER_RATE": "off"}))
        for days, question in ((30, _DEFAULT_QUESTION), (500, _QUESTION)):
            file.write_text(json.dumps(ours.call(_TOOL, **question)))
            with _http([str(_HERE / "replaying_server.py"), str(file)], {}) as replayed:
                times: dict[str, list[float]] = {over_http: [], replayed: []}

                def rate_of(address: str, times: dict[str, list[float]] = times, asked: Any = question) -> float:
                    return _http_rate(client, address, asked, times[address])

                ratio = _rates(
                    lambda rate_of=rate_of: rate_of(over_http),  # type: ignore[misc]
                    lambda rate_of=rate_of, replayed=replayed: rate_of(replayed),  # type: ignore[misc]
                )
                slow = [1000 * statistics.quantiles(each, n=100)[-1] for each in times.values()]
                yield (
                    f"calls a second for {days} kept days over HTTP / the same bytes replayed: {ratio}; "
                    f"p99 {slow[0]:.1f} and {slow[1]:.1f} ms"
                )


def _rates(ours: Callable[[], float], yardstick: Callable[[], float]) -> Ratio:
    return Ratio.of(in_turns(ours, yardstick, 15), "calls/s")


def _first_and_second(settings: dict[str, str], folder: Path) -> str:
    with StdioServer(OURS, **settings) as server:
        server.initialize()

        def first() -> float:
            for file in folder.glob("days.sqlite3*"):
                file.unlink()
            with StdioServer(OURS, **settings) as other:
                other.initialize()
                other.call(_TOOL, symbol="HK.00005", count=1)  # connected, and everything imported
                began = perf_counter()
                other.call(_TOOL, **_QUESTION)
                return perf_counter() - began

        def second() -> float:
            server.call(_TOOL, **_QUESTION)
            began = perf_counter()
            server.call(_TOOL, **_QUESTION)
            return perf_counter() - began

        return f"500 days asked for again / the first time: {interleaved(second, first, 10)}"


@contextmanager
def _http(command: list[str], settings: dict[str, str]) -> Iterator[str]:
    """The address of a server over HTTP that has answered once."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, *command, str(port)], env=os.environ | settings, stderr=subprocess.DEVNULL
    ) as process:
        try:
            address = f"http://127.0.0.1:{port}/mcp"
            with httpx.Client(trust_env=False) as client:
                while True:
                    try:
                        _post(client, address, _QUESTION)
                        break
                    except httpx.ConnectError:
                        sleep(0.05)
            yield address
        finally:
            process.terminate()


def _http_rate(client: httpx.Client, address: str, question: dict[str, Any], times: list[float]) -> float:
    began = perf_counter()
    for _ in range(_CALLS):
        asked = perf_counter()
        _post(client, address, question)
        times.append(perf_counter() - asked)
    return _CALLS / (perf_counter() - began)


def _post(client: httpx.Client, address: str, question: dict[str, Any]) -> None:
    answer = client.post(
        address,
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": _TOOL, "arguments": question}},
        headers={"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"},
    )
    assert not answer.json()["result"].get("isError"), answer.text
