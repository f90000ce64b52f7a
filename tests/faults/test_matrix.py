"""Each cell of the fault matrix, through the tools, over real HTTP and TCP: the caller gets what FAULTS.md says.

`UPDATE_SNAPSHOTS=1 pytest tests/faults`, in one process, writes the table anew, as a visible diff.
"""

import gc
import os
import re
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import pytest
import stamina
from mcp import Client
from mcp_types import CallToolResult

from mcp_shortvol.domain.errors import ISSUES
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.history.freshness import Freshness
from mcp_shortvol.sandbox.runner import Sandbox
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings
from tests.faults.matrix import CHANGES, ELSEWHERE, MATRIX, UPSTREAMS, Stage, tls_listener

pytestmark = pytest.mark.anyio

TODAY = date(2026, 6, 12)
TABLE = Path(__file__).parents[1] / "FAULTS.md"
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "Longbridge": ("get_short_trades", {"symbol": "700.HK", "count": 150}),
    "OpenD": ("get_daily_short_volume", {"symbol": "700.HK", "count": 120, "source": "futu_opend"}),
    "Futu cloud": ("get_daily_short_volume", {"symbol": "700.HK", "count": 60, "source": "futu_cloud"}),
    "FINRA": ("get_daily_short_volume", {"symbol": "AAPL", "count": 120, "source": "finra"}),
    "SFC": ("get_short_interest", {"symbol": "700.HK", "count": 6, "source": "sfc"}),
}
HOSTILE = ("gnore all", "script", "javascript", "\x1b", "\u202e", "\u2066", "\u200b", "\x00", "</tool")
CERTAIN = ("no right", "no access", "does not know", "has no short volume", "quote scope", "not have a right")

# asyncio leaves the transport of a failed TLS handshake to the garbage collector.
LEFT_OPEN = [pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]
CELLS = [
    pytest.param(fault, upstream, id=f"{fault}-{upstream}", marks=LEFT_OPEN if "TLS" in fault else [])
    for fault, row in MATRIX.items()
    for upstream in UPSTREAMS
    if not isinstance(row[upstream], str)
]
# The others lead to another address, whose days nobody has kept.
AT_THE_SAME_ADDRESS = [cell for cell in CELLS if cell.values[0] not in ELSEWHERE | CHANGES]


@pytest.fixture(scope="module")
def played() -> Iterator[Sandbox]:
    with Sandbox(TODAY) as running:
        running.opend.limited = False
        yield running


@pytest.fixture(scope="module")
def tls_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with tls_listener(tmp_path_factory.mktemp("tls")) as port:
        yield port


@pytest.fixture
def stage(played: Sandbox, tls_port: int, tmp_path: Path) -> Iterator[Stage]:
    calm(played)
    here = Stage(played, tmp_path, tls_port)
    yield here
    calm(played)
    if here.settings:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()  # what a failed handshake left, before the next test is blamed for it


@pytest.fixture(autouse=True)
def _a_day_of_the_past_is_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the notes say of dates is then the same on every day that the tests are run."""
    monkeypatch.setattr(Market, "today", lambda _market: TODAY)
    monkeypatch.setattr(Freshness, "today", lambda _freshness, _market: TODAY)


@pytest.fixture(autouse=True)
def _short_pauses() -> Iterator[None]:
    """As many attempts as ever, without the pauses between them, which are not what is tested here."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield


def calm(sandbox: Sandbox) -> None:
    for gateway in (sandbox.longbridge, sandbox.opend, sandbox.cloud, sandbox.finra, sandbox.sfc):
        gateway.faults.clear()
        gateway.requests.clear()
    sandbox.opend.logged_in = True


@asynccontextmanager
async def server(stage: Stage, **settings: str) -> AsyncIterator[Client]:
    variables: dict[str, str | None] = {
        **stage.sandbox.environment(),
        "SHORTVOL_TIMEOUT": "0.8",
        "SHORTVOL_DEADLINE": "2.5",
        **settings,
        **stage.settings,
    }
    async with Client(build_server(load_settings(**variables)), raise_exceptions=True) as client:
        yield client


async def ask(client: Client, upstream: str) -> CallToolResult:
    result = await client.call_tool(*ASKED[upstream])
    assert isinstance(result, CallToolResult)
    return result


def asked(stage: Stage) -> int:
    """How many questions for days came, at whatever upstream."""
    sandbox = stage.sandbox
    gateways = (sandbox.longbridge, sandbox.cloud, sandbox.finra, sandbox.sfc)
    over_http = [request.path for gateway in gateways for request in gateway.requests]
    return sum("/v1" in path or path.startswith(("/data/", "/-/")) for path in over_http) + sum(
        question.protocol == 3248 for question in sandbox.opend.requests
    )


async def honest(stage: Stage, upstream: str) -> tuple[dict[str, Any], int]:
    """The answer without a fault, and how many questions it takes."""
    before = asked(stage)
    async with server(stage) as client:
        result = await ask(client, upstream)
    assert result.structured_content is not None
    return result.structured_content, asked(stage) - before


def told(result: CallToolResult, expected: dict[str, Any], tries: int) -> str:
    """What a caller gets, in the words of the table."""
    if result.is_error:
        return f"error: {plain(result.content[0].text)}"
    found = result.structured_content
    assert found is not None
    if found == expected:
        return "all days" if tries <= 0 else "all days, at a further try"
    extent = "complete" if found["complete"] else "incomplete"
    news = [note for note in found["notes"] if note not in expected["notes"]]
    differing = [name for name in found if found[name] != expected[name]]
    said = plain(" ".join(news)) or f"only {', '.join(differing)} differs"
    return f"{found['returned']} days, {extent}: {said}"


