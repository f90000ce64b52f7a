"""A server process over stdio, spoken to with plain lines of JSON, so that the client costs next to nothing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["BARE_SERVER", "OURS", "StdioServer"]

OURS = [str(Path(sys.executable).with_name("mcp-shortvol"))]
BARE_SERVER = [sys.executable, str(Path(__file__).with_name("bare_server.py"))]

_INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


class StdioServer:
    """Spawned by the constructor; `initialize` before anything else."""

    def __init__(self, command: list[str], **environment: str) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | environment,
        )
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def initialize(self) -> None:
        """Shake hands."""
        self.request("initialize", _INITIALIZE)
        self._send({"method": "notifications/initialized"})

    def request(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of a request, after whatever notifications come before it."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": parameters or {}})
        output = self._process.stdout
        assert output is not None
        for line in output:
            message = json.loads(line)
            if message.get("id") == self._number:
                result: dict[str, Any] = message["result"]
                return result
        raise AssertionError("the server ended")

    def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """The result of a tool, which must be no error."""
        result = self.request("tools/call", {"name": tool, "arguments": arguments})
        assert not result.get("isError"), result
        return result

    def peak_mb(self) -> float:
        """The most memory it has held so far; Linux only."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        peak = re.search(r"VmHWM:\s*([0-9]+) kB", status)
        assert peak
        return int(peak[1]) / 1024

    def _send(self, message: dict[str, Any]) -> None:
        requests = self._process.stdin
        assert requests is not None
        requests.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        requests.flush()
