"""The sandbox starts and stops quickly, also with open connections, and prints how to reach it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

import httpx
import pytest

from mcp_shortvol.domain.errors import InvalidRequest, NotConfigured
from mcp_shortvol.sandbox.runner import Sandbox, serve

HK = "/v1/quote/short-trades/hk"


@contextmanager
def foreground(arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`serve` in a process of its own."""
    code = f"from datetime import date; from mcp_shortvol.sandbox.runner import serve; serve({arguments})"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_starts_and_stops_quickly_with_a_connection_that_waits() -> None:
    started = time.monotonic()
    with Sandbox(date(2026, 5, 22)) as sandbox:
        assert time.monotonic() - started < 0.5
        sandbox.longbridge.fail("silence")
        base = httpx.URL(sandbox.environment()["LONGBRIDGE_HTTP_URL"])
        waiting = socket.create_connection((base.host, base.port or 0))
        waiting.sendall(f"GET {HK} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        while not sandbox.longbridge.requests:
            time.sleep(0.01)
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 0.5
    with waiting:
        assert waiting.recv(1) == b""
    sandbox.stop()


def test_two_sandboxes_share_neither_address_nor_credentials_nor_faults() -> None:
    with Sandbox() as one, Sandbox() as other:
        ours, theirs = one.environment(), other.environment()
        assert ours.keys() == theirs.keys()
        assert all(ours[name] != theirs[name] for name in ours if name != "FUTU_OPEND_HOST")
        one.longbridge.fail("html_502")
        assert httpx.get(theirs["LONGBRIDGE_HTTP_URL"] + HK, trust_env=False).status_code == 403


def test_the_environment_names_what_longbridges_programs_read() -> None:
    with Sandbox() as sandbox:
        environment = sandbox.environment()
    assert {name for name in environment if name.startswith("LONGBRIDGE_")} == {
        "LONGBRIDGE_HTTP_URL",
        "LONGBRIDGE_OAUTH_URL",
        "LONGBRIDGE_APP_KEY",
        "LONGBRIDGE_APP_SECRET",
        "LONGBRIDGE_ACCESS_TOKEN",
    }
    assert environment["LONGBRIDGE_HTTP_URL"].startswith("http://127.0.0.1:")


def test_a_port_can_be_chosen_and_a_taken_one_is_named() -> None:
    with Sandbox() as sandbox:
        port = httpx.URL(sandbox.environment()["LONGBRIDGE_HTTP_URL"]).port or 0
        with pytest.raises(NotConfigured, match=rf"port {port} .*--longbridge-port"):
            Sandbox(longbridge_port=port).start()
        with pytest.raises(NotConfigured, match="0 to 65535"):
            Sandbox(longbridge_port=70_000).start()
    with Sandbox(longbridge_port=port) as again:
        assert again.environment()["LONGBRIDGE_HTTP_URL"] == f"http://127.0.0.1:{port}"


def test_the_secrets_are_in_no_representation() -> None:
    credentials = Sandbox().longbridge.credentials
    assert credentials.app_secret not in repr(credentials)
    assert credentials.access_token not in repr(credentials)


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be interrupted from outside there")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_it_prints_one_line_of_json_and_ends_when_told(ending: signal.Signals) -> None:
    with foreground("date(2026, 5, 22), faults=['html_502:1']") as process:
        assert process.stdout
        assert process.stderr
        environment = json.loads(process.stdout.readline())
        url = environment["LONGBRIDGE_HTTP_URL"]
        assert [httpx.get(url + HK, trust_env=False).status_code for _ in range(2)] == [502, 403]
        os.kill(process.pid, ending)
        assert process.wait(5) == 0
        assert process.stdout.read() == ""
        hint = process.stderr.read()
        assert url in hint
        assert "Traceback" not in hint
        assert environment["LONGBRIDGE_APP_SECRET"] not in hint


def test_in_the_foreground_an_unknown_fault_is_refused_before_anything_listens() -> None:
    with pytest.raises(InvalidRequest, match="no fault"):
        serve(faults=["nonsense"])
