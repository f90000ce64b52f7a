"""Encodes and decodes message bodies in OpenD's two formats, JSON and protobuf.

JSON follows protobuf's own mapping, in which 64-bit integers are decimal strings. This module implements the few
protobuf rules that the messages need, so that the vendor's SDK can use its default format and the sandbox does not
depend on protobuf.
"""

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

__all__ = ["Field", "Kind", "Message", "Values", "from_json", "from_protobuf", "to_json", "to_protobuf"]

Values: TypeAlias = dict[str, object]
Message: TypeAlias = "Mapping[str, Field]"


class Kind(Enum):
    """The type of a value, which decides its encoding."""

    INT = auto()
    LONG = auto()
    BOOL = auto()
    DOUBLE = auto()
    STRING = auto()


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message: its number, its kind or nested message, and whether it is repeated."""

    number: int
    kind: "Kind | Message"
    repeated: bool = False


def from_json(body: bytes) -> Values:
    """The values of a JSON request; ValueError where the body is not a JSON object."""
    values = json.loads(body)
    if isinstance(values, dict):
        return values
    raise ValueError("not an object")


def to_json(message: Message, values: Mapping[str, object]) -> Values:
    """A response as a JSON document."""
    return {name: _json_value(message[name], value) for name, value in values.items() if value is not None}


def _json_value(field: Field, value: object) -> object:
    if isinstance(value, list):
        return [_json_value(field, each) for each in value]
    if isinstance(value, Mapping) and isinstance(field.kind, Mapping):
        return to_json(field.kind, value)
    return str(value) if field.kind is Kind.LONG else value


_VARINT, _FIXED64, _LENGTH = 0, 1, 2
_DOUBLE = struct.Struct("<d")
_64_BITS = (1 << 64) - 1


def to_protobuf(message: Message, values: Mapping[str, object]) -> bytes:
    """A response in protobuf."""
    written = bytearray()
    for name, field in message.items():
        value = values.get(name)
        for each in value if isinstance(value, list) else [value]:
            if each is not None:
                written += _write(field, each)
    return bytes(written)


def _write(field: Field, value: object) -> bytes:
    if isinstance(value, Mapping) and isinstance(field.kind, Mapping):
        return _with_length(field, to_protobuf(field.kind, value))
    if isinstance(value, str):
        return _with_length(field, value.encode())
    if field.kind is Kind.DOUBLE and isinstance(value, (int, float)):
        return _varint(field.number << 3 | _FIXED64) + _DOUBLE.pack(value)
    if isinstance(value, int):
        return _varint(field.number << 3 | _VARINT) + _varint(value & _64_BITS)
    raise TypeError(f"field {field.number} cannot hold {type(value).__name__}")


def _with_length(field: Field, value: bytes) -> bytes:
    return _varint(field.number << 3 | _LENGTH) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


def from_protobuf(message: Message, body: bytes) -> Values:
    """The values of a protobuf request; ValueError where the body is not protobuf. Unknown fields are skipped."""
    # Of a repeated field the last value is used: no supported request has a repeated field.
    fields = {field.number: (name, field.kind) for name, field in message.items()}
    values: Values = {}
    for number, raw in _read(body):
        name, kind = fields.get(number, ("", Kind.INT))
        if isinstance(kind, Mapping) and isinstance(raw, bytes):
            values[name] = from_protobuf(kind, raw)
        elif kind is Kind.STRING and isinstance(raw, bytes):
            values[name] = raw.decode()
        elif name and isinstance(raw, int):
            signed = raw - (1 << 64) if raw >> 63 else raw
            values[name] = bool(raw) if kind is Kind.BOOL else signed
    return values


def _read(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(body):
        tag, at = _read_varint(body, at)
        if tag & 7 == _VARINT:
            number, at = _read_varint(body, at)
            yield tag >> 3, number
        elif tag & 7 == _LENGTH:
            length, at = _read_varint(body, at)
            if at + length > len(body):
                raise ValueError("a field ends beyond the body")
            yield tag >> 3, body[at : at + length]
            at += length
        else:
            raise ValueError("a field of a type that no request has")


def _read_varint(body: bytes, at: int) -> tuple[int, int]:
    number = 0
    for index, byte in enumerate(body[at : at + 10]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, at + index + 1
    raise ValueError("a varint that does not end")
