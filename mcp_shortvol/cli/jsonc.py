"""Edits of JSON with comments (JSONC) that leave every other byte of the text as it is.

No value is written anew: a member is inserted as text, or cut out with its comma. Clients' settings hold
comments, an order and keys of their own, which a parser and a printer would lose.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["NotJson", "inserted", "loads", "quoted", "removed", "written"]

_SPACE = re.compile(r"(?:[\s\ufeff]|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR = re.compile(r"[-+.\w]+")
Path = Sequence[str]


class NotJson(ValueError):
    """The text is not JSON with comments, or what stands at a path is not an object or a list."""


@dataclass
class _Value:
    """A value and where it stands. `items` are the values of an object's members or of a list, in order."""

    kind: str
    start: int
    end: int
    items: list["_Item"]


@dataclass
class _Item:
    """A member or an element: from its key, if it has one, to the end of its value."""

    key: str | None
    start: int
    value: _Value


def loads(text: str) -> Any:
    """The value of a text, comments and trailing commas aside; raises NotJson."""
    root = _read(text)
    return _load(text, root)


def written(value: object) -> str:
    """A value as JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def quoted(text: str) -> str:
    """A string as JSON writes it, which TOML and YAML read alike."""
    return json.dumps(text)


def inserted(text: str, path: Path, key: str, value: object) -> str:
    """The text with one more member `key` in the object at `path`.

    What is missing on the path is made. An empty text becomes an object. Raises NotJson.
    """
    if not text.strip("\ufeff \t\r\n"):
        text = "{}\n"
    target, missing = _deepest(_read(text), path)
    if target.kind != "{":
        raise NotJson("what stands there is not an object")
    for name in reversed([*missing, key][1:]):
        value = {name: value}
    return _with_member(text, target, [*missing, key][0], value)


def removed(text: str, path: Path, key: str) -> str:
    """The text without a member of the object at `path`; it is there."""
    target, missing = _deepest(_read(text), path)
    assert not missing
    items = target.items
    place = [item.key for item in items].index(key)
    if len(items) == 1:
        start, end = target.start + 1, target.end - 1
        return text[:start] + text[end:]
    if place < len(items) - 1:
        return text[: items[place].start] + text[items[place + 1].start :]
    before, last = items[place - 1].value.end, items[place].value.end
    comma = _skip(text, before)
    # A comment on the line of the comma belongs to the item before, and stays.
    rest = _line_end(text, comma + 1, items[place].start)
    if text[_skip(text, last) : _skip(text, last) + 1] == ",":
        return text[:rest] + text[_skip(text, last) + 1 :]
    return text[:comma] + text[comma + 1 : rest] + text[last:]


def _line_end(text: str, start: int, limit: int) -> int:
    """The end of a comment that stands on the same line as a comma."""
    newline = text.find("\n", start, limit)
    line = text[start : newline if newline >= 0 else start]
    return start + len(line.rstrip("\r")) if line.strip() else start


def _with_member(text: str, target: _Value, key: str, value: object) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    outer = _indent(text, target.start)
    unit = "\t" if "\t" in outer else "  "
    inner = _indent(text, target.items[0].start) if target.items else outer + unit
    if target.items and inner == outer:  # all on one line
        inner = outer + unit
    lines = json.dumps(value, indent=unit if unit == "\t" else len(unit), ensure_ascii=False).split("\n")
    lines_of_value = (newline + inner).join(lines)
    item = f"{newline}{inner}{json.dumps(key, ensure_ascii=False)}: {lines_of_value}"
    end = target.end - 1
    if not target.items:
        inside = text[target.start + 1 : end]
        space = inside[len(inside.rstrip()) :]
        closing = space if "\n" in space else newline + outer
        return f"{text[: target.start + 1]}{inside.rstrip()}{item}{closing}{text[end:]}"
    last = target.items[-1].value.end
    trailing = text[last:end]
    comma, final = ("", ",") if _has_comma(trailing) else (",", "")
    closing = text[len(text[:end].rstrip()) : end]
    if "\n" not in closing:
        closing = newline + outer
    return f"{text[:last]}{comma}{trailing.rstrip()}{item}{final}{closing}{text[end:]}"


def _has_comma(trailing: str) -> bool:
    found = _SPACE.match(trailing)
    assert found is not None
    return trailing[found.end() : found.end() + 1] == ","


def _indent(text: str, place: int) -> str:
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return line[: len(line) - len(line.lstrip())].replace("\ufeff", "")


def _deepest(root: _Value, path: Path) -> tuple[_Value, list[str]]:
    """The value at the longest part of a path that is there, and the names that are missing after it."""
    value = root
    for depth, name in enumerate(path):
        if value.kind != "{":
            raise NotJson(f'what stands at "{name}" or above it is not an object')
        found = [item.value for item in value.items if item.key == name]
        if not found:
            return value, list(path[depth:])
        value = found[-1]
    return value, []


def _load(text: str, value: _Value) -> Any:
    if value.kind == "{":
        return {item.key: _load(text, item.value) for item in value.items}
    if value.kind == "[":
        return [_load(text, item.value) for item in value.items]
    try:
        return json.loads(text[value.start : value.end])
    except ValueError:
        raise NotJson(f"line {text.count(chr(10), 0, value.start) + 1} has no value that is JSON") from None


def _read(text: str) -> _Value:
    value = _value(text, _skip(text, 0))
    if _skip(text, value.end) != len(text):
        raise _wrong(text, _skip(text, value.end))
    return value


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    assert found is not None
    return found.end()


def _wrong(text: str, place: int) -> NotJson:
    return NotJson(f"line {text.count(chr(10), 0, place) + 1} is not JSON")


def _value(text: str, start: int) -> _Value:
    opening = text[start : start + 1]
    if opening in {"{", "["}:
        return _container(text, start, opening)
    found = (_STRING if opening == '"' else _SCALAR).match(text, start)
    if found is None:
        raise _wrong(text, start)
    return _Value("s", start, found.end(), [])


def _container(text: str, start: int, opening: str) -> _Value:
    closing = "}" if opening == "{" else "]"
    items: list[_Item] = []
    place = _skip(text, start + 1)
    while text[place : place + 1] != closing:
        key, begin = None, place
        if opening == "{":
            found = _STRING.match(text, place)
            if found is None:
                raise _wrong(text, place)
            key = json.loads(found[0])
            place = _skip(text, found.end())
            if text[place : place + 1] != ":":
                raise _wrong(text, place)
            place = _skip(text, place + 1)
        value = _value(text, place)
        items.append(_Item(key, begin, value))
        place = _skip(text, value.end)
        if text[place : place + 1] == ",":
            place = _skip(text, place + 1)
        elif text[place : place + 1] != closing:
            raise _wrong(text, place)
    return _Value(opening, start, place + 1, items)
