"""The command line: what it prints, and the exit codes that scripts stand on."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_shortvol import __version__
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway

COMMAND = str(Path(sys.executable).with_name("mcp-shortvol"))


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        env=os.environ | {"COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


def test_version() -> None:
    assert run("--version").stdout == f"mcp-shortvol {__version__}\n"


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="argparse lays help out a little differently elsewhere")
@pytest.mark.parametrize(
    "command",
    [[], ["query"], ["sandbox"], ["doctor"], ["install"]],
    ids=["main", "query", "sandbox", "doctor", "install"],
)
def test_help_is_as_reviewed(command: list[str], snapshot: Callable[[str, str], None]) -> None:
    snapshot(f"help_{'_'.join(command) or 'main'}.txt", run(*command, "--help").stdout)


def test_query_prints_the_text_the_assistant_would_get() -> None:
    done = run("query", "0700.HK", "--count", "3", "--sandbox", SHORTVOL_SANDBOX_AS_OF="2026-05-20")
    assert [done.returncode, done.stderr] == [0, ""]
    assert done.stdout.startswith(
        "**700.HK daily short volume, 3 trading days to 2026-05-20** (SANDBOX playing Longbridge"
    )
    assert "\n2026-05-18|     2.93|     29.5|     9.92| 449.20|          1.32\n" in done.stdout


def test_the_venues_and_the_whole_market() -> None:
    venues = run(
        "query",
        "AAPL",
        "--venues",
        "--end",
        "2026-05-15",
        "--count",
        "1",
        "--sandbox",
        SHORTVOL_SANDBOX_AS_OF="2026-05-20",
    )
    assert "at least 29.17 % of all volume was sold short" in venues.stdout
    market = json.loads(run("query", "--screen", "--order-by", "jump", "--count", "7", "--json", "--sandbox").stdout)
    assert [len(market["rows"]), market["statistics_days"]] == [7, 6]


def test_query_json_is_the_structured_answer() -> None:
    done = run("query", "TSLA", "--count", "2", "--json", "--sandbox", SHORTVOL_SANDBOX_AS_OF="2026-05-15")
    answer = json.loads(done.stdout)
    assert [answer["symbol"], answer["rows"][0][:3]] == ["TSLA.US", ["2026-05-15", 5748485, 15778974]]


def test_the_doctor_says_how_things_stand(
    gateway: LongbridgeGateway, environment: dict[str, str], tmp_path: Path
) -> None:
    done = run("doctor", **environment, SHORTVOL_DATA_DIR=str(tmp_path), SHORTVOL_STORE="")
    lines = dict(re.findall(r"^(\w[\w ]*?)  +(.*)$", done.stdout, re.MULTILINE))
    assert [done.returncode, done.stderr] == [0, ""]
    assert lines["data folder"] == str(tmp_path)
    assert lines["kept"] == "0 days or reports in 0 series"
    assert "LONGBRIDGE_APP_SECRET" in lines["set"]
    for vendor in ("Longbridge", "OpenD", "Futu cloud"):
        assert re.fullmatch(
            r"answers in \d+ ms: the newest day of 700\.HK is .*, invented by the sandbox", lines[vendor]
        )


@pytest.mark.parametrize(
    ("store", "kept", "error"),
    [
        ("off", "nothing, as SHORTVOL_STORE says", ""),
        (
            "/proc",
            "NOTE: unknown: the store cannot be used; standard error says why",
            "(it is a folder); it works without.",
        ),
    ],
)
def test_the_doctor_says_why_nothing_is_kept(store: str, kept: str, error: str) -> None:
    done = run("doctor", FUTU_OPEND_PORT="9", SHORTVOL_STORE=store)
    assert f"kept         {kept}\n" in done.stdout
    assert error in done.stderr


def test_the_doctor_says_what_is_missing() -> None:
    done = run("doctor", FUTU_OPEND_PORT="9")
    assert done.returncode == 4
    assert "Longbridge   Longbridge is not set up" in done.stdout
    assert "OpenD        No OpenD answers at 127.0.0.1:9." in done.stdout
    assert "Futu cloud" not in done.stdout
    assert run("doctor", SHORTVOL_TIMEOUT="soon").returncode == 3


def test_query_full_ends_with_csv() -> None:
    done = run("query", "TSLA", "--start", "2026-05-11", "--end", "2026-05-15", "--full", "--sandbox")
    assert done.stdout.splitlines()[-5].startswith("2026-05-15,5748485,15778974,36.43,300.23,36.43,5748485")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["query", "600519.SH"], 2, "another market (Shanghai"),
        (["query", "700.HK", "--count", "many"], 2, "count is not a number. It must be a whole number from 1 to 1000."),
        (["query", "700.HK", "--start", "May"], 2, "start_date is not a date of the calendar."),
        (["query", "ZZZZ.US", "--sandbox"], 2, "does not know this symbol"),
        (["query", "700.HK"], 3, "Nothing is set up yet: Longbridge has no credentials, and no OpenD answers"),
        (["query", "700.HK", "--source", "longbridge"], 3, "Longbridge is not set up"),
        (["query", "700.HK", "--source", "futu_opend"], 4, "No OpenD answers at 127.0.0.1:11111."),
        (["query", "AAPL", "--venues", "--source", "finra"], 2, "--source does not fit"),
        (["query", "--screen", "AAPL"], 2, "--screen takes no symbol."),
        (
            ["query", "5.HK", "--source", "sfc"],
            2,
            "publishes weekly short positions, and no daily volume. Add --interest.",
        ),
        (["query", "AAPL", "--source", "finra"], 4, "FINRA cannot be reached at 127.0.0.1"),
        (["sandbox", "--fault", "nonsense"], 2, 'The sandbox has no fault "nonsense".'),
        (["sandbox", "--as-of", "May"], 2, "'May' is not a date as YYYY-MM-DD"),
        (["sandbox", "--longbridge-port", "1234567"], 3, "cannot listen on port 1234567"),
    ],
)
def test_a_failure_is_one_sentence_on_standard_error_and_a_code(arguments: list[str], code: int, said: str) -> None:
    done = run(*arguments)
    assert [done.returncode, done.stdout] == [code, ""]
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("auto", "sandbox:longbridge"),
        ("longbridge", "sandbox:longbridge"),
        ("futu_opend", "sandbox:futu_opend"),
        ("futu_cloud", "sandbox:futu_cloud"),
    ],
)
def test_query_asks_the_source_it_is_told_to(source: str, label: str) -> None:
    done = run("query", "700.HK", "--source", source, "--count", "1", "--json", "--sandbox")
    assert json.loads(done.stdout)["source"] == label


@pytest.mark.parametrize(
    "broken",
    [
        {"HTTPS_PROXY": "foo://127.0.0.1:1"},
        {"SSL_CERT_FILE": "missing.pem"},
    ],
    ids=str,
)
def test_an_environment_that_no_client_can_use_is_named(broken: dict[str, str]) -> None:
    keys = {f"LONGBRIDGE_{name}": "x" for name in ("APP_KEY", "APP_SECRET", "ACCESS_TOKEN")}
    done = run("query", "700.HK", **keys, **broken)
    assert done.returncode == 3
    assert "HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE" in done.stderr


def test_a_reader_that_has_enough_is_no_failure() -> None:
    done = subprocess.run(
        f"{COMMAND} query 700.HK --sandbox --count 500 --full | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("**700.HK")
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_an_answer_that_cannot_be_written_is_told() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, "query", "700.HK", "--sandbox", "--count", "1"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert [done.returncode, done.stderr] == [
        1,
        "mcp-shortvol: The answer cannot be written: No space left on device.\n",
    ]


def test_a_vendor_that_does_not_answer_is_code_4(environment: dict[str, str]) -> None:
    done = run(
        "query", "700.HK", "--source", "longbridge", **environment | {"LONGBRIDGE_HTTP_URL": "http://127.0.0.1:9"}
    )
    assert done.returncode == 4
    assert "cannot be reached" in done.stderr


def test_progress_is_shown_to_a_person_only(gateway: LongbridgeGateway, environment: dict[str, str]) -> None:
    question = ["query", "AAPL", "--count", "250", "--source", "longbridge"]
    assert run(*question, **environment).stderr == ""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [COMMAND, *question],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as process:
        process.wait(timeout=60)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "199/250 199 days from Longbridge, back to" in shown
    assert shown.endswith("\r\x1b[K")


def test_started_by_hand_in_a_terminal_it_says_what_to_do() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [COMMAND], stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        time.sleep(0.5)  # until it waits for input, which no exception can interrupt
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(timeout=10) == -signal.SIGINT
    os.close(ours)
    os.close(theirs)
    assert first.startswith("mcp-shortvol is an MCP server")
    assert "mcp-shortvol query 700.HK --sandbox" in rest
    assert "Traceback" not in rest


def test_the_sandbox_prints_one_line_that_points_any_program_at_it() -> None:
    with subprocess.Popen(
        [COMMAND, "sandbox", "--as-of", "2026-05-22", "--fault", "error_500:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as sandbox:
        assert sandbox.stdout is not None
        environment = json.loads(sandbox.stdout.readline())
        done = run("query", "700.HK", "--source", "longbridge", "--count", "1", "--json", **environment)
        sandbox.send_signal(signal.SIGTERM)
        assert sandbox.wait(timeout=10) == 0
    answer = json.loads(done.stdout)
    assert [answer["source"], answer["rows"][0][:2]] == ["sandbox:longbridge", ["2026-05-22", 1957600]]
