"""The document itself: one self-contained file under a strict policy, read only when it is asked for."""

import json
import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from mcp import Client

from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings
from mcp_shortvol.view import VIEW_URI
from mcp_shortvol.view.document import report_html, view_html
from tests.view.answers import HOSTILE, answer

VENDORED = Path(__file__).parents[2] / "mcp_shortvol" / "view" / "uplot"


def test_it_is_under_120_kb_and_reaches_for_nothing() -> None:
    html = view_html()
    assert len(html.encode()) <= 120 * 1024
    assert not re.search(r"""(?:src|href)\s*=\s*["']|@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|\beval\(""", html)
    assert "innerHTML" not in html.replace((VENDORED / "uPlot.iife.min.js").read_text(encoding="utf-8"), "")


def test_its_policy_allows_its_own_texts_by_their_hashes_and_nothing_else() -> None:
    html = view_html()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy[1].split("; "))
    assert rules["default-src"] == "'none'"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert rules[rule] == f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_inlined_data_cannot_end_its_element_and_is_the_answer() -> None:
    found = answer("hostile")
    html = report_html(found)
    (data,) = re.findall(r'<script type="application/json" id="answer">(.*?)</script>', html, re.DOTALL)
    assert json.loads(data) == found
    assert HOSTILE not in html
    assert html.count("<script") == 2


def test_the_library_is_the_one_named_with_its_licence() -> None:
    version = (VENDORED / "VERSION").read_text(encoding="utf-8").strip()
    assert f"(v{version})" in (VENDORED / "uPlot.iife.min.js").read_text(encoding="utf-8")[:80]
    assert "MIT License" in (VENDORED / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.anyio
async def test_hosts_find_it_at_the_tools_that_can_be_drawn() -> None:
    async with Client(build_server(load_settings())) as client:
        drawn = {tool.name for tool in (await client.list_tools()).tools if (tool.meta or {}).get("ui")}
        assert drawn == {"get_short_trades", "get_daily_short_volume", "compare_short_volume", "get_short_interest"}
        listed = {str(resource.uri): resource for resource in (await client.list_resources()).resources}
        assert listed[VIEW_URI].mime_type == "text/html;profile=mcp-app"
        (contents,) = (await client.read_resource(VIEW_URI)).contents
        assert contents.text == view_html()  # type: ignore[union-attr]


def test_the_document_is_not_loaded_at_start_up() -> None:
    program = "import sys, mcp_shortvol.server; print('mcp_shortvol.view.document' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
