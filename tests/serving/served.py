"""A server over HTTP in a process of its own, and questions to it with and without a token."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

COMMAND = str(Path(sys.executable).with_name("mcp-shortvol"))
HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def question(tool: str = "get_short_trades", **arguments: Any) -> dict[str, Any]:
    """A call of a tool as JSON-RPC."""
    given = arguments or {"symbol": "700.HK", "count": 3}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": given}}


@dataclass
class Served:
    """A running server."""

    port: int
    process: subprocess.Popen[str]
    log_file: Path
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(
        self, body: Any = None, *, token: str | None = None, timeout: float = 20, **headers: str
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(question() if body is None else body).encode()
        sent = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        with httpx.Client(trust_env=False, timeout=timeout) as client:
            return client.post(f"{self.url}/mcp", content=content, headers=sent)

    def get(self, path: str) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=10) as client:
            return client.get(f"{self.url}{path}")

    def log(self) -> str:
        return self.log_file.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """The access log."""
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{") and line.endswith("}")]

    def line(self, request_id: str) -> dict[str, Any]:
        """The line of a request, which is written after its answer is sent."""
        for _ in range(200):
            if found := [line for line in self.lines() if line["id"] == request_id]:
                return found[0]
            time.sleep(0.05)
        raise AssertionError(f"no line of {request_id}")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Served]:
    """A server over the sandbox, until the block ends."""
    port = free_port()
    environment: Mapping[str, str] = {
        **os.environ,
        "SHORTVOL_SANDBOX": "1",
        "SHORTVOL_DATA_DIR": str(folder),
        "SHORTVOL_HTTP_PORT": str(port),
        **settings,
    }
    log_file = folder / "log"
    with (
        log_file.open("w") as log,
        subprocess.Popen([COMMAND, "serve", "--http"], env=environment, stderr=log, stdout=log, text=True) as process,
    ):
        served = Served(port, process, log_file)
        try:
            for _ in range(300):
                assert process.poll() is None, log_file.read_text()
                try:
                    if served.get("/healthz").status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.05)
            yield served
        finally:
            if process.poll() is None:
                process.kill()
