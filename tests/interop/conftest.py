"""Environments of other people's tools, made once a session. `make interop` runs these tests; others skip them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.npm import installed

HERE = Path(__file__).parent
COMMAND = str(Path(sys.executable).with_name("mcp-shortvol"))


@pytest.fixture(autouse=True)
def _asked_for() -> None:
    if not os.environ.get("INTEROP"):
        pytest.skip("installs other people's tools: make interop runs it")


@pytest.fixture(scope="session")
def environment_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A virtual environment with these packages; gives the folder of its commands."""

    def made(*packages: str) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=120)
        commands = folder / ("Scripts" if sys.platform == "win32" else "bin")
        pip = [str(commands / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        done = subprocess.run(pip, capture_output=True, text=True, timeout=600, check=False)
        if done.returncode:
            pytest.skip(f"pip cannot install {', '.join(packages)}: {done.stderr[-200:]}")
        return commands

    return made


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of package.json, and this folder's scripts beside them."""
    return installed(HERE, tmp_path_factory.mktemp("node"), "typescript_client.mjs")
