"""Longbridge's own SDK reads the sandbox. It runs in a process of its own, because its calls hold the interpreter."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mcp_shortvol.sandbox.runner import Sandbox

pytest.importorskip("longbridge.openapi")

APP_KEY = "config = Config.from_apikey_env()"
OAUTH = "config = Config.from_oauth(OAuthBuilder('a-client').build(lambda url: sys.exit(url)))"
CALLS = """
import json, sys
from longbridge.openapi import Config, OAuthBuilder, OpenApiException, QuoteContext

def fetch(history, symbol, count):
    try:
        rows = getattr(context, history)(symbol, count).data
    except OpenApiException as refused:
        return refused.code
    return [{name: getattr(row, name) for name in dir(row) if not name.startswith("_")} for row in rows]

{config}
context = QuoteContext(config)
asked = json.loads(sys.argv[1])
print(json.dumps([fetch(sys.argv[2], symbol, count) for symbol, count in asked]))
"""


def ask(sandbox: Sandbox, home: Path, config: str, *asked: tuple[str, int], history: str = "short_trades") -> list[Any]:
    """What the SDK makes of each (symbol, count) of a history: rows, or the code of a refusal."""
    environment = {**os.environ, **sandbox.environment(), "HOME": str(home), "NO_PROXY": "127.0.0.1"}
    code = CALLS.replace("{config}", config)
    command = [sys.executable, "-c", code, json.dumps(asked), history]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    received: list[Any] = json.loads(ran.stdout)
    return received


def test_the_published_rows_reach_it(sandbox: Sandbox, tmp_path: Path) -> None:
    hk, us = ask(sandbox, tmp_path, APP_KEY, ("700.HK", 5), ("TSLA.US", 100))
    assert hk[0] == {
        "timestamp": "2026-05-17T16:00:00Z",
        "amount": "2926000",
        "balance": "1318056100.00",
        "total_amount": "29497076",
        "rate": "0.0992",
        "close": "449.2",
        "nus_amount": "",
        "ny_amount": "",
    }
    assert len(us) == 100
    assert us[-6] == {
        "timestamp": "2026-05-15T04:00:00Z",
        "nus_amount": "5748485",
        "ny_amount": "0",
        "total_amount": "15778974",
        "rate": "0.3643",
        "close": "300.230",
        "amount": "",
        "balance": "",
    }


def test_the_published_positions_reach_it(sandbox: Sandbox, tmp_path: Path) -> None:
    with Sandbox(date(2024, 6, 21)) as earlier:  # the SDK gives the newest 100 only
        (hk,) = ask(earlier, tmp_path, APP_KEY, ("700.HK", 100), history="short_positions")
    (us,) = ask(sandbox, tmp_path, APP_KEY, ("TSLA.US", 100), history="short_positions")
    assert [len(hk), len(us)] == [100, 100]
    assert hk[-1] == {
        "timestamp": "2024-06-13T16:00:00Z",
        "amount": "53677721",
        "balance": "20386798436",
        "cost": "379.800",
        "rate": "0.0057",
        "close": "",
        "current_shares_short": "",
        "avg_daily_share_volume": "",
        "days_to_cover": "",
    }
    assert us[-3] == {
        "timestamp": "2026-03-31T04:00:00Z",
        "current_shares_short": "65598603",
        "avg_daily_share_volume": "62121644",
        "days_to_cover": "1.06",
        "rate": "0.0175",
        "close": "371.750",
        "amount": "",
        "balance": "",
        "cost": "",
    }


def test_refusals_and_empty_answers_reach_it(sandbox: Sandbox, tmp_path: Path) -> None:
    asked = ("00700.HK", 5), ("NOPE.US", 5), ("700.HK", 101)
    assert ask(sandbox, tmp_path, APP_KEY, *asked) == [[], 2601400, 301600]


@pytest.mark.skipif(sys.platform == "win32", reason="the home directory is not named by HOME there")
def test_it_comes_in_with_its_own_oauth_token_file(sandbox: Sandbox, tmp_path: Path) -> None:
    token_file = tmp_path / ".longbridge" / "openapi" / "tokens" / "a-client"
    token_file.parent.mkdir(parents=True)
    token_file.write_text(json.dumps(sandbox.longbridge.issue_token("a-client", expires_in=86_400)))
    (rows,) = ask(sandbox, tmp_path, OAUTH, ("700.HK", 1))
    assert rows[0]["amount"] == "1957600"
    (request,) = sandbox.longbridge.requests
    assert request.headers["authorization"].startswith("Bearer ")


def test_it_silently_reads_nothing_from_the_shape_its_own_page_documents(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.longbridge.fail("sdk_shape")
    assert ask(sandbox, tmp_path, APP_KEY, ("700.HK", 5)) == [[]]
