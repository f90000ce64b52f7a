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

import httpx

from benchmarks.measure import Ratio, in_turns, interleaved
from benchmarks.opend_sandbox import opend_in_another_process
from benchmarks.stdio import OURS, StdioServer

__all__ = ["kept_days"]

_TOOL = "get_daily_short_volume"
_QUESTION = {"symbol": "HK.00700", "count": 500}
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
        over_http = running.enter_context(_http([str(_HERE / "http_server.py")], settings))
        replayed = running.enter_context(_http([str(_HERE / "replaying_server.py"), str(file)], {}))
        yield (
            "calls a second over HTTP / the same bytes replayed: "
            f"{_rates(lambda: _http_rate(client, over_http), lambda: _http_rate(client, replayed))}"
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
                        _post(client, address)
                        break
                    except httpx.ConnectError:
                        sleep(0.05)
            yield address
        finally:
            process.terminate()


def _http_rate(client: httpx.Client, address: str) -> float:
    began = perf_counter()
    for _ in range(_CALLS):
        _post(client, address)
    return _CALLS / (perf_counter() - began)


def _post(client: httpx.Client, address: str) -> None:
    answer = client.post(
        address,
        json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": _TOOL, "arguments": _QUESTION}},
        headers={"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"},
    )
    assert not answer.json()["result"].get("isError"), answer.text
