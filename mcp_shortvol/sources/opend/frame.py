"""OpenD's frame: 44 bytes of header, then a body. Pure: bytes in, frames out.

    offset  bytes
         0      2  "FT"
         2      4  protocol id
         6      1  body format: 0 protobuf, 1 JSON
         7      1  version, 0
         8      4  serial number: a reply repeats its request's
        12      4  length of the body as sent, that is of the cipher text where there is one
        16     20  SHA-1 of the plain body
        36      8  zero

Integers are unsigned and little-endian.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha1
from struct import Struct

__all__ = ["HEADER_LENGTH", "MAX_BODY_LENGTH", "BadFrame", "BodyFormat", "Frame", "FrameDecoder"]

_HEADER = Struct("<2sIBBII20s8s")
_MAGIC = b"FT"
_VERSION = 0
_RESERVED = bytes(8)

HEADER_LENGTH = _HEADER.size
# A page of 50 days is 14 KB, so that a longer length than this is damage, or a peer that means harm.
MAX_BODY_LENGTH = 16 * 1024 * 1024


class BadFrame(ValueError):
    """The bytes are not OpenD's, or were damaged on their way."""


class BodyFormat(IntEnum):
    """How a body is written; a reply comes in its request's format."""

    PROTOBUF = 0
    JSON = 1


@dataclass(frozen=True, slots=True)
class Frame:
    """A message as it travels: `body` is what is sent, `digest` the SHA-1 of what it says."""

    protocol: int
    serial: int
    body_format: int
    body: bytes
    digest: bytes

    @classmethod
    def of(
        cls,
        protocol: int,
        serial: int,
        plain: bytes,
        *,
        body_format: int = BodyFormat.JSON,
        encrypt: Callable[[bytes], bytes] | None = None,
    ) -> "Frame":
        """The frame that carries `plain`, encrypted where a cipher is given."""
        digest = sha1(plain, usedforsecurity=False).digest()
        return cls(protocol, serial, body_format, encrypt(plain) if encrypt else plain, digest)

    def plain(self, decrypt: Callable[[bytes], bytes] | None = None) -> bytes:
        """What the frame says; raises BadFrame where that is not what was sent."""
        plain = decrypt(self.body) if decrypt else self.body
        if sha1(plain, usedforsecurity=False).digest() != self.digest:
            raise BadFrame("the body does not have the announced SHA-1")
        return plain

    def encode(self) -> bytes:
        """The frame as bytes."""
        header = _HEADER.pack(
            _MAGIC, self.protocol, self.body_format, _VERSION, self.serial, len(self.body), self.digest, _RESERVED
        )
        return header + self.body


class FrameDecoder:
    """Bytes in chunks of any size → frames."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames completed by `chunk`; raises BadFrame, after which the decoder is of no more use.

        What cannot become a frame is refused at its first wrong byte, without waiting for a whole header: a program
        that is not OpenD may have nothing more to say.
        """
        self._received += chunk
        frames = []
        while frame := self._next():
            frames.append(frame)
        return frames

    def _next(self) -> Frame | None:
        received = self._received
        if not _MAGIC.startswith(received[: len(_MAGIC)]):
            raise BadFrame("the header does not begin with FT")
        if len(received) < HEADER_LENGTH:
            return None
        _, protocol, body_format, _, serial, length, digest, _ = _HEADER.unpack_from(received)
        if length > MAX_BODY_LENGTH:
            raise BadFrame(f"a body of {length} bytes is announced")
        end = HEADER_LENGTH + length
        if len(received) < end:
            return None
        body = bytes(received[HEADER_LENGTH:end])
        del received[:end]
        return Frame(protocol, serial, body_format, body, digest)
