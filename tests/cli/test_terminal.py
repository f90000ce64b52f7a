"""What `query` draws for a person: sparkline, colours, plot, report; and every tool within a person's reach."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_shortvol.cli.terminal import plotted, sparkline, styled
from tests.cli.test_cli import COMMAND, run


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """What the command prints where standard output is a terminal."""
    leader, follower = pty.openpty()
    variables = os.environ | {"TERM": "xterm", "SHORTVOL_SANDBOX_AS_OF": "2026-06-12", **environment}
    with subprocess.Popen(
        [COMMAND, *arguments, "--sandbox"], env=variables, stdout=follower, stderr=subprocess.DEVNULL
    ):
        os.close(follower)
        said = b""
        while True:
            try:
                block = os.read(leader, 65536)
            except OSError:  # Linux says so when the last writer is gone
                break
            if not block:
                break
            said += block
    os.close(leader)
    return said.decode().replace("\r\n", "\n")


class TestSparkline:
    def test_the_lowest_and_the_highest_are_the_ends_of_the_scale(self) -> None:
        assert sparkline([1.0, 4.5, 8.0]) == "▁▅█"

    def test_an_unknown_value_is_a_blank_and_equal_ones_are_level(self) -> None:
        assert sparkline([1.0, None, 2.0]) == "▁ █"
        assert sparkline([3.0, 3.0]) == "▄▄"

    def test_fewer_than_two_values_are_no_line_and_the_newest_forty_are_shown(self) -> None:
        assert sparkline([]) == sparkline([None, 1.0]) == ""
        assert len(sparkline([float(value) for value in range(250)])) == 40


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is POSIX's")
class TestOnATerminal:
    def test_the_heading_has_a_sparkline_and_what_matters_has_a_colour(self) -> None:
        said = on_a_terminal("query", "700.HK", "--count", "20")
        heading = said.partition("\n")[0]
        assert any(bar in heading for bar in "▁▂▃▄▅▆▇█")
        assert "\x1b[33mSandbox, invented figures.\x1b[0m" in said
        assert "\x1b[2m- Short volume is a day's sales" in said

    def test_no_color_is_respected(self) -> None:
        said = on_a_terminal("query", "700.HK", "--count", "20", NO_COLOR="1")
        assert "\x1b[" not in said
        assert "▁" in said.partition("\n")[0]

    def test_a_pipe_gets_what_the_assistant_gets(self) -> None:
        piped = run("query", "700.HK", "--count", "20", "--sandbox", SHORTVOL_SANDBOX_AS_OF="2026-06-12").stdout
        assert piped.startswith("**700.HK daily short volume")
        assert not any(character in piped for character in "▁█\x1b")


def test_styled_marks_an_incomplete_answer_and_an_unusual_day() -> None:
    answer = {"columns": ["date", "short_ratio_pct"], "rows": []}
    text = "**X, INCOMPLETE**\n\n(z 3.10, very unusual); (z 1.20, somewhat unusual)\n\n- a note"
    said = styled(text, answer)
    assert "\x1b[1;31mINCOMPLETE\x1b[0m" in said
    assert "\x1b[1;31mvery unusual\x1b[0m" in said
    assert "somewhat unusual)" in said


def test_a_plot_stands_below_the_text() -> None:
    done = run("query", "700.HK", "--count", "30", "--plot", "--sandbox", SHORTVOL_SANDBOX_AS_OF="2026-06-12")
    assert [done.returncode, done.stderr] == [0, ""]
    assert "(short ratio, %)" in done.stdout
    assert done.stdout.rstrip().endswith("26-06-12")
    assert "\x1b" not in done.stdout


def test_too_few_figures_are_no_plot() -> None:
    assert plotted({"columns": ["date", "short_ratio_pct"], "rows": [["2026-06-12", 5.0]]}) == ""
    done = run("query", "700.HK", "--count", "1", "--plot", "--sandbox")
    assert done.stdout.endswith("There are too few figures to plot.\n")


def test_plotille_is_loaded_for_a_plot_only() -> None:
    program = "import sys, mcp_shortvol.cli.query; print('plotille' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"
    )


def test_csv_is_all_rows_and_nothing_else() -> None:
    done = run("query", "700.HK", "--count", "300", "--csv", "--sandbox", SHORTVOL_SANDBOX_AS_OF="2026-06-12")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("date,short_volume,total_volume,short_ratio_pct,close,short_turnover")
    assert len(lines) == 301


def test_several_symbols_are_compared_and_every_tool_is_within_reach() -> None:
    asked = {
        ("700.HK", "9988.HK"): "**Short volume compared**",
        ("TSLA", "AAPL", "--order-by", "change", "--start", "2026-05-01"): "Biggest jump for its own changes",
        ("--interest", "GME", "--count", "3"): "**GME.US short interest, 3 reports",
        ("--rank", "HK", "--order-by", "short_volume"): "10 Hong Kong stocks with the highest short volume",
        ("700.HK", "--interval", "month", "--count", "60"): "**700.HK short volume by month",
    }
    for arguments, said in asked.items():
        done = run("query", *arguments, "--sandbox", SHORTVOL_SANDBOX_AS_OF="2026-06-12")
        assert [done.returncode, said in done.stdout] == [0, True], (arguments, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "No symbol was given. Name one, such as 700.HK, or use --rank HK, --rank US or --screen."),
        (("700.HK", "--rank", "HK"), "--rank takes no symbol."),
        (("--rank", "HK", "--start", "2026-05-01"), "--start does not fit."),
        (("--interest", "GME", "TSLA"), "--interest takes one symbol."),
        (("--interest", "GME", "--interval", "week"), "--interval does not fit."),
        (("700.HK", "--order-by", "change"), "--order-by does not fit."),
        (("700.HK", "9988.HK", "--full"), "--full does not fit."),
        (("--rank", "HK", "--order-by", "beauty"), "order_by cannot be used. It must be"),
    ],
)
def test_options_that_do_not_fit_are_refused_and_not_ignored(arguments: tuple[str, ...], said: str) -> None:
    done = run("query", *arguments, "--sandbox")
    assert [done.returncode, done.stdout] == [2, ""]
    assert said in done.stderr


def test_a_report_is_written_to_a_file_or_to_standard_output(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    done = run("query", "700.HK", "--count", "300", "--html", str(file), "--sandbox")
    assert [done.returncode, done.stdout, done.stderr] == [0, "", f"Wrote {file}: open it in any browser.\n"]
    html = file.read_text(encoding="utf-8")
    data = html.partition('id="answer">')[2].partition("</script>")[0]
    assert len(json.loads(data)["rows"]) == 300
    compared = run("query", "TSLA", "AAPL", "--html", "-", "--sandbox").stdout
    assert compared.startswith("<!doctype html>")
    assert '"change_z"' in compared


def test_a_report_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    done = run("query", "700.HK", "--html", str(tmp_path), "--sandbox")
    assert done.returncode == 1
    assert done.stderr == f"mcp-shortvol: {tmp_path} cannot be written: Is a directory. Name another file.\n"
