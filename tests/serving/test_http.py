"""The server over HTTP: answers, probes, the guard of hosts and origins, bounds, the access log, and its end."""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx
import pytest
from mcp import Client

from mcp_shortvol.sandbox.runner import Sandbox
from tests.serving.served import COMMAND, Served, question, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("served"), SHORTVOL_HTTP_CALLER_RATE="off") as running:
        yield running


class TestAnswers:
    def test_a_call_is_answered_as_over_stdio(self, served: Served) -> None:
        found = served.post(question("get_short_trades", symbol="700.HK", count=3)).json()["result"]
        assert found["structuredContent"]["returned"] == 3
        assert "SANDBOX playing Longbridge" in found["content"][0]["text"]

    def test_the_sdk_s_client_lists_and_calls(self, served: Served) -> None:
        async def ask() -> tuple[int, bool | None]:
            async with Client(f"{served.url}/mcp") as client:
                tools = (await client.list_tools()).tools
                result = await client.call_tool("get_short_interest", {"symbol": "GME"})
                return len(tools), result.is_error  # type: ignore[union-attr]

        assert anyio.run(ask) == (7, False)

    def test_probes(self, served: Served) -> None:
        assert served.get("/healthz").json() == {"alive": True}
        ready = served.get("/readyz")
        assert [ready.status_code, ready.json()["ready"], ready.json()["degraded"]] == [200, True, []]
        assert "sandbox" in ready.json()["sources"]

    def test_a_store_that_cannot_be_used_is_degraded_and_not_dead(self, tmp_path: Path) -> None:
        (tmp_path / "folder").mkdir()
        with serving(tmp_path, SHORTVOL_STORE=str(tmp_path / "folder")) as running:
            assert running.get("/readyz").json()["degraded"] == ["cache: answers come, but nothing is kept"]
            assert running.post().json()["result"]["structuredContent"]["returned"] == 3

    def test_there_is_no_stream_to_listen_to(self, served: Served) -> None:
        answer = served.get("/mcp")
        assert [answer.status_code, answer.headers["allow"]] == [405, "POST"]


