"""README and docs hold: every command runs, every link leads somewhere, every answer shown is the one that is given."""

import base64
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mcp_shortvol.cli.clients import CLIENTS
from mcp_shortvol.prompts import load_prompts

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples" / "README.md", *(ROOT / "docs").glob("*.md")]
TEXTS = {file: file.read_text(encoding="utf-8") for file in sorted(FILES)}
OURS = str(Path(sys.executable).with_name("mcp-shortvol"))


def commands() -> set[str]:
    """Every command in a shell block, and every one between backticks that is ours or make's."""
    found = set()
    for text in TEXTS.values():
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
            found |= {line.partition("  #")[0].strip() for line in block.splitlines() if line.strip()}
        found |= set(re.findall(r"`((?:[A-Z_]+=\S+ )?(?:mcp-shortvol|make) [^`\n]+)`", text))
    return found


def made_by_make() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("command", sorted(commands()))
def test_a_command_runs(command: str, tmp_path: Path) -> None:
    words = shlex.split(command)
    variables = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    match words:
        case ["make", target, *_]:
            assert target in made_by_make()
        case ["mcp-shortvol", *arguments]:
            waits = arguments[0] in {"login", "logout", "sandbox", "serve"}  # for somebody, or go on for ever
            if waits or arguments in (["install"], ["uninstall"]):
                arguments = [arguments[0], "--help"]
            if arguments[:2] == ["token", "revoke"]:  # of somebody whom nobody has let in here
                arguments = ["token", "revoke", "--help"]
            done = subprocess.run(
                [OURS, *arguments],
                env=os.environ | {"SHORTVOL_SANDBOX": "1", "HOME": str(tmp_path)} | variables,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=60,
                check=False,
            )
            assert done.returncode == 0, done.stderr
        case ["docker", *_]:
            assert (ROOT / "Dockerfile").is_file()
        case ["claude", "mcp", "add", name, *_]:
            assert name == "shortvol"
            assert words[-2:] == ["--", "mcp-shortvol"]
        case _:
            pytest.fail(f"nobody runs {command!r} in the tests")


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.name)
def test_links_to_files_lead_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", TEXTS[file]):
        if not urlsplit(target).scheme:
            assert (file.parent / target).exists(), target


def test_the_answers_shown_are_the_ones_given() -> None:
    shown = re.findall(r"^`mcp-shortvol (query [^`]+)`\n> (.+)$", TEXTS[ROOT / "README.md"], re.MULTILINE)
    assert len(shown) == 4
    for arguments, answer in shown:
        done = subprocess.run(
            [OURS, *shlex.split(arguments)],
            env=os.environ | {"SHORTVOL_SANDBOX_AS_OF": "2026-05-22"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert answer in done.stdout


def test_one_click_links_hold_the_command_and_no_secret() -> None:
    text = TEXTS[ROOT / "README.md"]
    wanted = {"command": "uvx", "args": ["mcp-shortvol"]}
    cursor = parse_qs(urlsplit(re.search(r"https://cursor\.com[^)]+", text)[0]).query)  # type: ignore[index]
    assert json.loads(base64.b64decode(cursor["config"][0])) == wanted
    code = parse_qs(urlsplit(re.search(r"https://insiders\.vscode\.dev[^)]+", text)[0]).query)  # type: ignore[index]
    assert json.loads(code["config"][0]) == wanted
    goose = parse_qs(urlsplit(re.search(r"goose://[^)]+", text)[0]).query)  # type: ignore[index]
    assert [goose["cmd"], goose["arg"]] == [["uvx"], ["mcp-shortvol"]]


def test_every_client_and_every_prompt_is_named() -> None:
    readme, clients = TEXTS[ROOT / "README.md"], TEXTS[ROOT / "docs" / "clients.md"]
    assert all(f"`{name}`" in clients and (f"`{name}`" in readme or name == "claude-desktop") for name in CLIENTS)
    assert all(f"`{prompt.name}`" in readme for prompt in load_prompts())
