"""`install` and `uninstall`: into real settings files of each client and out again, without losing a byte."""

import argparse
import json
import os
import pty
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.cli import jsonc
from mcp_shortvol.cli.clients import CLIENTS, Client
from mcp_shortvol.cli.config_files import with_entry, without_entry
from mcp_shortvol.cli.install import install
from mcp_shortvol.domain.errors import InvalidRequest
from tests.cli.test_cli import COMMAND, run

# As people have them: comments, trailing commas, tabs, a byte order mark, Windows line ends, other servers.
FILES = {
    "claude-desktop": """{
  "globalShortcut": "Ctrl+Space",
  "mcpServers": {
    "fs": {"command": "npx", "args": ["-y"]}
  }
}
""",
    "claude-code": '{"mcpServers": {}}',
    "cursor": '\ufeff{\r\n\t"mcpServers": {\r\n\t\t"a": {"url": "http://x"}\r\n\t}\r\n}\r\n',
    "vscode": """// my servers
{
  "inputs": [
    {"type": "promptString", "id": "key", "password": true}, // keep
  ],
  "servers": {
    /* the first */ "one": {"type": "stdio", "command": "one"}, // and its comment
  },
}
""",
    "codex": """# model first
model = "gpt-5"   # aligned

[mcp_servers.docs]
command = "docs"
args = [
  "--one",  # a comment
]

[mcp_servers.docs.env]
A = 'literal \\n'

[tui]
theme = "dark"
""",
    "gemini": """{
    "theme": "Default",
    "mcpServers": {
        "x": {
            "command": "x"
        }
    },
    "z": 1
}""",
    "windsurf": "",
    "goose": """GOOSE_MODEL: gpt-5 # comment
extensions:
    developer:
        bundled: true
        enabled: true   # spaces
        name: developer
        type: builtin
GOOSE_MODE: auto
""",
    "zed": """// Zed settings
//
// For information see the docs
{
  "theme": { "mode": "system" },
  "vim_mode": false,
}
""",
    "opencode": '{\n  "$schema": "https://opencode.ai/config.json",\n  // none yet\n}\n',
}
ENTRY = {"command": "/opt/x y/mcp-shortvol", "args": [], "env": {"A": 'ü\\"', "B_1": "2"}}


def parsed(text: str, client: Client) -> Any:
    if client.form == "toml":
        return tomllib.loads(text)
    return yaml.safe_load(text) if client.form == "yaml" else jsonc.loads(text) if text.strip() else {}


