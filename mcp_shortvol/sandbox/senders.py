"""Ways in which an answer's bytes can travel, other than at once and whole."""

import asyncio
import re

from mcp_shortvol.sandbox.http import Delivery, Wire

__all__ = ["cut_short", "delayed", "dripping", "flood", "raw", "reset", "silence"]

_DRIPS = 20
_CHUNK = b" " * 65536
# Long enough for the peer to have read what was sent before a reset throws away what it has not.
_SETTLE_S = 0.02


def delayed(seconds: float) -> Delivery:
    """The whole answer, `seconds` late."""

    async def deliver(wire: Wire, answer: bytes) -> None:
        await asyncio.sleep(seconds)
        await wire.send(answer)

    return deliver


def dripping(seconds: float) -> Delivery:
    """The whole answer in small pieces that take `seconds` altogether: no single wait is long."""

    async def deliver(wire: Wire, answer: bytes) -> None:
        size = -(-len(answer) // _DRIPS)
        for start in range(0, len(answer), size):
            await wire.send(answer[start : start + size])
            await asyncio.sleep(seconds / _DRIPS)

    return deliver


async def silence(wire: Wire, _answer: bytes) -> None:
    """Nothing, for as long as the peer has patience."""
    await wire.peer_gone()


def reset(after: float) -> Delivery:
    """A TCP reset after that fraction of the answer."""

    async def deliver(wire: Wire, answer: bytes) -> None:
        await wire.send(answer[: int(len(answer) * after)])
        await asyncio.sleep(_SETTLE_S)
        wire.reset()

    return deliver


def cut_short(after: float) -> Delivery:
    """An orderly end after that fraction of an answer whose header promised all of it."""

    async def deliver(wire: Wire, answer: bytes) -> None:
        await wire.send(answer[: int(len(answer) * after)])
        wire.close()

    return deliver


def raw(data: bytes) -> Delivery:
    """Other bytes altogether."""

    async def deliver(wire: Wire, _answer: bytes) -> None:
        await wire.send(data)
        wire.close()

    return deliver


def flood(size: int) -> Delivery:
    """The answer's head, then `size` bytes of blanks, which no JSON reader can refuse before the end."""

    async def deliver(wire: Wire, answer: bytes) -> None:
        head, separator, _ = answer.partition(b"\r\n\r\n")
        await wire.send(re.sub(rb"(?i)content-length: \d+", b"content-length: %d" % size, head) + separator)
        for sent in range(0, size, len(_CHUNK)):
            await wire.send(_CHUNK[: size - sent])

    return deliver