class TestGuard:
    @pytest.mark.parametrize(
        "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil:80"]
    )
    def test_another_host_is_refused(self, served: Served, host: str) -> None:
        assert served.post(host=host).status_code == 421

    @pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1.evil.example", "null"])
    def test_another_origin_is_refused(self, served: Served, origin: str) -> None:
        assert served.post(origin=origin).status_code == 403

    def test_the_own_ones_pass(self, served: Served) -> None:
        assert served.post(origin=f"http://localhost:{served.port}").status_code == 200

    def test_what_is_set_passes_and_nothing_else(self, tmp_path: Path) -> None:
        names = {
            "SHORTVOL_HTTP_PUBLIC_URL": "https://shortvol.example",
            "SHORTVOL_HTTP_HOSTS": "inner.example:9000",
            "SHORTVOL_HTTP_ORIGINS": "https://desk.example",
        }
        with serving(tmp_path, **names) as running:
            for host in ("shortvol.example", "shortvol.example:443", "inner.example:9000"):
                assert running.post(host=host).status_code == 200
            assert running.post(host="inner.example:9001").status_code == 421
            assert running.post(origin="https://desk.example").status_code == 200
            assert running.post(origin="https://desk.example:444").status_code == 403

    @pytest.mark.parametrize("host", ["0.0.0.0", "::"])
    def test_without_sign_in_it_starts_on_loopback_only(self, tmp_path: Path, host: str) -> None:
        done = subprocess.run(
            [COMMAND, "serve", "--http", "--host", host],
            env={"SHORTVOL_DATA_DIR": str(tmp_path), "PATH": "", "SHORTVOL_HTTP_PUBLIC_URL": "https://x.example"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 3
        assert "Sign-in is not set up" in done.stderr
        assert "mcp-shortvol token new NAME" in done.stderr

    def test_a_server_for_others_needs_its_name(self, tmp_path: Path) -> None:
        env = {"SHORTVOL_DATA_DIR": str(tmp_path), "PATH": ""}
        subprocess.run([COMMAND, "token", "new", "alice"], env=env, capture_output=True, check=True)
        done = subprocess.run(
            [COMMAND, "serve", "--http", "--host", "0.0.0.0"],
            env=env,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 3
        assert "SHORTVOL_HTTP_PUBLIC_URL" in done.stderr


class TestBounds:
    def test_a_large_body_is_refused_by_its_length_and_by_its_size(self, served: Served) -> None:
        answer = served.post(b"x" * 70_000)
        assert [answer.status_code, answer.json()["error"]] == [413, "A request has at most 65,536 bytes."]

        def chunks() -> Iterator[bytes]:
            for _ in range(20):
                yield b" " * 10_000

        with httpx.Client(trust_env=False) as client:
            assert client.post(f"{served.url}/mcp", content=chunks()).status_code == 413

    def test_one_who_sends_a_head_or_a_body_slowly_is_hung_up_on(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with serving(tmp_path) as running:
            slow_head = socket.create_connection(("127.0.0.1", running.port))
            slow_head.sendall(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            slow_body = socket.create_connection(("127.0.0.1", running.port))
            slow_body.sendall(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{")
            assert running.post().status_code == 200  # nobody waits for them
            slow_head.settimeout(20)
            slow_body.settimeout(20)
            assert slow_head.recv(100) == b""
            assert slow_body.recv(1000).startswith(b"HTTP/1.1 408 ")
            slow_head.close()
            slow_body.close()

    def test_the_rate_of_one_caller_is_bounded_and_another_is_not_touched(self, tmp_path: Path) -> None:
        with serving(tmp_path, SHORTVOL_HTTP_CALLER_RATE="5/60") as running:
            flood = [running.post(authorization="Bearer a").status_code for _ in range(8)]
            assert flood == [200] * 5 + [429] * 3
            refused = running.post(authorization="Bearer a")
            assert 1 <= int(refused.headers["retry-after"]) <= 60
            assert "You asked 5 times in 60 seconds" in refused.json()["error"]
            assert running.post(authorization="Bearer b").status_code == 200


class TestAccessLog:
    def test_a_line_says_what_came_of_a_request_and_nothing_of_its_content(self, served: Served) -> None:
        served.post(
            question("get_short_trades", symbol="823.HK", count=2),
            x_request_id="abc-1",
            authorization="Bearer secret-secret",
        )
        line = served.line("abc-1")
        assert line.keys() == {"at", "id", "caller", "method", "path", "status", "bytes", "ms"}
        assert [line["status"], line["path"], line["caller"]] == [200, "/mcp", None]
        assert "823.HK" not in served.log()
        assert "secret-secret" not in served.log()

    def test_the_id_comes_back_and_one_that_is_not_plain_is_replaced(self, served: Served) -> None:
        assert served.post(x_request_id="plain.1").headers["x-request-id"] == "plain.1"
        for odd in ('"},{"id":"x', "a b", "x" * 65, "\u00e9"):
            with httpx.Client(trust_env=False) as client:
                answer = client.get(f"{served.url}/nothing", headers={"x-request-id": odd.encode()})  # type: ignore[dict-item]
            assert answer.headers["x-request-id"] != odd

    def test_nothing_that_a_caller_sends_begins_a_line_of_its_own(self, served: Served) -> None:
        served.post(x_request_id="before-it")
        served.line("before-it")
        before = len(served.log().splitlines())
        with socket.create_connection(("127.0.0.1", served.port)) as raw:
            raw.sendall(b"GET /%0a%7b%22id%22:%22forged%22%7d HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            while raw.recv(1000):
                pass
        served.post(x_request_id="after-it")
        served.line("after-it")
        added = served.log().splitlines()[before:]
        assert len(added) == 2
        assert all(line["id"] != "forged" for line in served.lines())


class TestTheEnd:
    def test_calls_under_way_are_answered_after_sigterm(self, tmp_path: Path) -> None:
        with Sandbox() as sandbox:
            sandbox.longbridge.fail("slow", seconds=1.5)
            with serving(tmp_path, SHORTVOL_SANDBOX="0", **sandbox.environment()) as running:
                answers: list[httpx.Response] = []
                asking = threading.Thread(target=lambda: answers.append(running.post()))
                asking.start()
                time.sleep(0.7)
                assert running.stop() == 0
                asking.join()
        assert answers[0].json()["result"]["structuredContent"]["returned"] == 3
