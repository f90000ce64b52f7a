"""The doctor names each broken set-up in one line, with its cure."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from tests.cli.test_cli import run

Vary = Callable[[LongbridgeGateway, OpenDGateway], None]


@pytest.fixture
def websocket_port() -> Iterator[int]:
    """A port that answers whatever it is sent as a WebSocket server does: with an HTTP error."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            peer.close()

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def nothing(_longbridge: LongbridgeGateway, _opend: OpenDGateway) -> None:
    """All stays as it is."""


def logged_out(_longbridge: LongbridgeGateway, opend: OpenDGateway) -> None:
    opend.logged_in = False


BROKEN: dict[str, tuple[dict[str, str], Vary, str, str]] = {
    "no OpenD": ({"FUTU_OPEND_PORT": "9"}, nothing, "OpenD", r"No OpenD answers at 127.0.0.1:9. Start OpenD"),
    "logged-out OpenD": ({}, logged_out, "OpenD", "is not logged in"),
    "expired token": (
        {},
        lambda longbridge, _: longbridge.fail("expired_token"),
        "Longbridge",
        "LONGBRIDGE_ACCESS_TOKEN",
    ),
    "wrong secret": ({"LONGBRIDGE_APP_SECRET": "another"}, nothing, "Longbridge", "LONGBRIDGE_APP_SECRET"),
    "wrong clock": (
        {},
        lambda longbridge, _: longbridge.fail("clock_ahead", seconds=300, on="/"),
        "clock",
        "s behind Longbridge's: signatures are refused. Set it, for example with timedatectl set-ntp true.",
    ),
    "unwritable folder": (
        {"SHORTVOL_DATA_DIR": "/proc/nowhere"},
        nothing,
        "data folder",
        "nothing is kept there. Make it writable, or set SHORTVOL_DATA_DIR to a folder that is.",
    ),
    "proxy in the way": (
        {"HTTPS_PROXY": "http://user:pass@127.0.0.1:9", "LONGBRIDGE_HTTP_URL": "https://gateway.example"},
        nothing,
        "proxy",
        "HTTPS_PROXY lead through 127.0.0.1. If a source cannot be reached, unset them or name its host in NO_PROXY.",
    ),
    "proxy that is none": (
        {"HTTPS_PROXY": "foo://[::1", "LONGBRIDGE_HTTP_URL": "https://gateway.example"},
        nothing,
        "proxy",
        "HTTPS_PROXY lead through an address that is none.",
    ),
    "sandbox by mistake": (
        {"SHORTVOL_SANDBOX": "1"},
        nothing,
        "sandbox",
        "SHORTVOL_SANDBOX is on: every figure is invented, though an account is set up. Unset it for real figures.",
    ),
    "no sign-in": (
        {
            "LONGBRIDGE_CLIENT_ID": "nobody",
            "LONGBRIDGE_APP_KEY": "",
            "LONGBRIDGE_APP_SECRET": "",
            "LONGBRIDGE_ACCESS_TOKEN": "",
        },
        nothing,
        "sign-in",
        "There is no sign-in to Longbridge for this LONGBRIDGE_CLIENT_ID. Sign in",
    ),
}


def findings(**environment: str) -> dict[str, Any]:
    done = run("doctor", "--json", **environment)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["exit_code"] == done.returncode
    return found


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_set_up_is_one_line_with_its_cure(
    case: str, gateway: LongbridgeGateway, opend: OpenDGateway, environment: dict[str, str]
) -> None:
    variables, vary, subject, said = BROKEN[case]
    vary(gateway, opend)
    settings = {"SHORTVOL_TIMEOUT": "2", **environment, **variables}
    (line,) = [finding for finding in findings(**settings)["findings"] if finding["subject"] == subject]
    assert said in f"{line['said']} {line['next_step']}"
    assert line["status"] in {"warning", "failure"}
    assert "pass" not in line["said"].split()
    assert subject in run("doctor", **settings).stdout


def test_the_websocket_port_taken_for_the_api_port(websocket_port: int) -> None:
    lines = findings(FUTU_OPEND_PORT=str(websocket_port), SHORTVOL_TIMEOUT="2")["findings"]
    (line,) = [finding for finding in lines if finding["subject"] == "OpenD"]
    assert "not its WebSocket" in line["next_step"]


def test_all_well_is_code_0_and_says_whom_auto_asks(
    gateway: LongbridgeGateway, environment: dict[str, str], tmp_path: Path
) -> None:
    found = findings(**environment, SHORTVOL_DATA_DIR=str(tmp_path), SHORTVOL_STORE="")
    assert found["exit_code"] == 0
    by_subject = {finding["subject"]: finding for finding in found["findings"]}
    assert by_subject["auto"]["said"] == (
        "US volume: OpenD; US interest: FINRA; Hong Kong volume: OpenD; Hong Kong interest: OpenD"
    )
    assert by_subject["clock"]["status"] == "ok"
    assert by_subject["account"]["said"] == "Longbridge by app key, Futu cloud by token"
    # The day that was asked for counts.
    assert "OpenD 29 of 30 in 30.5 s" in by_subject["limits"]["said"]
    assert {finding["status"] for finding in found["findings"]} == {"ok"}


def test_one_source_that_answers_is_enough(gateway: LongbridgeGateway, environment: dict[str, str]) -> None:
    assert findings(**environment | {"FUTU_OPEND_PORT": "9"})["exit_code"] == 0


def test_a_setting_that_cannot_be_used_is_a_finding() -> None:
    found = findings(SHORTVOL_TIMEOUT="soon")
    assert found["exit_code"] == 3
    assert "SHORTVOL_TIMEOUT" in found["findings"][0]["said"]


def test_the_password_of_a_shared_store_is_not_shown() -> None:
    done = run("doctor", SHORTVOL_STORE="redis://alice:pass-word-0123456789@127.0.0.1:9/0", SHORTVOL_FINRA="off")
    assert "redis://127.0.0.1, shared by replicas" in done.stdout
    assert "pass-word" not in done.stdout + done.stderr
