"""Spawn to first tools/list, over stdio, beside a bare two-tool server of the same SDK in the same run."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from benchmarks.measure import interleaved

__all__ = ["start_up"]

_INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
}


def start_up(pairs: int = 30) -> Iterator[str]:
    """The ratio of the two times; both run in this interpreter's environment."""
    ours = [str(Path(sys.executable).with_name("mcp-shortvol"))]
    bare = [sys.executable, str(Path(__file__).with_name("bare_server.py"))]
    ratio = interleaved(lambda: _first_tools_list(ours), lambda: _first_tools_list(bare), pairs)
    yield f"spawn to first tools/list / bare two-tool server: {ratio}"


def _first_tools_list(command: list[str]) -> float:
    began = perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        requests, answers = process.stdin, process.stdout
        assert requests is not None
        assert answers is not None

        def send(message: dict[str, object]) -> None:
            requests.write(json.dumps(message) + "\n")
            requests.flush()

        send(_INITIALIZE)
        answers.readline()
        send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        send({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
        tools = json.loads(answers.readline())["result"]["tools"]
        took = perf_counter() - began
        assert tools, "the server lists no tools"
        requests.close()
    return took
