"""No credential in anything that comes out: protocol, logs at any level, errors, the store, the doctor, the arguments.

The played upstreams make up their credentials anew for every run, so that each is a marker nobody else could print.
"""

import base64
import json
import logging
import os
import re
import stat
import subprocess
import traceback
import urllib.parse
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mcp_shortvol.sandbox.runner import Sandbox
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings
from mcp_shortvol.sources.http import Reply
from tests.test_processes import COMMAND, Server

FAULTS = (
    "error_500",
    "html_502",
    "http_429_json",
    "truncated_json",
    "garbage",
    "reset_inside",
    "wrong_types",
    "oversized",
)
AT_LONGBRIDGE = ("code_401003", "code_403201", "expired_token", "redirect")
AT_FINRA = ("asks_for_key", "forbidden", "error_400_hostile", "csv")
AT_THE_CLOUD = ("code_401001", "code_403001", "code_-9", "redirect")


@pytest.fixture(scope="module")
def played() -> Iterator[Sandbox]:
    with Sandbox(as_of=date(2026, 6, 12)) as running:
        yield running


SignIn = Callable[[Sandbox, Path], tuple[dict[str, str], set[str]]]
"""The settings of a way to authenticate, and the secrets in it."""


def by_key_and_token(sandbox: Sandbox, _home: Path) -> tuple[dict[str, str], set[str]]:
    settings = with_finra(sandbox)
    return settings, {value for name, value in settings.items() if re.search("KEY|SECRET|TOKEN", name)}


def with_finra(sandbox: Sandbox) -> dict[str, str]:
    """The settings of a sandbox, with a credential of FINRA's."""
    credential = sandbox.finra.credential
    return {
        **sandbox.environment(),
        "FINRA_CLIENT_ID": credential.client_id,
        "FINRA_CLIENT_SECRET": credential.secret,
    }


def by_oauth_and_signing_key(sandbox: Sandbox, home: Path) -> tuple[dict[str, str], set[str]]:
    grant = sandbox.longbridge.issue_token("client", -60)  # to be refreshed first
    folder = home / ".longbridge" / "openapi" / "tokens"
    folder.mkdir(parents=True)
    (folder / "client").write_text(json.dumps(grant))
    issued = sandbox.cloud.authority.issue_key(home)
    pem = issued.private_key_file.read_text()
    settings = with_finra(sandbox)
    for name in ("LONGBRIDGE_APP_KEY", "LONGBRIDGE_APP_SECRET", "LONGBRIDGE_ACCESS_TOKEN", "FUTU_API_TOKEN"):
        settings[name] = ""
    settings |= {
        "LONGBRIDGE_CLIENT_ID": "client",
        "FUTU_API_KEY": issued.app_key,
        "FUTU_API_PRIVATE_KEY_FILE": str(issued.private_key_file),
    }
    secrets = {grant["access_token"], grant["refresh_token"], issued.app_key, "".join(pem.splitlines()[1:-1])}
    return settings, {*secrets, sandbox.finra.credential.secret}


def spellings(secret: str) -> set[str]:
    """A secret as it could be found again."""
    raw = secret.encode()
    return {secret, urllib.parse.quote(secret, safe=""), raw.hex(), base64.b64encode(raw).decode().rstrip("=")}


