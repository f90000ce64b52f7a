"""The MCPB bundle, which Claude Desktop installs with a click: `make bundle`.

The manifest is made from server.json, so that each setting is written down once.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from mcp_shortvol import __version__

__all__ = ["manifest"]

_ROOT = Path(__file__).parents[1]
_TOOL = "@anthropic-ai/mcpb@2.1.2"
_CONTENT = ("mcp_shortvol", "prompts", "pyproject.toml", "README.md", "LICENSE")


def manifest() -> dict[str, Any]:
    """The manifest, version 0.4: a server that uv runs out of the bundle."""
    registered = json.loads((_ROOT / "server.json").read_text(encoding="utf-8"))
    variables = registered["packages"][0]["environmentVariables"]
    return {
        "manifest_version": "0.4",
        "name": "mcp-shortvol",
        "display_name": registered["title"],
        "version": __version__,
        "description": registered["description"],
        "author": {"name": "the mcp-shortvol contributors"},
        "license": "MIT",
        "icon": "icon.png",
        "server": {
            "type": "uv",
            "entry_point": "mcp_shortvol/__main__.py",
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", "mcp-shortvol"],
                "env": {variable["name"]: f"${{user_config.{variable['name'].lower()}}}" for variable in variables},
            },
        },
        "tools_generated": True,
        "prompts_generated": True,
        "compatibility": {"platforms": ["darwin", "win32", "linux"], "runtimes": {"python": ">=3.11"}},
        "user_config": {variable["name"].lower(): _option(variable) for variable in variables},
    }


def _option(variable: dict[str, Any]) -> dict[str, Any]:
    kind = {"filepath": "file"}.get(variable.get("format", ""), "string")
    return {
        "type": kind,
        "title": variable["name"],
        "description": variable["description"],
        "required": False,
        "sensitive": variable["isSecret"],
        # An option that is left empty must reach the server as an empty variable, which counts as unset.
        "default": variable.get("default", ""),
    }


def main(folder: Path) -> int:
    """Lay the bundle out in `folder`, and let the official tool validate and pack it; returns the exit code."""
    inside = folder / "mcp-shortvol"
    shutil.rmtree(inside, ignore_errors=True)
    inside.mkdir(parents=True)
    for name in _CONTENT:
        source = _ROOT / name
        if source.is_dir():
            shutil.copytree(source, inside / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, inside)
    shutil.copy(Path(__file__).with_name("icon.png"), inside)
    (inside / "manifest.json").write_text(json.dumps(manifest(), indent=2) + "\n", encoding="utf-8")
    packed = folder / f"mcp-shortvol-{__version__}.mcpb"
    for command in (["validate", str(inside / "manifest.json")], ["pack", str(inside), str(packed)]):
        done = subprocess.run(["npx", "--yes", _TOOL, *command], check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
