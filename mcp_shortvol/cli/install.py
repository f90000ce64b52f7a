"""The commands `install` and `uninstall`: into an assistant's settings and out of them again."""

import argparse
import difflib
import os
import shutil
import sys
from collections.abc import Mapping
from datetime import datetime
from getpass import getpass
from pathlib import Path
from tempfile import NamedTemporaryFile

from mcp_shortvol.cli import jsonc
from mcp_shortvol.cli.clients import CLIENTS, GENERIC, Client, Launch
from mcp_shortvol.cli.config_files import entry_in, with_entry, without_entry
from mcp_shortvol.domain.errors import InvalidRequest

__all__ = ["install", "uninstall"]

_NAME = "shortvol"
_SECRETS = {
    "longbridge": ("LONGBRIDGE_APP_KEY", "LONGBRIDGE_APP_SECRET", "LONGBRIDGE_ACCESS_TOKEN"),
    "futu_cloud": ("FUTU_API_TOKEN",),
}
_UV_CACHE = frozenset({"archive-v0", "environments-v2"})  # the folders in which uvx makes its environments
_HIDDEN = "********"


def install(options: argparse.Namespace) -> int:
    """Print the block for a client, or write it into its settings; returns the exit code."""
    client = CLIENTS.get(options.client, GENERIC)
    asked = _asked(options) if options.write and client is not GENERIC else {}
    launch = _launch(options, client, asked)
    if client is GENERIC and options.write:
        sys.stderr.write(
            f'mcp-shortvol: "{options.client}" is not a client known here. Put the block below in by hand.\n'
        )
    if client is GENERIC or not options.write:
        _print_block(client, launch)
        return 2 if options.write else 0
    try:
        return _write(client, launch, asked)
    except InvalidRequest as error:
        sys.stderr.write(f"mcp-shortvol: {error}\n")
        return 2


def uninstall(options: argparse.Namespace) -> int:
    """Take the entry out of a client's settings; returns the exit code."""
    client = CLIENTS.get(options.client)
    if client is None:
        sys.stderr.write(f'mcp-shortvol: "{options.client}" is not a client known here: {", ".join(CLIENTS)}.\n')
        return 2
    path = client.path()
    try:
        text = _read(path)
        if entry_in(text, client.form, client.section, _NAME) is None:
            print(f"There is no {_NAME} in {path}.")  # noqa: T201
            return 0
        changed = without_entry(text, client.form, client.section, _NAME)
        _show_difference(path, text, changed, {})
        _replace(path, changed)
    except InvalidRequest as error:
        sys.stderr.write(f"mcp-shortvol: {error}\n")
        return 2
    print(f"Taken out of {path}. {client.hint}")  # noqa: T201
    return 0


def _launch(options: argparse.Namespace, client: Client, asked: Mapping[str, str]) -> Launch:
    command, arguments = _command()
    variables = {"SHORTVOL_SANDBOX": "1"} if options.sandbox else {}
    for source in options.account:
        for name in _SECRETS[source]:
            variables[name] = asked.get(name) or client.placeholder(name)
    return Launch(command, arguments, variables)


def _command() -> tuple[str, list[str]]:
    """The full path of this command, or uvx where it runs from uv's cache, which uv may empty.

    A `uv tool install` is no cache: its path stays.
    """
    here = Path(sys.argv[0])
    found = here if here.is_absolute() else Path(shutil.which(sys.argv[0]) or here)
    resolved = found.absolute()
    if _UV_CACHE & set(Path(sys.prefix).parts):
        return "uvx", ["mcp-shortvol"]
    return str(resolved), []


def _asked(options: argparse.Namespace) -> dict[str, str]:
    """Secrets typed without echo; none where nobody can type, and Enter leaves the placeholder."""
    if not sys.stdin.isatty():
        return {}
    found = {}
    for source in options.account:
        for name in _SECRETS[source]:
            if given := getpass(f"{name} (Enter leaves a placeholder): ").strip():
                found[name] = given
    return found


def _print_block(client: Client, launch: Launch) -> None:
    if client.command is not None:
        print(f"# {client.title}, as a command:\n{client.command(launch)}\n")  # noqa: T201
    where = "" if client is GENERIC else f", {client.path()}"
    print(f"# {client.title}{where}:")  # noqa: T201
    print(with_entry("", client.form, client.section, _NAME, client.entry(launch)), end="")  # noqa: T201
    if client is not GENERIC:
        sys.stderr.write("Add --write to put it there.\n")


def _write(client: Client, launch: Launch, asked: Mapping[str, str]) -> int:
    path = client.path()
    text = _read(path)
    entry = client.entry(launch)
    there = entry_in(text, client.form, client.section, _NAME)
    if there == entry:
        print(f"{path} has it already.")  # noqa: T201
        return 0
    if there is not None:
        raise InvalidRequest(
            f"{path} has another {_NAME} already.",
            "Run mcp-shortvol uninstall with the same client first, or change that entry by hand.",
        )
    changed = with_entry(text, client.form, client.section, _NAME, entry)
    _show_difference(path, text, changed, asked)
    backup = _replace(path, changed, private=bool(asked))
    kept = f" The file as it was is {backup.name}." if backup else ""
    print(f"Written into {path}.{kept} {client.hint}")  # noqa: T201
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidRequest(f"{path} cannot be read: {why}.", "Correct that, or put the block in by hand.") from None


def _show_difference(path: Path, before: str, after: str, asked: Mapping[str, str]) -> None:
    """The difference as a patch shows it, without what was typed in secret."""
    for secret in asked.values():
        after = after.replace(jsonc.quoted(secret), jsonc.quoted(_HIDDEN))
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), str(path), str(path), lineterm="")
    print("\n".join(lines))  # noqa: T201


def _replace(path: Path, text: str, *, private: bool = False) -> Path | None:
    """Write the file in one step, beside a copy of what it was; raises InvalidRequest where that is not possible.

    A `private` one, which holds a secret, is readable by its owner only, as a new one always is.
    """
    target = path.resolve()  # a link stays a link
    backup = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            backup = target.with_name(f"{target.name}.{datetime.now():%Y%m%d-%H%M%S}.bak")  # noqa: DTZ005 - for a person
            shutil.copy2(target, backup)
        with NamedTemporaryFile("wb", dir=target.parent, prefix=".shortvol-", delete=False) as new:
            new.write(text.encode("utf-8"))
        if target.exists() and not private:
            shutil.copymode(target, new.name)
        Path(new.name).replace(target)
    except OSError as error:
        raise InvalidRequest(
            f"{path} cannot be written: {os.strerror(error.errno or 0)}.", "Correct that, or put the block in by hand."
        ) from None
    return backup
