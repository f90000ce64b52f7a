"""The sign-in to Longbridge: a browser that follows redirects, the loopback, the token file, and its end."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from filelock import FileLock

from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from tests.cli.test_cli import COMMAND

# Stands in for a browser: opens the address and follows where it leads, in the background as a browser does.
# It opens a connection ahead that it never uses, as browsers do.
BROWSER = """import socket, subprocess, sys, urllib.request
if len(sys.argv) == 2:
    subprocess.Popen([sys.executable, __file__, sys.argv[1], "open"])
else:
    ahead = socket.create_connection(("127.0.0.1", 60355))
    urllib.request.urlopen(sys.argv[1], timeout=20).read()
"""


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    """The redirect has one port on this machine, which tests side by side would fight for."""
    with FileLock(Path(tempfile.gettempdir()) / "mcp-shortvol-login.lock"):
        yield


@pytest.fixture
def gateway_without_a_past(gateway: LongbridgeGateway) -> Iterator[LongbridgeGateway]:
    yield gateway
    gateway.authority.refuse_sign_in = False


def command(
    home: Path, environment: dict[str, str], *arguments: str, typed: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in environment.items() if name != "LONGBRIDGE_CLIENT_ID"}
    return subprocess.run(
        [COMMAND, *arguments],
        env=os.environ | variables | {"HOME": str(home)} | more,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def browser(folder: Path) -> str:
    script = folder / "browser.py"
    script.write_text(BROWSER, encoding="utf-8")
    return f"{sys.executable} {script} %s"


def tokens(home: Path) -> list[Path]:
    folder = home / ".longbridge" / "openapi" / "tokens"
    return sorted(file for file in folder.iterdir() if file.suffix != ".lock") if folder.is_dir() else []


def test_a_sign_in_in_the_browser_answers_questions_and_ends_with_logout(
    gateway_without_a_past: LongbridgeGateway, environment: dict[str, str], tmp_path: Path
) -> None:
    done = command(tmp_path, environment, "login", "longbridge", BROWSER=browser(tmp_path))
    assert done.returncode == 0, done.stderr
    (file,) = tokens(tmp_path)
    assert done.stdout == (f"Signed in. Set LONGBRIDGE_CLIENT_ID={file.name} where your assistant starts the server.\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert set(kept) == {"client_id", "access_token", "refresh_token", "expires_at"}
    assert kept["access_token"] not in done.stdout + done.stderr
    signed_in = {
        name: value
        for name, value in environment.items()
        if name not in {"LONGBRIDGE_APP_KEY", "LONGBRIDGE_APP_SECRET", "LONGBRIDGE_ACCESS_TOKEN"}
    }
    question = ("query", "700.HK", "--count", "2", "--source", "longbridge")
    asked = command(tmp_path, signed_in, *question, LONGBRIDGE_CLIENT_ID=file.name)
    assert asked.returncode == 0, asked.stderr
    out = command(tmp_path, environment, "logout", "longbridge")
    assert out.stdout == f"Signed out: the tokens of {file.name} are removed from this machine.\n"
    assert tokens(tmp_path) == []
    again = command(tmp_path, environment, "logout", "longbridge")
    assert [again.returncode, "nothing to sign out of" in again.stderr] == [2, True]


def test_without_a_browser_the_address_is_pasted(
    gateway_without_a_past: LongbridgeGateway, environment: dict[str, str], tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [COMMAND, "login", "longbridge", "--no-browser"],
        env=os.environ | environment | {"HOME": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    address = next(found for line in process.stderr if (found := re.match(r"https?://\S+", line)))[0]
    _, _, host, path = address.split("/", 3)
    connection = HTTPConnection(host)
    connection.request("GET", f"/{path}")
    location = connection.getresponse().getheader("location")
    connection.close()
    said, _ = process.communicate(f"{location}\n", timeout=30)
    assert process.returncode == 0
    assert "Signed in." in said
    assert len(tokens(tmp_path)) == 1


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("http://localhost:60355/callback?code=x&state=another\n", "does not belong to this sign-in"),
        ("", "No address was pasted"),
    ],
)
def test_what_is_pasted_must_be_ours(
    gateway_without_a_past: LongbridgeGateway, environment: dict[str, str], tmp_path: Path, typed: str, said: str
) -> None:
    done = command(tmp_path, environment, "login", "longbridge", "--no-browser", typed=typed)
    assert [done.returncode, said in done.stderr, tokens(tmp_path)] == [4, True, []]


def test_a_refusal_is_said_and_nothing_is_kept(
    gateway_without_a_past: LongbridgeGateway, environment: dict[str, str], tmp_path: Path
) -> None:
    gateway_without_a_past.authority.refuse_sign_in = True
    done = command(tmp_path, environment, "login", "longbridge", BROWSER=browser(tmp_path))
    assert [done.returncode, tokens(tmp_path)] == [4, []]
    assert "Longbridge did not allow the sign-in." in done.stderr


def test_where_the_port_is_taken_the_address_is_pasted(
    gateway_without_a_past: LongbridgeGateway, environment: dict[str, str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 60355)):
        done = command(tmp_path, environment, "login", "longbridge", BROWSER=browser(tmp_path))
    assert "Port 60355 of this machine is taken" in done.stderr
    assert "No address was pasted" in done.stderr
