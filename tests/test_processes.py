"""Servers as assistants start them, several at once, over one OpenD: what one has fetched serves all, whoever dies."""

import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.market.days import days
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway

AS_OF = date(2026, 6, 12)  # of the sandbox that the tests share
TENCENT = Symbol("700", Market.HK)
COMMAND = str(Path(sys.executable).with_name("mcp-shortvol"))
INITIALIZE = {
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


class Server:
    """A server process, spoken to line by line."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        self._number = 0
        self._said: list[str] = []
        self._listener = threading.Thread(target=self._listen)  # a pipe that nobody reads fills, and the server hangs
        self._listener.start()
        self.send(INITIALIZE)
        self.read(0)
        self.send({"method": "notifications/initialized"})

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self.process.stdin.flush()

    def read(self, number: int) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message: dict[str, Any] = json.loads(line)
            if message.get("id") == number:
                return message
        raise AssertionError("the server ended")

    def ask(self, **arguments: object) -> int:
        return self.ask_tool("get_daily_short_volume", arguments)

    def ask_tool(self, name: str, arguments: dict[str, Any]) -> int:
        self._number += 1
        self.send({"id": self._number, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
        return self._number

    def answer(self, **arguments: object) -> dict[str, Any]:
        result: dict[str, Any] = self.read(self.ask(**arguments))["result"]
        assert not result.get("isError"), result["content"]
        structured: dict[str, Any] = result["structuredContent"]
        return structured

    def kill(self) -> None:
        self.process.kill()
        if self.process.stdin and not self.process.stdin.closed:
            self.close()

    def close(self) -> str:
        """End the process as an assistant does; what it wrote to standard error."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self._listener.join(10)
        self.process.stdout.close()
        return "".join(self._said)

    def _listen(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as errors:
            self._said.extend(errors)


Start = Callable[..., Server]


@pytest.fixture
def start(opend: OpenDGateway, environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Starts servers that share a data folder and an OpenD, each with settings of its own beside."""
    common = {**environment, "SHORTVOL_DATA_DIR": str(tmp_path / "data"), "SHORTVOL_STORE": ""}
    started: list[Server] = []

    def one_more(**settings: str) -> Server:
        started.append(Server(common | settings))
        return started[-1]

    yield one_more
    for server in started:
        server.kill()


def pages(opend: OpenDGateway) -> int:
    return sum(question.protocol == 3248 for question in opend.requests)


def test_the_second_question_asks_nothing_from_another_process_too(opend: OpenDGateway, start: Start) -> None:
    first = start()
    answer = first.answer(symbol="HK.00700", count=500)
    assert pages(opend) == 10
    assert first.answer(symbol="HK.00700", count=500) == answer
    first.close()
    second = start()
    assert second.answer(symbol="HK.00700", count=500) == answer
    assert pages(opend) == 10
    second.close()
    third = start(SHORTVOL_FRESH="0")
    assert third.answer(symbol="HK.00700", count=500) == answer
    assert pages(opend) == 11
    third.close()


def test_killed_at_any_moment_no_day_is_wrong_missing_or_double(opend: OpenDGateway, start: Start) -> None:
    """Servers die while they fetch 1000 days, page after page, until one is asked that lives."""
    expected = [[day.date.isoformat(), day.short_volume, day.volume] for day in reversed(days(TENCENT, AS_OF)[-1000:])]
    opend.fail("slow", seconds=0.01)
    chance = random.Random(20261124)
    for _ in range(6):
        server = start(SHORTVOL_FRESH="0")
        server.ask(symbol="HK.00700", count=chance.choice([60, 300, 1000]))
        time.sleep(chance.uniform(0.02, 0.35))
        server.kill()
        survivor = start(SHORTVOL_FRESH="0")
        found = survivor.answer(symbol="HK.00700", count=120, response_format="full")
        assert [row[:3] for row in found["rows"]] == expected[:120]
        survivor.close()
    survivor = start(SHORTVOL_FRESH="0")
    found = survivor.answer(symbol="HK.00700", count=1000, response_format="full")
    assert [row[:3] for row in found["rows"]] == expected
    assert found["complete"]
    assert survivor.close() == ""


def test_eight_processes_at_once_get_every_day_and_no_refusal(
    opend: OpenDGateway, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor's limit scaled down, 30 requests in 3 s; `make bench` does it in the vendor's own 30."""
    opend.limited = True
    monkeypatch.setattr("mcp_shortvol.sandbox.opend.gateway._WINDOW_S", 3.0)
    symbols = ["HK.00700", "HK.09988", "HK.03690", "HK.01211", "US.AAPL", "US.TSLA", "US.NVDA", "US.AMD"]
    servers = [start(SHORTVOL_FUTU_QUOTA="30/3.5") for _ in symbols]
    found: dict[str, dict[str, Any]] = {}

    def ask(server: Server, symbol: str) -> None:
        found[symbol] = server.answer(symbol=symbol, count=500, response_format="full")

    threads = [threading.Thread(target=ask, args=pair) for pair in zip(servers, symbols, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert [server.close() for server in servers] == [""] * 8
    assert {symbol: answer["returned"] for symbol, answer in found.items()} == dict.fromkeys(symbols, 500)
    assert all(answer["complete"] for answer in found.values())
    assert opend.refused == 0
    assert pages(opend) == 80


def test_an_opend_that_has_gone_is_no_loss_of_kept_days(opend: OpenDGateway, start: Start) -> None:
    server = start(SHORTVOL_FRESH="0")
    server.answer(symbol="HK.00700", count=60)
    opend.fail("dropped_before")
    answer = server.answer(symbol="HK.00700", count=60)
    assert [answer["returned"], answer["complete"]] == [60, False]
    assert answer["summary"].startswith("Sandbox, invented figures. Kept figures as of ")
    assert answer["notes"][0].startswith("Incomplete: kept as of ")
    assert "closed the connection before it answered" in answer["notes"][0]
    refused = server.read(server.ask(symbol="HK.00700", count=61))["result"]
    assert refused["isError"]
    assert re.search(
        r"60 of the days asked for are kept as of .* UTC, 2026-03-16 to 2026-06-12: ask with count=60 to get them",
        refused["content"][0]["text"],
    )
    opend.faults.clear()
    assert server.answer(symbol="HK.00700", count=61)["complete"]
    server.close()


def test_a_folder_that_cannot_be_written_is_told_once_and_costs_nothing_else(opend: OpenDGateway, start: Start) -> None:
    server = start(SHORTVOL_DATA_DIR="/proc/nowhere")
    for _ in range(2):
        assert server.answer(symbol="HK.00700", count=20)["complete"]
    said = server.close()
    assert said.count("Fetched days cannot be kept") == 1
    assert said.count("rate limits, counted with other programs of this machine, cannot be kept") == 1
