"""Thousands of mixed calls with faults over stdio: nothing grows, nothing hangs, every call is answered.

A short version here; `make soak` makes ten thousand calls and prints what was counted.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mcp_shortvol.sandbox.runner import Sandbox

CALLS = int(os.environ.get("SOAK_CALLS", "400"))
AT_ONCE = 8
SYMBOLS = ["700.HK", "9988.HK", "3690.HK", "5.HK", "2800.HK", "TSLA", "AAPL", "NVDA", "BRK.B", "FIG", "NOPE", "???"]
OVER_HTTP = [
    "error_500",
    "html_502",
    "http_429_json",
    "reset_before",
    "reset_inside",
    "truncated_body",
    "truncated_json",
    "garbage",
    "silence",
    "deep_nesting",
    "wrong_types",
    "nulls",
    "null_rows",
    "duplicates",
    "unsorted",
    "empty",
    "future_dates",
    "hostile_text",
    "hostile_error",
    "oversized",
]
OVER_OPEND = [
    "backend_timeout",
    "rate_limited",
    "reset_before",
    "reset_inside",
    "dropped_inside",
    "half_a_frame",
    "silence",
    "wrong_sha1",
    "wrong_serial",
    "colliding_pushes",
    "push_storm",
    "truncated_json",
    "deep_nesting",
    "wrong_types",
    "nulls",
    "duplicates",
    "unsorted",
    "empty",
    "endless_paging",
    "repeated_cursor",
    "hostile_text",
    "absurd_length",
]


@dataclass
class Counts:
    """What a process holds."""

    calls: int
    files: int
    threads: int
    tasks: int
    memory_kb: int

    def __str__(self) -> str:
        return (
            f"after {self.calls:6,} calls: {self.files} file descriptors, {self.threads} threads, {self.tasks} tasks, "
            f"{self.memory_kb / 1024:.1f} MB"
        )


@dataclass
class Soaked:
    """The server, and everything it has said."""

    process: "subprocess.Popen[str]"
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            if "id" in message:
                with self.arrived:
                    self.answers[message["id"]] = message
                    self.arrived.notify_all()

    def listen_to_errors(self) -> None:
        assert self.process.stderr is not None
        self.errors.extend(self.process.stderr)

    def wait_for(self, numbers: set[int], seconds: float) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: numbers <= self.answers.keys(), seconds), (
                f"no answer within {seconds} s to {sorted(numbers - self.answers.keys())}"
            )

    def counts(self, calls: int) -> Counts:
        told = len(self.errors)
        self.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 5
        while not any(line.startswith("tasks ") for line in self.errors[told:]) and time.monotonic() < deadline:
            time.sleep(0.01)
        tasks = next(int(line.split()[1]) for line in self.errors[told:] if line.startswith("tasks "))
        folder = Path(f"/proc/{self.process.pid}")
        status = (folder / "status").read_text()
        return Counts(
            calls=calls,
            files=len(list((folder / "fd").iterdir())),
            threads=int(re.search(r"Threads:\s*(\d+)", status)[1]),  # type: ignore[index]
            tasks=tasks,
            memory_kb=int(re.search(r"VmRSS:\s*(\d+)", status)[1]),  # type: ignore[index]
        )


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(as_of=date(2026, 6, 12)) as running:
        running.opend.limited = False
        yield running


@pytest.fixture
def soaked(sandbox: Sandbox, tmp_path: Path) -> Iterator[Soaked]:
    settings = sandbox.environment() | {
        "SHORTVOL_DATA_DIR": str(tmp_path),
        "SHORTVOL_STORE": "",
        "SHORTVOL_FRESH": "0",
        "SHORTVOL_TIMEOUT": "0.3",
        "SHORTVOL_DEADLINE": "1",
        "SHORTVOL_FUTU_QUOTA": "off",
        "SHORTVOL_LONGBRIDGE_QUOTA": "off",
    }
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("counting_server.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | settings,
    ) as process:
        server = Soaked(process)
        listeners = [threading.Thread(target=target) for target in (server.listen, server.listen_to_errors)]
        for listener in listeners:
            listener.start()
        server.send(
            {
                "id": 0,
                "method": "initialize",
                "params": {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {},
                    "clientInfo": {"name": "soak", "version": "1"},
                },
            }
        )
        server.wait_for({0}, 20)
        server.send({"method": "notifications/initialized"})
        yield server
        process.stdin.close()  # type: ignore[union-attr]
        process.wait(10)
        for listener in listeners:
            listener.join()


def a_call(chance: random.Random) -> tuple[str, dict[str, Any]]:
    symbol = chance.choice(SYMBOLS)
    days: dict[str, Any] = {"symbol": symbol, "count": chance.choice([1, 5, 20, 60, 150])}
    if chance.random() < 0.2:
        days["end_date"] = f"202{chance.randrange(4, 7)}-0{chance.randrange(1, 7)}-15"
    source = chance.choice(["auto", "longbridge", "futu_opend", "futu_cloud"])
    return chance.choice(
        [
            ("get_short_trades", days),
            ("get_daily_short_volume", days | {"response_format": chance.choice(["concise", "full"])}),
            ("compare_short_volume", {"symbols": chance.sample(SYMBOLS, 3), "count": 20, "source": source}),
            ("get_short_interest", {"symbol": symbol, "source": source}),
            ("rank_short_selling", {"market": chance.choice(["US", "HK"])}),
            ("get_short_trades", {"symbol": symbol, "count": -1, "nonsense": True}),
        ]
    )


def trouble(sandbox: Sandbox, chance: random.Random) -> None:
    """One fault for a while, or none."""
    for gateway in (sandbox.longbridge, sandbox.opend, sandbox.cloud):
        gateway.faults.clear()
        gateway.requests.clear()
    times = chance.choice([1, 2, None])
    match chance.randrange(6):
        case 0:
            sandbox.longbridge.fail(chance.choice(OVER_HTTP), times=times, megabytes=9)
        case 1:
            sandbox.opend.fail(chance.choice(OVER_OPEND), times=times)
        case 2:
            sandbox.cloud.fail(chance.choice(OVER_HTTP), times=times, megabytes=9)


def test_nothing_grows_and_every_call_is_answered(sandbox: Sandbox, soaked: Soaked) -> None:
    chance = random.Random(2026)
    outcomes: Counter[str] = Counter()
    number = 0
    counted: list[Counts] = []
    while number < CALLS:
        trouble(sandbox, chance)
        batch, cancelled = set(), set()
        for _ in range(chance.randrange(1, AT_ONCE + 1)):
            number += 1
            name, arguments = a_call(chance)
            soaked.send({"id": number, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
            batch.add(number)
            if chance.random() < 0.05:
                soaked.send({"method": "notifications/cancelled", "params": {"requestId": number}})
                cancelled.add(number)
        soaked.wait_for(batch - cancelled, 15)
        for answered in batch & soaked.answers.keys():
            message = soaked.answers.pop(answered)
            assert "error" not in message or answered in cancelled, message
            result = message.get("result", {})
            outcomes["error in words" if result.get("isError") else "answer"] += 1
        outcomes["cancelled"] += len(cancelled)
        if len(counted) < 10 * number / CALLS:
            trouble(sandbox, random.Random(0))
            time.sleep(0.5)  # until what was cancelled is gone
            counted.append(soaked.counts(number))
            print(counted[-1], flush=True)
    print(dict(outcomes))
    warm, last = counted[2], counted[-1]
    assert outcomes["answer"] > CALLS / 4
    assert outcomes["error in words"] > CALLS / 20
    assert last.files <= max(count.files for count in counted[:4]) + 3
    assert last.threads <= max(count.threads for count in counted[:4]) + 1
    assert last.tasks <= warm.tasks + 2
    assert last.memory_kb <= warm.memory_kb + 16 * 1024
    assert not [line for line in soaked.errors if not line.startswith("tasks ")]