def at_home(home: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        env=os.environ | {"HOME": str(home)},
        cwd=cwd or home,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


@pytest.mark.parametrize("name", CLIENTS)
class TestEveryClient:
    def test_a_file_keeps_every_byte_and_comes_back_as_it_was(self, name: str) -> None:
        client, text = CLIENTS[name], FILES[name]
        changed = with_entry(text, client.form, client.section, "shortvol", ENTRY)
        assert parsed(changed, client)[client.section]["shortvol"] == ENTRY
        for line in text.splitlines():
            assert line.strip("\ufeff {}") in changed
        back = without_entry(changed, client.form, client.section, "shortvol")
        section = parsed(text, client).get(client.section)
        if section or name == "claude-code":
            assert back.replace("\n}", "}") == text.replace("\n}", "}") if name == "claude-code" else back == text
        else:  # the section that was made stays, empty
            assert not parsed(back, client)[client.section]

    def test_the_command_writes_a_copy_shows_the_difference_and_undoes(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        client = CLIENTS[name]
        path = client.path()
        if FILES[name]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(FILES[name].encode())
            path.chmod(0o640)
        done = at_home(tmp_path, "install", name, "--write", "--sandbox")
        assert [done.returncode, done.stderr] == [0, ""]
        assert "+++ " in done.stdout
        assert client.hint in done.stdout
        entry = parsed(path.read_bytes().decode(), client)[client.section]["shortvol"]
        command = entry.get("cmd") or entry["command"]
        assert (command[0] if isinstance(command, list) else command) == COMMAND
        assert {"SHORTVOL_SANDBOX": "1"} in entry.values()
        copies = list(path.parent.glob(f"{path.name}.*.bak"))
        assert [copy.read_bytes().decode() for copy in copies] == ([FILES[name]] if FILES[name] else [])
        assert stat.S_IMODE(path.stat().st_mode) == (0o640 if FILES[name] else 0o600)
        again = at_home(tmp_path, "install", name, "--write", "--sandbox")
        assert [again.returncode, again.stdout] == [0, f"{path} has it already.\n"]
        other = at_home(tmp_path, "install", name, "--write")
        assert other.returncode == 2
        assert "has another shortvol already" in other.stderr
        gone = at_home(tmp_path, "uninstall", name)
        assert [gone.returncode, gone.stderr] == [0, ""]
        assert "shortvol" not in (parsed(path.read_bytes().decode(), client).get(client.section) or {})
        none = at_home(tmp_path, "uninstall", name)
        assert none.stdout == f"There is no shortvol in {path}.\n"

    @pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
    def test_each_system_has_its_path(
        self, name: str, system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        monkeypatch.setenv("APPDATA", str(tmp_path / "AppData" / "Roaming"))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "platform", system)
        path = CLIENTS[name].path().relative_to(tmp_path).as_posix()
        assert PATHS[name].get(system, PATHS[name].get("all")) == path

    def test_the_block_is_printed_and_nothing_is_written(self, name: str, tmp_path: Path) -> None:
        done = at_home(tmp_path, "install", name, "--account", "longbridge")
        assert done.returncode == 0
        assert COMMAND in done.stdout
        assert "LONGBRIDGE_ACCESS_TOKEN" in done.stdout
        assert list(tmp_path.iterdir()) == []


PATHS: dict[str, dict[str, str]] = {
    "claude-desktop": {
        "linux": ".config/Claude/claude_desktop_config.json",
        "darwin": "Library/Application Support/Claude/claude_desktop_config.json",
        "win32": "AppData/Roaming/Claude/claude_desktop_config.json",
    },
    "claude-code": {"all": ".mcp.json"},
    "cursor": {"all": ".cursor/mcp.json"},
    "vscode": {
        "linux": ".config/Code/User/mcp.json",
        "darwin": "Library/Application Support/Code/User/mcp.json",
        "win32": "AppData/Roaming/Code/User/mcp.json",
    },
    "codex": {"all": ".codex/config.toml"},
    "gemini": {"all": ".gemini/settings.json"},
    "windsurf": {"all": ".codeium/windsurf/mcp_config.json"},
    "goose": {
        "linux": ".config/goose/config.yaml",
        "darwin": ".config/goose/config.yaml",
        "win32": "AppData/Roaming/Block/goose/config/config.yaml",
    },
    "zed": {
        "linux": ".config/zed/settings.json",
        "darwin": ".config/zed/settings.json",
        "win32": "AppData/Roaming/Zed/settings.json",
    },
    "opencode": {
        "linux": ".config/opencode/opencode.json",
        "darwin": ".config/opencode/opencode.json",
        "win32": "AppData/Roaming/opencode/opencode.json",
    },
}


@pytest.mark.parametrize(
    ("prefix", "command"),
    [
        ("/home/me/.cache/uv/archive-v0/abc", "uvx"),
        ("/home/me/.cache/uv/environments-v2/abc", "uvx"),
        ("/home/me/.local/share/uv/tools/mcp-shortvol", COMMAND),
    ],
)
def test_uvx_is_named_where_uv_may_empty_the_path(
    prefix: str, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "argv", [COMMAND])
    assert install(argparse.Namespace(client="another", write=False, sandbox=False, account=[])) == 0
    block = json.loads(capsys.readouterr().out.partition("\n")[2])["mcpServers"]["shortvol"]
    assert [block["command"], block["args"]] == [command, ["mcp-shortvol"] if command == "uvx" else []]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("jsonc", '{"mcpServers": [1]}'),
        ("jsonc", '{"mcpServers": {"a": }}'),
        ("jsonc", "[]"),
        ("jsonc", '{"a": 1'),
        ("toml", 'mcpServers = {a = {command = "x"}}'),
        ("toml", "a = "),
        ("yaml", "mcpServers: {a: {cmd: x}}"),
        ("yaml", "a: [1"),
        ("yaml", "- a"),
    ],
)
def test_a_file_that_cannot_be_changed_safely_is_left_with_a_reason(form: Any, text: str) -> None:
    with pytest.raises(InvalidRequest, match="is left as it is, because"):
        with_entry(text, form, "mcpServers", "shortvol", ENTRY)


