"""Spawn to first tools/list, over stdio, beside a bare two-tool server of the same SDK in the same run."""

import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.measure import Ratio, interleaved

__all__ = ["start_up"]

_INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
}


def start_up(pairs: int = 30) -> Ratio:
    """The ratio of the two times; both run in this interpreter's environment."""
    ours = [str(Path(sys.executable).with_name("mcp-shortvol"))]
    bare = [sys.executable, str(Path(__file__).with_name("bare_server.py"))]
    return interleaved(lambda: _first_tools_list(ours), lambda: _first_tools_list(bare), pairs)


def _first_tools_list(command: list[str]) -> float:
    began = perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def send(message: dict[str, object]) -> None:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()

        send(_INITIALIZE)
        process.stdout.readline()
        send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        send({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
        tools = json.loads(process.stdout.readline())["result"]["tools"]
        took = perf_counter() - began
        assert tools, "the server lists no tools"
        process.stdin.close()
    return took
