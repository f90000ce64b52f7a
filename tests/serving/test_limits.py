"""What one caller and all together may take, in process: places, the queue, and who is turned away."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
from starlette.types import Receive, Scope, Send

from mcp_shortvol.quotas.quota import Rate
from mcp_shortvol.serving.limits import Limits, Most

pytestmark = pytest.mark.anyio


class Slow:
    """An application that waits until it is let go, and counts."""

    def __init__(self) -> None:
        self.go = anyio.Event()
        self.under_way = self.most = self.served = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.go.wait()
        self.under_way -= 1
        self.served += 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": message["body"]})


def client_of(slow: Slow, **most: Any) -> httpx.AsyncClient:
    given = {"body": 1000, "concurrent": 2, "queued": 3, "of_a_caller": 100, "rate": None} | most
    limits = Limits(slow, "/mcp", Most(**given))
    return httpx.AsyncClient(transport=httpx.ASGITransport(limits), base_url="http://here")


async def test_calls_beyond_the_places_wait_and_beyond_the_queue_are_told_to_come_again() -> None:
    slow, statuses = Slow(), []
    async with client_of(slow) as client:

        async def ask() -> None:
            answer = await client.post("/mcp", content=b"x")
            statuses.append((answer.status_code, answer.headers.get("retry-after")))

        async with anyio.create_task_group() as tasks:
            for _ in range(9):
                tasks.start_soon(ask)
            await anyio.sleep(0.2)
            slow.go.set()
    assert sorted(statuses, key=str) == [(200, None)] * 5 + [(503, "1")] * 4
    assert slow.most == 2


async def test_one_caller_s_flood_leaves_the_places_to_others() -> None:
    slow, statuses = Slow(), {}
    async with client_of(slow, concurrent=3, of_a_caller=2, queued=50) as client:

        async def ask(name: str, number: int) -> None:
            answer = await client.post("/mcp", content=b"x", headers={"authorization": f"Bearer {name}"})
            statuses[name, number] = answer.status_code

        async with anyio.create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(ask, "flood", number)
            await anyio.sleep(0.1)
            tasks.start_soon(ask, "other", 0)
            await anyio.sleep(0.1)
            assert slow.under_way == 3
            slow.go.set()
    flood = [status for (name, _), status in statuses.items() if name == "flood"]
    assert [flood.count(200), flood.count(429), statuses["other", 0]] == [2, 18, 200]


async def test_heads_first_and_bodies_later_do_not_pass_the_limit_of_one_caller() -> None:
    slow, statuses = Slow(), []
    slow.go.set()
    together = anyio.Event()
    async with client_of(slow, concurrent=50, of_a_caller=2, queued=50) as client:

        async def body() -> AsyncIterator[bytes]:
            await together.wait()
            yield b"x"

        async def ask() -> None:
            statuses.append((await client.post("/mcp", content=body())).status_code)

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(ask)
            await anyio.sleep(0.1)
            together.set()
    assert sorted(statuses) == [200] * 2 + [429] * 6


async def test_places_come_back_whatever_ends_a_call() -> None:
    slow = Slow()
    async with client_of(slow, concurrent=1) as client:
        with anyio.move_on_after(0.1):
            await client.post("/mcp", content=b"x")
        slow.go.set()
        assert [(await client.post("/mcp", content=b"y")).content for _ in range(3)] == [b"y"] * 3


async def test_a_rate_is_a_window_that_moves() -> None:
    slow = Slow()
    slow.go.set()
    async with client_of(slow, rate=Rate(2, 0.3)) as client:
        first = [(await client.post("/mcp")).status_code for _ in range(3)]
        await anyio.sleep(0.35)
        assert [*first, (await client.post("/mcp")).status_code] == [200, 200, 429, 200]


async def test_other_paths_are_not_bounded() -> None:
    slow = Slow()
    slow.go.set()
    async with client_of(slow, rate=Rate(1, 60)) as client:
        assert [(await client.post("/other")).status_code for _ in range(3)] == [200] * 3
