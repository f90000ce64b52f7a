"""What goes out: one version everywhere, a bundle that the official tool takes, a container with a user of its own."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mcp_shortvol import __version__
from mcp_shortvol.settings import Settings, _variable
from release.bundle import manifest
from release.check import open_points

ROOT = Path(__file__).parents[1]
FILES = ("README.md", "server.json", "CHANGELOG.md", "LICENSE", "mcp_shortvol/domain/errors.py", "tests/FAULTS.md")


def test_the_bundle_s_manifest_has_every_setting_and_marks_secrets() -> None:
    server = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
    variables = {variable["name"]: variable for variable in server["packages"][0]["environmentVariables"]}
    found = manifest()
    assert set(found["server"]["mcp_config"]["env"]) == set(variables)
    secret = {name.upper() for name, option in found["user_config"].items() if option["sensitive"]}
    assert secret == {name for name, variable in variables.items() if variable["isSecret"]}
    # A client's settings start a server of its own; those of a server for a team are not among them.
    settings = {_variable(field) for field in Settings.model_fields.values()}
    assert {name for name in settings if not name.startswith("SHORTVOL_HTTP_")} == set(variables)
    assert {"LONGBRIDGE_APP_SECRET", "LONGBRIDGE_ACCESS_TOKEN", "FUTU_API_TOKEN"} <= secret
    assert found["version"] == __version__


def test_the_official_tool_validates_and_packs_the_bundle(tmp_path: Path) -> None:
    if shutil.which("npx") is None:
        pytest.skip("npx is not installed: the official mcpb tool cannot be had")
    if subprocess.run(["npm", "ping"], capture_output=True, timeout=60, check=False).returncode:
        pytest.skip("the npm registry cannot be reached: the official mcpb tool cannot be had")
    done = subprocess.run(
        [sys.executable, "-m", "release.bundle", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(tmp_path / f"mcp-shortvol-{__version__}.mcpb") as bundle:
        names = set(bundle.namelist())
    assert {"manifest.json", "icon.png", "pyproject.toml", "LICENSE", "mcp_shortvol/__main__.py"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


def copied(folder: Path) -> Path:
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def test_the_release_check_says_what_is_open(tmp_path: Path) -> None:
    root = copied(tmp_path)
    points = "\n".join(open_points(root))
    assert "OWNER is not chosen yet in README.md, server.json, mcp_shortvol/domain/errors.py, tests/FAULTS.md" in points
    assert f"CHANGELOG.md says that {__version__} is not released yet" in points
    for name in FILES:
        text = (root / name).read_text(encoding="utf-8").replace("OWNER", "acme")
        (root / name).write_text(text.replace(", not released yet", ", 2026-12-01"), encoding="utf-8")
    assert list(open_points(root)) == []
    server = (root / "server.json").read_text(encoding="utf-8")
    (root / "server.json").write_text(server.replace(f'"version": "{__version__}"', '"version": "9"'), encoding="utf-8")
    (root / "LICENSE").unlink()
    assert len(list(open_points(root))) == 3


def test_the_container_keeps_its_rows_and_runs_as_a_user_of_its_own() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    instructions = [line.split(" ", 1)[0] for line in lines if re.match(r"[A-Z]+ ", line)]
    assert instructions.index("USER") < instructions.index("ENTRYPOINT")
    assert {"VOLUME", "HEALTHCHECK"} <= set(instructions)
    copies = [line.split()[1:-1] for line in lines if line.startswith("COPY") and "--from" not in line]
    assert all((ROOT / name).exists() for names in copies for name in names)


def test_docker_builds_it() -> None:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker runs here: the Dockerfile is only read")
    done = subprocess.run(["docker", "build", "-q", "."], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
