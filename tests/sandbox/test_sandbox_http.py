"""The sandbox's HTTP/1.1 server, with responses that are sent normally and wrongly."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import httpx
import pytest

from mcp_shortvol.sandbox.http import HttpServer, Request, Response, Sender
from mcp_shortvol.sandbox.senders import cut_short, delayed, dripping, flood, raw, reset, silence


def echo(request: Request) -> Response:
    said = f"{request.method} {request.path} {request.raw_query} {request.body.decode()}"
    return Response(200, said.encode(), {"content-type": "text/plain"})


def serving(
    handler: Callable[[Request], Response], visit: Callable[[httpx.AsyncClient], Coroutine[Any, Any, None]]
) -> None:
    async def run() -> None:
        server = HttpServer(handler)
        port = await server.start()
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=2
            ) as client:  # fmt: skip
                await visit(client)
        finally:
            await server.stop()

    asyncio.run(run())


def sent_by(sender: Sender) -> Callable[[Request], Response]:
    return lambda request: replace(echo(request), sender=sender)


def test_a_handler_sees_the_raw_target_and_the_body() -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        answer = await client.post("/a%2Fb?symbol=ST%2FUS%2FA&x=", content=b"body")
        assert answer.text == "POST /a%2Fb symbol=ST%2FUS%2FA&x= body"

    serving(echo, visit)


def test_query_and_form_are_decoded_on_demand() -> None:
    request = Request("POST", "/", "a=1&b=x%20y&a=2&empty=", {}, b"grant_type=refresh_token&c=%2B")
    assert request.query == {"a": "2", "b": "x y", "empty": ""}
    assert request.form == {"grant_type": "refresh_token", "c": "+"}


def test_one_connection_carries_many_requests() -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        ports = set()
        for number in range(5):
            answer = await client.get(f"/{number}")
            assert answer.text.startswith(f"GET /{number}")
            ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
        assert len(ports) == 1

    serving(echo, visit)


def test_many_connections_are_served_at_once() -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        async with asyncio.timeout(1.5):
            answers = await asyncio.gather(*(client.get(f"/{number}") for number in range(20)))
        assert [answer.text.split()[1] for answer in answers] == [f"/{number}" for number in range(20)]

    serving(sent_by(delayed(0.2)), visit)


@pytest.mark.parametrize(
    ("sender", "error"),
    [
        (silence, httpx.ReadTimeout),
        (reset(0), httpx.ReadError),
        (reset(0.5), httpx.ReadError),
        (cut_short(0.9), httpx.RemoteProtocolError),
        (raw(b"hello?\r\n\r\n"), httpx.RemoteProtocolError),
    ],
)
def test_an_answer_can_fail_to_arrive(sender: Sender, error: type[Exception]) -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        with pytest.raises(error):
            await client.get("/", timeout=0.3)

    serving(sent_by(sender), visit)


def test_a_dripping_answer_arrives_whole_and_leaves_the_connection_usable() -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        for _ in range(2):
            assert (await client.get("/x", timeout=0.2)).text == "GET /x  "

    serving(sent_by(dripping(0.3)), visit)


def test_a_flood_is_as_long_as_its_head_says_and_may_be_left() -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/") as answer:
            assert int(answer.headers["content-length"]) == 70_000_000
            async for chunk in answer.aiter_raw():
                assert chunk
                break

    serving(sent_by(flood(70_000_000)), visit)


def test_a_handler_that_fails_answers_500_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def broken(request: Request) -> Response:
        raise LookupError("a bug")

    async def visit(client: httpx.AsyncClient) -> None:
        assert (await client.get("/x")).status_code == 500
        assert (await client.get("/y")).status_code == 500

    serving(broken, visit)
    assert "a bug" in caplog.text


def test_what_is_not_http_is_hung_up_on() -> None:
    async def visit(client: httpx.AsyncClient) -> None:
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write(b"\x16\x03\x01 tls hello\r\n\r\n")
        assert await reader.read() == b""
        writer.close()

    serving(echo, visit)


def test_a_server_stops_with_connections_open_and_answers_pending() -> None:
    async def run() -> None:
        server = HttpServer(sent_by(silence))
        port = await server.start()
        with (
            socket.create_connection(("127.0.0.1", port)) as idle,
            socket.create_connection(("127.0.0.1", port)) as busy,
        ):
            busy.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            await asyncio.sleep(0.05)
            async with asyncio.timeout(0.5):
                await server.stop()
            for connection in (idle, busy):
                connection.settimeout(1)
                assert connection.recv(1) == b""

    asyncio.run(run())
