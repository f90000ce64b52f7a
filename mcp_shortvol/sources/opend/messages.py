"""What is said to OpenD and what it answers, as JSON: protocol ids, the envelope, and the three exchanges of upkeep."""

import json
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias

from mcp_shortvol.sources.opend.failures import MalformedAnswer, refusal_of
from mcp_shortvol.sources.scalars import Unreadable, read_float, read_int

__all__ = [
    "GLOBAL_STATE_QUESTION",
    "PUSHES",
    "SANDBOX_MARK",
    "GlobalState",
    "Greeting",
    "Json",
    "Protocol",
    "greet",
    "read_answer",
    "request",
]

Json: TypeAlias = dict[str, object]


class Protocol(IntEnum):
    """The protocol ids in use; each answers under its own id."""

    INIT_CONNECT = 1001
    GET_GLOBAL_STATE = 1002
    KEEP_ALIVE = 1004
    GET_DAILY_SHORT_VOLUME = 3248
    GET_SHORT_INTEREST = 3249
    GET_SHORT_SELLING_RANK = 3415


# What OpenD sends unasked. Their serial numbers are a count of their own and can equal one that is waited for.
PUSHES = frozenset(
    {1003, 2208, 2218, 3005, 3007, 3009, 3011, 3013, 3015, 3019, 3261, 3310, 3450, 3451, 3452},
)

# The field is required, and no longer means anything.
GLOBAL_STATE_QUESTION: Json = {"userID": 0}

# What our sandbox says of itself where OpenD describes its state; a real one has nothing of the kind to say.
SANDBOX_MARK = "mcp-shortvol sandbox"

_CLIENT_VERSION = 300
_NO_ENCRYPTION, _AES_CBC = -1, 2
_JSON_PUSHES = 1
_SUCCEEDED, _RETURN_TYPE_ABSENT = 0, -400
_READY = 10


def request(c2s: Json) -> bytes:
    """A request's body."""
    return json.dumps({"c2s": c2s}, separators=(",", ":")).encode()


def read_answer(body: bytes) -> Json:
    """What an answer holds; raises a Refusal where OpenD says that it failed, MalformedAnswer where it says nothing."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer("not JSON") from error
    if not isinstance(envelope, dict):
        raise MalformedAnswer("not an object")
    return_type = _signed(envelope.get("retType", _RETURN_TYPE_ABSENT))
    if return_type != _SUCCEEDED:
        text = envelope.get("retMsg")
        raise refusal_of(return_type, text if isinstance(text, str) else "")
    content = envelope.get("s2c")
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise MalformedAnswer("no object in s2c")
    return content


def greet(*, encrypted: bool) -> Json:
    """InitConnect, the first exchange of a connection.

    Without encryption that must be said: left out, OpenD encrypts as soon as it has a key.
    """
    return {
        "clientVer": _CLIENT_VERSION,
        "clientID": "mcp-shortvol",
        "recvNotify": False,
        "packetEncAlgo": _AES_CBC if encrypted else _NO_ENCRYPTION,
        "pushProtoFmt": _JSON_PUSHES,
        "programmingLanguage": "Python",
    }


@dataclass(frozen=True, slots=True)
class Greeting:
    """OpenD's answer to InitConnect. `version` is 100 x major + minor, `keep_alive` seconds, key and vector 16 long."""

    version: int | None
    keep_alive: float | None
    aes_key: bytes = field(repr=False)
    aes_initial_vector: bytes = field(repr=False)

    @classmethod
    def read(cls, content: Json) -> "Greeting":
        """From the answer's content; what cannot be read is as good as absent."""
        return cls(
            version=_int_or_none(content.get("serverVer")),
            keep_alive=_float_or_none(content.get("keepAliveInterval")),
            aes_key=str(content.get("connAESKey", "")).encode(),
            aes_initial_vector=str(content.get("aesCBCiv", "")).encode(),
        )


@dataclass(frozen=True, slots=True)
class GlobalState:
    """What OpenD says of itself: whether it is logged in to quotes, what it is busy with, whether it is our sandbox."""

    logged_in: bool
    program_status: int
    sandbox: bool

    @classmethod
    def read(cls, content: Json) -> "GlobalState":
        """From the content of the answer to GetGlobalState."""
        status = content.get("programStatus")
        details: Json = status if isinstance(status, dict) else {}
        program_status = _int_or_none(details.get("type"))
        return cls(
            logged_in=content.get("qotLogined") is True,
            program_status=_READY if program_status is None else program_status,
            sandbox=details.get("strExtDesc") == SANDBOX_MARK,
        )


def _signed(value: object) -> int:
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and value.isascii() and len(value) < 12:
        return int(value)
    if type(value) is not int:
        raise MalformedAnswer("no number in retType")
    return value


def _int_or_none(value: object) -> int | None:
    try:
        return read_int(value)
    except Unreadable:
        return None


def _float_or_none(value: object) -> float | None:
    try:
        return read_float(value)
    except Unreadable:
        return None
