"""A client's settings file: an entry is put in or taken out as text, and every other byte stays.

Each edit is checked before it is given back: the new text must parse, and must say what the old one said and the entry.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any, Literal

from mcp_shortvol.cli import jsonc
from mcp_shortvol.domain.errors import InvalidRequest

__all__ = ["Entry", "Format", "entry_in", "with_entry", "without_entry"]

Format = Literal["jsonc", "toml", "yaml"]
Entry = Mapping[str, Any]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def entry_in(text: str, form: Format, section: str, name: str) -> Entry | None:
    """The entry of that name, where there is one; raises InvalidRequest where the file cannot be read."""
    servers = _parsed(text, form).get(section)
    entry = servers.get(name) if isinstance(servers, dict) else None
    return entry if isinstance(entry, dict) else None


def with_entry(text: str, form: Format, section: str, name: str, entry: Entry) -> str:
    """The text with the entry, which is not there yet; raises InvalidRequest where it cannot be put in safely."""
    before = _parsed(text, form)
    try:
        if form == "jsonc":
            changed = jsonc.inserted(text, [section], name, entry)
        elif form == "toml":
            changed = _with_toml(text, section, name, entry)
        else:
            changed = _with_yaml(text, section, name, entry)
    except ValueError as error:
        raise _refused(str(error)) from None
    wanted = {**before, section: {**(before.get(section) or {}), name: dict(entry)}}
    if _parsed(changed, form) != wanted:
        raise _refused("its layout is not one that can be added to")
    return changed


def without_entry(text: str, form: Format, section: str, name: str) -> str:
    """The text without the entry, which is there; raises InvalidRequest where it cannot be taken out safely."""
    before = _parsed(text, form)
    if form == "jsonc":
        changed = jsonc.removed(text, [section], name)
    elif form == "toml":
        changed = _without_toml(text, section, name)
    else:
        changed = _without_yaml(text, section, name)
    after = _parsed(changed, form)
    wanted = {**before, section: {key: value for key, value in before[section].items() if key != name}}
    if {**after, section: after.get(section) or {}} != wanted:
        raise _refused("its layout is not one that can be cut from")
    return changed


def _parsed(text: str, form: Format) -> dict[str, Any]:
    try:
        if form == "jsonc":
            value = jsonc.loads(text) if text.strip("\ufeff \t\r\n") else {}
        elif form == "toml":
            value = tomllib.loads(text)
        else:
            value = _yaml_value(text)
    except (ValueError, RecursionError) as error:
        raise _refused(f"it cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise _refused("it holds no settings by name")
    return value


def _yaml_value(text: str) -> Any:
    import yaml  # only Goose's settings need it

    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError:
        raise ValueError("it is not YAML") from None


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(
        f"The settings file is left as it is, because {why}.", "Put the block in by hand; leave out --write to see it."
    )


def _with_toml(text: str, section: str, name: str, entry: Entry) -> str:
    """A table of its own at the end of the file, which any TOML file may have."""
    newline = _newline(text)
    tables = {key: value for key, value in entry.items() if isinstance(value, dict)}
    lines = [f"[{section}.{name}]", *(f"{key} = {_toml(value)}" for key, value in entry.items() if key not in tables)]
    for key, table in tables.items():
        lines += [
            "",
            f"[{section}.{name}.{key}]",
            *(f"{_key(inner)} = {_toml(value)}" for inner, value in table.items()),
        ]
    gap = "" if not text.strip() else newline if text.endswith("\n") else newline * 2
    return text + gap + newline.join(lines) + newline


def _without_toml(text: str, section: str, name: str) -> str:
    """Without the table and its own tables, each from its header to the next one or the end."""
    own = re.compile(rf"^[ \t]*\[[ \t]*{re.escape(section)}\.{re.escape(name)}(?:\.[^\]]*)?\][^\n]*$")
    kept: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            inside = own.match(line.rstrip("\r\n")) is not None
            if inside and kept and not kept[-1].strip():
                kept.pop()  # the blank line that was put in before it
        if not inside:
            kept.append(line)
    return "".join(kept)


def _toml(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return jsonc.quoted(value) if isinstance(value, str) else str(value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else jsonc.quoted(name)


def _with_yaml(text: str, section: str, name: str, entry: Entry) -> str:
    """A block at the top of the section, indented as its neighbours are."""
    newline = _newline(text)
    lines = text.splitlines(keepends=True)
    header = next((number for number, line in enumerate(lines) if re.match(rf"{section}:\s*(#.*)?$", line)), None)
    if header is None:
        if re.search(rf"^{section}\s*:", text, re.MULTILINE):
            raise ValueError(f'"{section}" is written on one line')
        gap = "" if not text or text.endswith("\n") else newline
        return text + gap + f"{section}:{newline}" + _yaml_block(name, entry, "  ", newline)
    neighbours = (re.match(r"([ \t]+)[^\s#]", line) for line in lines[header + 1 :])
    indent = next((found[1] for found in neighbours if found), "  ")
    if not lines[header].endswith("\n"):
        lines[header] += newline
    lines.insert(header + 1, _yaml_block(name, entry, indent, newline))
    return "".join(lines)


def _yaml_block(name: str, entry: Entry, indent: str, newline: str) -> str:
    lines = [f"{indent}{name}:"]
    for key, value in entry.items():
        if isinstance(value, dict) and value:
            lines += [
                f"{indent * 2}{key}:",
                *(f"{indent * 3}{inner}: {_yaml(given)}" for inner, given in value.items()),
            ]
        else:
            lines.append(f"{indent * 2}{key}: {_yaml(value)}")
    return newline.join(lines) + newline


def _yaml(value: object) -> str:
    """JSON, which is YAML on one line."""
    return jsonc.written(value)


def _without_yaml(text: str, section: str, name: str) -> str:
    kept: list[str] = []
    inside_section, cut = False, ""
    for line in text.splitlines(keepends=True):
        depth = line[: len(line) - len(line.lstrip())]
        if line.strip() and not depth:
            inside_section = bool(re.match(rf"{section}:", line))
        if cut and line.strip() and len(depth) <= len(cut):
            cut = ""
        if inside_section and depth and re.match(rf"{re.escape(name)}\s*:", line.lstrip()):
            cut = depth
        if not cut:
            kept.append(line)
    return "".join(kept)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