def plain(text: str) -> str:
    """Without what differs from run to run."""
    text = re.sub(r":[1-9][0-9]{3,4}\b", ":PORT", text)
    text = text.removeprefix("Incomplete: ")
    text = re.sub(r" Trace id for the vendor's support: [0-9a-f]{32}\.", "", text)
    return text.replace("|", "/")


def check_clean(result: CallToolResult, stage: Stage) -> None:
    """Nothing hostile and no secret reaches the model, whichever channel it reads."""
    seen = str(result.content) + str(result.structured_content)
    environment = stage.sandbox.environment()
    secrets = [value for name, value in environment.items() if re.search("KEY|SECRET|TOKEN", name)]
    assert not [text for text in (*HOSTILE, *secrets) if text in seen]
    assert not re.search(r"https?://|Traceback|Error executing", seen.replace(ISSUES, ""))


@pytest.mark.parametrize(("fault", "upstream"), CELLS)
async def test_what_the_caller_gets_is_what_the_table_says(fault: str, upstream: str, stage: Stage) -> None:
    expected, requests = await honest(stage, upstream)
    play = MATRIX[fault][upstream]
    assert not isinstance(play, str)
    play(stage)
    before = asked(stage)
    async with server(stage) as client:
        with anyio.fail_after(8):  # the deadline, and a little for the rest
            result = await ask(client, upstream)
        check_clean(result, stage)
        cell = told(result, expected, asked(stage) - before - requests)
        calm(stage.sandbox)
        with anyio.fail_after(8):  # the server lives, whether or not its settings lead anywhere
            again = await ask(client, upstream)
        if not stage.settings:
            check_recovery(fault, again, expected)
    check_cell(fault, upstream, cell)


@pytest.mark.parametrize(("fault", "upstream"), AT_THE_SAME_ADDRESS)
async def test_where_the_days_are_kept_no_fault_loses_one(fault: str, upstream: str, stage: Stage) -> None:
    """The same fault after the days were kept: all of them still, unless the vendor says that it has none for us."""
    kept = {"SHORTVOL_STORE": str(stage.folder / "days"), "SHORTVOL_FRESH": "0"}
    async with server(stage, **kept) as client:
        expected = (await ask(client, upstream)).structured_content
        play = MATRIX[fault][upstream]
        assert expected is not None
        assert not isinstance(play, str)
        play(stage)
        with anyio.fail_after(8):
            result = await ask(client, upstream)
        check_clean(result, stage)
        calm(stage.sandbox)
        check_recovery(fault, await ask(client, upstream), expected)
    if result.is_error:
        assert any(word in result.content[0].text for word in CERTAIN)
        return
    found = result.structured_content
    assert found is not None
    assert found["rows"] == expected["rows"]
    said = found["notes"][0]
    kept_ones = ("Incomplete: kept as of ", "did not come whole. They are given as kept on ", "without a date")
    assert found["complete"] or any(words in said for words in kept_ones)


@pytest.mark.parametrize("upstream", [name for name in UPSTREAMS if name != "SFC"])  # whose weeks are never asked twice
async def test_where_the_days_are_kept_one_who_does_not_answer_is_no_loss(upstream: str, tmp_path: Path) -> None:
    with Sandbox(TODAY) as sandbox:
        stage = Stage(sandbox, tmp_path, 0)
        kept = {"SHORTVOL_STORE": str(tmp_path / "days"), "SHORTVOL_FRESH": "0"}
        async with server(stage, **kept) as client:
            expected = (await ask(client, upstream)).structured_content
            await anyio.to_thread.run_sync(sandbox.stop)
            found = (await ask(client, upstream)).structured_content
    assert expected is not None
    assert found is not None
    assert [found["rows"], found["complete"]] == [expected["rows"], False]
    assert found["notes"][0].startswith("Incomplete: kept as of ")


def check_recovery(fault: str, again: CallToolResult, expected: dict[str, Any]) -> None:
    """As if nothing had been; but who was refused for asking too often stays away for a while.

    How long depends on when the refusals came: by then the answer is an error, is made of kept days, or is whole.
    """
    if "429" in fault and again.structured_content != expected:
        rows = (again.structured_content or {}).get("rows")
        assert rows == expected["rows"] or "no further request for" in str(again)
    else:
        assert again.structured_content == expected


def test_the_table_has_a_cell_for_every_fault_at_every_upstream() -> None:
    assert read_table().keys() == MATRIX.keys()
    for fault, row in MATRIX.items():
        for upstream in UPSTREAMS:
            reason = row[upstream]
            cell = read_table()[fault][upstream]
            assert cell
            if isinstance(reason, str):
                check_cell(fault, upstream, f"({reason})")


def check_cell(fault: str, upstream: str, cell: str) -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        table = read_table()
        table.setdefault(fault, {})[upstream] = cell
        write_table(table)
    assert read_table()[fault][upstream] == cell


def read_table() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith("| Fault"):
            fault, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            table[fault] = dict(zip(UPSTREAMS, cells, strict=False))
    return table


def write_table(table: dict[str, dict[str, str]]) -> None:
    before, _, _ = TABLE.read_text(encoding="utf-8").partition("| Fault ")
    lines = [f"| Fault | {' | '.join(UPSTREAMS)} |", f"|{'---|' * (len(UPSTREAMS) + 1)}"]
    for fault, row in MATRIX.items():
        cells = []
        for upstream in UPSTREAMS:
            reason = row[upstream]
            cells.append(f"({reason})" if isinstance(reason, str) else table.get(fault, {}).get(upstream, "?"))
        lines.append(f"| {fault} | {' | '.join(cells)} |")
    TABLE.write_text(before + "\n".join(lines) + "\n", encoding="utf-8")
