"""Senders that send a response late, slowly, truncated, or not at all."""

import asyncio
import re

from mcp_shortvol.sandbox.http import Sender, Wire

__all__ = ["cut_short", "delayed", "dripping", "flood", "raw", "reset", "silence"]

_PIECES = 20
_CHUNK = b" " * 65536
# Long enough for the peer to read the bytes sent so far: a reset discards those that are unread.
_SETTLE_S = 0.02


def delayed(seconds: float) -> Sender:
    """Send the whole response after `seconds`."""

    async def send(wire: Wire, response: bytes) -> None:
        await asyncio.sleep(seconds)
        await wire.send(response)

    return send


def dripping(seconds: float) -> Sender:
    """Send the whole response in small pieces within `seconds`, so that no single read waits long."""

    async def send(wire: Wire, response: bytes) -> None:
        size = -(-len(response) // _PIECES)
        for start in range(0, len(response), size):
            await wire.send(response[start : start + size])
            await asyncio.sleep(seconds / _PIECES)

    return send


async def silence(wire: Wire, _response: bytes) -> None:
    """Send nothing until the peer disconnects."""
    await wire.wait_closed()


def reset(after: float) -> Sender:
    """Send the fraction `after` of the response, then a TCP reset."""

    async def send(wire: Wire, response: bytes) -> None:
        await wire.send(response[: int(len(response) * after)])
        await asyncio.sleep(_SETTLE_S)
        wire.reset()

    return send


def cut_short(after: float) -> Sender:
    """Send the fraction `after` of the response, then close the connection in the ordinary way."""

    async def send(wire: Wire, response: bytes) -> None:
        await wire.send(response[: int(len(response) * after)])
        wire.close()

    return send


def raw(data: bytes) -> Sender:
    """Send `data` instead of the response."""

    async def send(wire: Wire, _response: bytes) -> None:
        await wire.send(data)
        wire.close()

    return send


def flood(size: int) -> Sender:
    """Send the response's head, then `size` blanks: a JSON reader cannot reject them before the end."""

    async def send(wire: Wire, response: bytes) -> None:
        head, separator, _ = response.partition(b"\r\n\r\n")
        await wire.send(re.sub(rb"(?i)content-length: \d+", b"content-length: %d" % size, head) + separator)
        for sent in range(0, size, len(_CHUNK)):
            await wire.send(_CHUNK[: size - sent])

    return send
