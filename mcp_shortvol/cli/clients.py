"""The assistants whose settings `install` knows: where these lie, and what an entry looks like in them.

Paths and shapes are those of each client's public documentation, October 2026.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_shortvol.cli.config_files import Format

__all__ = ["CLIENTS", "GENERIC", "Client", "Launch"]

_GOOSE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Launch:
    """How the server is started: the command, its arguments, and the variables that are set for it."""

    command: str
    arguments: Sequence[str]
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Client:
    """An assistant. `path` is where its settings lie, and `section` the part of them that holds MCP servers.

    `placeholder` is what stands for a secret that is not given: something the client asks for or reads itself, where
    it can, else words that say what belongs there. `hint` is what to do after the file is written.
    `command` is the client's own command that does the same, where it has one.
    """

    title: str
    section: str
    form: Format
    path: Callable[[], Path]
    entry: Callable[[Launch], dict[str, Any]]
    placeholder: Callable[[str], str]
    hint: str
    command: Callable[[Launch], str] | None = None


def _home() -> Path:
    return Path.home()


def _by_system(linux: str, macos: str, windows: str) -> Callable[[], Path]:
    """A path below the folder in which a system's programs keep settings."""

    def path() -> Path:
        if sys.platform == "win32":
            return Path(os.environ.get("APPDATA") or _home() / "AppData" / "Roaming") / windows
        if sys.platform == "darwin":
            return _home() / macos
        return Path(os.environ.get("XDG_CONFIG_HOME") or _home() / ".config") / linux

    return path


def _in_home(name: str) -> Callable[[], Path]:
    return lambda: _home() / name


def _plain(launch: Launch) -> dict[str, Any]:
    return {"command": launch.command, "args": list(launch.arguments), "env": dict(launch.variables)}


def _vs_code(launch: Launch) -> dict[str, Any]:
    return {"type": "stdio", **_plain(launch)}


def _goose(launch: Launch) -> dict[str, Any]:
    return {
        "name": "shortvol",
        "type": "stdio",
        "enabled": True,
        "cmd": launch.command,
        "args": list(launch.arguments),
        "envs": dict(launch.variables),
        "timeout": _GOOSE_SECONDS,
    }


def _zed(launch: Launch) -> dict[str, Any]:
    return {"source": "custom", **_plain(launch)}


def _opencode(launch: Launch) -> dict[str, Any]:
    return {
        "type": "local",
        "command": [launch.command, *launch.arguments],
        "environment": dict(launch.variables),
        "enabled": True,
    }


def _claude_command(launch: Launch) -> str:
    variables = "".join(f" --env {name}={value}" for name, value in launch.variables.items())
    return f"claude mcp add shortvol{variables} -- {' '.join([launch.command, *launch.arguments])}"


def _words(name: str) -> str:
    return f"your {name.removeprefix('LONGBRIDGE_').removeprefix('FUTU_API_').lower().replace('_', ' ')}"


CLIENTS: Mapping[str, Client] = {
    "claude-desktop": Client(
        "Claude Desktop",
        "mcpServers",
        "jsonc",
        _by_system(
            "Claude/claude_desktop_config.json",
            "Library/Application Support/Claude/claude_desktop_config.json",
            "Claude/claude_desktop_config.json",
        ),
        _plain,
        _words,
        "Quit Claude Desktop and start it again.",
    ),
    "claude-code": Client(
        "Claude Code",
        "mcpServers",
        "jsonc",
        lambda: Path.cwd() / ".mcp.json",
        _plain,
        lambda name: f"${{{name}}}",
        "Start claude in this folder and allow the server when it asks.",
        _claude_command,
    ),
    "cursor": Client(
        "Cursor",
        "mcpServers",
        "jsonc",
        _in_home(".cursor/mcp.json"),
        _plain,
        lambda name: f"${{env:{name}}}",
        "Open Cursor's settings, Tools & MCP, and switch shortvol on.",
    ),
    "vscode": Client(
        "VS Code",
        "servers",
        "jsonc",
        _by_system("Code/User/mcp.json", "Library/Application Support/Code/User/mcp.json", "Code/User/mcp.json"),
        _vs_code,
        lambda name: f"${{env:{name}}}",
        "Run the command MCP: List Servers and start shortvol.",
    ),
    "codex": Client(
        "Codex",
        "mcp_servers",
        "toml",
        _in_home(".codex/config.toml"),
        _plain,
        _words,
        "Start codex again.",
    ),
    "gemini": Client(
        "Gemini CLI",
        "mcpServers",
        "jsonc",
        _in_home(".gemini/settings.json"),
        _plain,
        lambda name: f"${name}",
        "Start gemini again; /mcp lists the server.",
    ),
    "windsurf": Client(
        "Windsurf",
        "mcpServers",
        "jsonc",
        _in_home(".codeium/windsurf/mcp_config.json"),
        _plain,
        lambda name: f"${{env:{name}}}",
        "Press the refresh button of the MCP servers in Cascade.",
    ),
    "goose": Client(
        "Goose",
        "extensions",
        "yaml",
        _by_system("goose/config.yaml", ".config/goose/config.yaml", "Block/goose/config/config.yaml"),
        _goose,
        _words,
        "Start a new session.",
    ),
    "zed": Client(
        "Zed",
        "context_servers",
        "jsonc",
        _by_system("zed/settings.json", ".config/zed/settings.json", "Zed/settings.json"),
        _zed,
        _words,
        "Zed reads its settings by itself.",
    ),
    "opencode": Client(
        "OpenCode",
        "mcp",
        "jsonc",
        _by_system("opencode/opencode.json", ".config/opencode/opencode.json", "opencode/opencode.json"),
        _opencode,
        lambda name: f"{{env:{name}}}",
        "Start opencode again.",
    ),
}
"""By the name that the command line takes."""


def _nowhere() -> Path:
    raise AssertionError("the generic block has no file")


GENERIC = Client(
    "an assistant", "mcpServers", "jsonc", _nowhere, _plain, _words, "Put it where your assistant keeps MCP servers."
)
"""The block that most clients take."""
