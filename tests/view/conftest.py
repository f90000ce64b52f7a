"""A real Chromium and the official host side of MCP Apps; without them the tests say what is missing."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.npm import installed

HERE = Path(__file__).parent
QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of package.json, installed into a folder of the session's."""
    return installed(HERE, tmp_path_factory.mktemp("node"), "host.mjs")


@pytest.fixture(scope="session")
def host_script(node_modules: Path) -> str:
    """The official host side as one script."""
    folder = node_modules.parent
    esbuild = [str(node_modules / ".bin" / "esbuild"), "host.mjs", "--bundle", "--format=iife", "--outfile=host.js"]
    subprocess.run(esbuild, cwd=folder, check=True, capture_output=True, timeout=120)
    return (folder / "host.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")  # its event loop must have ended before another module has one of its own
def browser() -> Iterator[Any]:
    """A headless Chromium of the system."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install '.[view]'")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=QUIET, chromium_sandbox=False)
        yield running
        running.close()
