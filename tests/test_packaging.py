"""What is published says the same everywhere, and is valid where a schema says what valid is."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from mcp_shortvol import __version__
from mcp_shortvol.settings import Settings

ROOT = Path(__file__).parent.parent
SERVER = json.loads((ROOT / "server.json").read_text())
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
CLIENTS = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")


def variables() -> set[str]:
    """Every environment variable that is read, by its newest name."""
    aliases = (field.validation_alias for field in Settings.model_fields.values())
    return {alias if isinstance(alias, str) else str(alias.choices[0]) for alias in aliases}


def test_server_json_is_valid() -> None:
    schema = json.loads((ROOT / "tests/schemas/server-2025-12-11.schema.json").read_text())
    jsonschema.validate(SERVER, schema)
    assert len(SERVER["description"]) <= 100


def test_there_is_one_version_and_one_name() -> None:
    assert [SERVER["version"], SERVER["packages"][0]["version"]] == [__version__, __version__]
    assert f"<!-- mcp-name: {SERVER['name']} -->" in README


def test_server_json_names_only_variables_that_exist() -> None:
    named = {variable["name"] for variable in SERVER["packages"][0]["environmentVariables"]}
    assert named <= variables()


def test_every_variable_stands_in_the_documents_and_no_other() -> None:
    documented = set(re.findall(r"`((?:LONGBRIDGE|FUTU|FINRA|SFC|SHORTVOL)_[A-Z_]+)`", SETTINGS))
    assert documented == variables()


@pytest.mark.parametrize("command", ["make demo", "make test"])
def test_the_two_commands_stand_at_the_top_of_the_readme(command: str) -> None:
    assert command in README[:4000]


def test_json_blocks_for_clients_are_json() -> None:
    blocks = re.findall(r"```json\n(.*?)```", CLIENTS, re.DOTALL)
    assert len(blocks) >= 3
    for block in blocks:
        json.loads(block)


def test_the_answer_in_the_readme_is_the_one_that_is_printed() -> None:
    (block,) = re.findall(r"<!-- example -->\n```text\n(.*?)```", README, re.DOTALL)
    command = Path(sys.executable).with_name("mcp-shortvol")
    printed = subprocess.run(
        [command, "query", "700.HK", "--count", "5", "--sandbox"],
        env=os.environ | {"SHORTVOL_SANDBOX_AS_OF": "2026-05-22"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout == block