def test_an_unreadable_file_and_an_unknown_client_are_named(tmp_path: Path) -> None:
    path = tmp_path / ".cursor" / "mcp.json"
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe{}")
    done = at_home(tmp_path, "install", "cursor", "--write")
    assert [done.returncode, "it is not UTF-8" in done.stderr] == [2, True]
    assert path.read_bytes() == b"\xff\xfe{}"
    generic = at_home(tmp_path, "install", "some-client")
    assert generic.returncode == 0
    assert json.loads(generic.stdout.partition("\n")[2])["mcpServers"]["shortvol"]["command"] == COMMAND
    assert run("install", "some-client", "--write").returncode == 2
    assert "is not a client known here" in run("uninstall", "some-client").stderr


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text("{}")
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor" / "mcp.json").symlink_to(real)
    assert at_home(tmp_path, "install", "cursor", "--write").returncode == 0
    assert (tmp_path / ".cursor" / "mcp.json").is_symlink()
    assert "shortvol" in real.read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is POSIX's")
def test_secrets_are_asked_for_without_echo_and_never_shown(tmp_path: Path) -> None:
    pid, leader = pty.fork()
    if pid == 0:
        os.environ["HOME"] = str(tmp_path)
        os.execv(COMMAND, [COMMAND, "install", "cursor", "--write", "--account", "longbridge"])
    said = b""
    for answer in (b"the-key\n", b"the-secret\n", b"\n"):
        while not said.rstrip().endswith(b"placeholder):"):
            said += os.read(leader, 4096)
        os.write(leader, answer)
        said += b"."
    while True:
        try:
            said += os.read(leader, 4096)
        except OSError:
            break
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    path = tmp_path / ".cursor" / "mcp.json"
    env = json.loads(path.read_text())["mcpServers"]["shortvol"]["env"]
    assert env == {
        "LONGBRIDGE_APP_KEY": "the-key",
        "LONGBRIDGE_APP_SECRET": "the-secret",
        "LONGBRIDGE_ACCESS_TOKEN": "${env:LONGBRIDGE_ACCESS_TOKEN}",
    }
    assert b"the-key" not in said
    assert b"the-secret" not in said
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


names = st.text(st.sampled_from("abc"), min_size=1, max_size=2)
values = st.recursive(
    st.one_of(st.integers(), st.booleans(), st.none(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=12,
)
gaps = st.sampled_from(["", " ", "\n  ", "\r\n\t", " // note\n", "/* note */"])


@st.composite
def documents(draw: st.DrawFn) -> str:
    """JSON with comments and trailing commas at any place."""

    def text(value: Any) -> str:
        gap = lambda: draw(gaps)  # noqa: E731 - drawn anew at each place
        if isinstance(value, dict | list):
            pairs = (
                [json.dumps(key) + gap() + ":" + gap() + text(inner) for key, inner in value.items()]
                if isinstance(value, dict)
                else [text(inner) for inner in value]
            )
            comma = "," + gap() if pairs and draw(st.booleans()) else ""
            inside = ("," + gap()).join(pair + gap() for pair in pairs)
            opening, closing = "{}" if isinstance(value, dict) else "[]"
            return opening + gap() + inside + comma + gap() + closing
        return json.dumps(value)

    servers = draw(st.dictionaries(names, values, max_size=3))
    others = draw(st.dictionaries(names, values, max_size=3))
    return draw(gaps) + text({**others, "mcpServers": servers}) + draw(gaps)


@given(documents(), st.dictionaries(names, values, max_size=2))
def test_whatever_the_layout_an_entry_goes_in_and_out_and_no_more_changes(text: str, entry: dict[str, Any]) -> None:
    before = jsonc.loads(text)
    changed = jsonc.inserted(text, ["mcpServers"], "shortvol", entry)
    assert jsonc.loads(changed) == {**before, "mcpServers": {**before["mcpServers"], "shortvol": entry}}
    assert jsonc.loads(jsonc.removed(changed, ["mcpServers"], "shortvol")) == before
    kept = iter(changed)
    assert all(character in kept for character in text if not character.isspace())  # each one, in its order