def check(where: str, text: str, secrets: set[str]) -> None:
    for secret in secrets:
        for spelling in spellings(secret):
            assert spelling not in text, f"a secret is in {where}"
            # Nor most of it: a token cut short is one all the same.
            assert spelling[: max(len(spelling) * 2 // 3, 16)] not in text, f"most of a secret is in {where}"


@pytest.mark.parametrize("spell", [str, lambda secret: secret[:16], lambda secret: secret.encode().hex()])
def test_the_search_finds_what_it_looks_for(spell: Callable[[str], str]) -> None:
    secret = "0123456789abcdefghij"
    with pytest.raises(AssertionError, match="the log"):
        check("the log", f"token={spell(secret)};", {secret})


@pytest.mark.parametrize("sign_in", [by_key_and_token, by_oauth_and_signing_key])
@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
def test_nothing_that_a_server_says_or_keeps_has_a_secret_in_it(
    played: Sandbox, tmp_path: Path, sign_in: SignIn, level: str
) -> None:
    settings, secrets = sign_in(played, tmp_path)
    environment = settings | {
        "HOME": str(tmp_path),
        "SHORTVOL_LOG_LEVEL": level,
        "SHORTVOL_STORE": "",
        "SHORTVOL_FRESH": "0",
        "SHORTVOL_TIMEOUT": "1",
        "SHORTVOL_DEADLINE": "0.8",
        "SHORTVOL_LONGBRIDGE_QUOTA": "off",
        "FUTU_SOURCE": "futu_cloud",
    }
    server = Server(environment)
    arguments = Path(f"/proc/{server.process.pid}/cmdline").read_text()
    messages = [json.dumps(ask_all(server))]
    for gateway, faults in (
        (played.longbridge, ("hostile_error", *AT_LONGBRIDGE)),
        (played.cloud, ("hostile_error", *AT_THE_CLOUD)),
        (played.finra, AT_FINRA),
    ):
        for fault in (*FAULTS, *faults) if level == "DEBUG" and sign_in is by_key_and_token else ("error_500",):
            gateway.fail(fault)
            messages.append(json.dumps(ask_all(server)))
            gateway.faults.clear()
    logs = server.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and "mcp-shortvol" in str(path)]
    assert {file.name for file in files} >= {"days.sqlite3", "quotas.sqlite3", "market.sqlite3"}
    # The token that FINRA gave is a secret as well.
    secrets |= set(played.finra.tokens)
    check("the arguments", arguments, secrets)
    check("the protocol", "".join(messages), secrets)
    check("the log", logs, secrets)
    for file in files:
        check(str(file), file.read_bytes().decode("latin-1"), secrets)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for token in (tmp_path / ".longbridge").rglob("*") if (tmp_path / ".longbridge").exists() else ():
        if token.is_file() and token.suffix != ".lock":
            assert stat.S_IMODE(token.stat().st_mode) == 0o600
    doctor = run("doctor", **environment)
    query = run(
        "query", "TSLA", "--source", "longbridge", **(environment | {"LONGBRIDGE_HTTP_URL": "http://127.0.0.1:9"})
    )
    check("the doctor", doctor, secrets)
    check("a failed query", query, secrets)
    assert "Longbridge   answers" in doctor


def ask_all(server: Server) -> list[dict[str, Any]]:
    calls = [
        ("get_short_trades", {"symbol": "700.HK", "count": 5}),
        ("get_daily_short_volume", {"symbol": "700.HK", "count": 5}),
        ("get_short_interest", {"symbol": "TSLA", "source": "longbridge"}),
        ("get_daily_short_volume", {"symbol": "TSLA", "source": "finra"}),
        ("screen_short_volume", {"count": 3}),
    ]
    return [server.read(server.ask_tool(name, arguments)) for name, arguments in calls]


def run(*arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [COMMAND, *arguments], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@pytest.mark.anyio
@pytest.mark.parametrize("sign_in", [by_key_and_token, by_oauth_and_signing_key])
async def test_no_repr_and_no_traceback_has_one(
    played: Sandbox, tmp_path: Path, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where a defect of ours ends a call: the exception may be logged by whoever runs the server."""
    variables, secrets = sign_in(played, tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    caplog.set_level(logging.DEBUG)
    settings = load_settings(**variables, FUTU_SOURCE="futu_cloud", SHORTVOL_LOG_LEVEL="DEBUG", SHORTVOL_DEADLINE="2")
    check("the settings", f"{settings!r} {settings} {settings.model_dump()}", secrets)
    seen: list[str] = []

    def defect(*_: object) -> None:
        raise ZeroDivisionError("a defect of ours")

    monkeypatch.setattr("mcp_shortvol.sources.longbridge.pages.read_rows", defect)
    monkeypatch.setattr("mcp_shortvol.sources.futu_cloud.pages.read_rows", defect)
    async with Client(build_server(settings)) as client:
        for tool in ("get_short_trades", "get_daily_short_volume"):
            result = await client.call_tool(tool, {"symbol": "700.HK"})
            seen.append(str(result))
            assert result.is_error
            assert "defect" not in str(result)
    for record in caplog.records:
        seen.append(record.getMessage())
        if record.exc_info:
            seen.append("".join(traceback.format_exception(*record.exc_info)))
    check("what was logged", "\n".join(seen), secrets)


@pytest.mark.parametrize(
    "variable", ["LONGBRIDGE_ACCESS_TOKEN", "FUTU_API_TOKEN", "FINRA_CLIENT_SECRET", "SHORTVOL_TIMEOUT", "FUTU_API_URL"]
)
def test_a_secret_in_the_wrong_place_is_not_shown_back(variable: str, tmp_path: Path) -> None:
    secret = "pasted-\u4e2d-by-mistake-0123456789"
    said = run("query", "TSLA", **{variable: secret})
    assert variable in said
    assert "by-mistake" not in said


def test_the_event_loop_s_own_debug_shows_none(played: Sandbox) -> None:
    settings, secrets = by_key_and_token(played, Path())
    server = Server(settings | {"PYTHONASYNCIODEBUG": "1", "SHORTVOL_LOG_LEVEL": "DEBUG"})
    answer = json.dumps(server.read(server.ask_tool("get_short_trades", {"symbol": "700.HK"})))
    check("its log", server.close() + answer, secrets)


@pytest.mark.parametrize("echoed", [lambda key: key, lambda key: key[:16], lambda key: f"{key}-0000"])
def test_a_trace_id_that_repeats_a_credential_is_none(echoed: Callable[[str], str]) -> None:
    key = "0123456789abcdef0123456789abcdef"
    sent = {"x-api-key": key, "authorization": f"Bearer {key[::-1]}"}
    for credential in (key, key[::-1]):
        reply = Reply(500, {"x-trace-id": echoed(credential)}, b"{}", sent)
        assert reply.trace_id is None
    honest = "f" * 32
    assert Reply(500, {"x-trace-id": honest}, b"{}", sent).trace_id == honest
