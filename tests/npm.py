"""Packages of npm for tests that need other people's tools."""

import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["installed"]


def installed(source: Path, folder: Path, *scripts: str) -> Path:
    """The packages of `source`'s package.json, installed into `folder` with these scripts beside them, or a skip."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed: other people's tools cannot be had")
    for name in ("package.json", *scripts):
        shutil.copy(source / name, folder)
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        pytest.skip(f"npm cannot install what {source.name} needs: {done.stderr[-200:]}")
    return folder / "node_modules"
