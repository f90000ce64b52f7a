"""Other people's tools find the server sound: Inspector, conformance scenarios, other clients, a security scanner."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.interop.conftest import COMMAND, HERE

SCENARIOS = [
    "server-initialize",
    "server-session-lifecycle",
    "ping",
    "tools-list",
    "resources-list",
    "prompts-list",
    "caching",
    "http-header-validation",
    "dns-rebinding-protection",
]


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        env=os.environ | {"SHORTVOL_SANDBOX": "1"} | environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def node(node_modules: Path, script: str | Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(node_modules / "node" / "bin" / "node", script, *arguments, cwd=node_modules.parent)


@pytest.mark.parametrize("era", ["legacy", "modern"])
class TestInspector:
    def ask(self, node_modules: Path, era: str, *arguments: str) -> dict[str, object]:
        inspector = node_modules / ".bin" / "mcp-inspector"
        options = ["-e", "SHORTVOL_SANDBOX=1", "--protocol-era", era, "--format", "json"]
        given = ["--cli", COMMAND, *arguments, *options]
        done = node(node_modules, inspector, *given)
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, dict[str, object]] = json.loads(done.stdout)
        return answer["result"]

    def test_it_lists_the_tools_and_finds_no_schema_problem(self, node_modules: Path, era: str) -> None:
        assert len(self.ask(node_modules, era, "--method", "tools/list", "--strict")["tools"]) == 7  # type: ignore[arg-type]

    def test_it_calls_a_tool_and_reads_the_glossary(self, node_modules: Path, era: str) -> None:
        call = ("--method", "tools/call", "--tool-name", "get_short_trades")
        found = self.ask(node_modules, era, *call, "--tool-arg", "symbol=700.HK", "--tool-arg", "count=3")
        assert found["structuredContent"]["returned"] == 3  # type: ignore[index]
        read = self.ask(node_modules, era, "--method", "resources/read", "--uri", "shortvol://glossary")
        assert "short_ratio_pct" in json.dumps(read)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The server over HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with subprocess.Popen(
        [COMMAND, "serve", "--http", "--port", str(port)],
        env=os.environ | {"SHORTVOL_SANDBOX": "1"},
        stderr=subprocess.DEVNULL,
    ) as server:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/mcp"
        server.terminate()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_conformance_scenario_passes(node_modules: Path, address: str, scenario: str) -> None:
    conformance = node_modules / ".bin" / "conformance"
    done = node(node_modules, conformance, "server", "--url", address, "--scenario", scenario)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout


def test_the_typescript_sdk_calls_every_tool_and_the_schemas_hold(node_modules: Path) -> None:
    done = node(node_modules, node_modules.parent / "typescript_client.mjs", COMMAND)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ok ") == 7


def test_a_client_of_the_first_generation_lists_and_calls(environment_of: Callable[..., Path]) -> None:
    python = environment_of("mcp==1.30.0") / "python"
    done = run(python, HERE / "old_client.py", COMMAND)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("7 tools; **700.HK daily short volume, 3 trading days")


def test_the_security_scanner_finds_nothing(environment_of: Callable[..., Path]) -> None:
    scanner = environment_of("cisco-ai-mcp-scanner") / "mcp-scanner"
    options = ["--analyzers", "yara", "--raw", "stdio", "--stdio-command", COMMAND, "--stdio-env", "SHORTVOL_SANDBOX=1"]
    done = run(scanner, *options)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout[done.stdout.index("[\n") :])
    assert len(found) == 7
    assert all(tool["is_safe"] for tool in found)
