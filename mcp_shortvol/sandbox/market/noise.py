"""Chance without luck: numbers that look random and depend on nothing but their key.

Python's own generators promise the same numbers from version to version only in part; a hash does so wholly, and a day
can be computed without the days before it.
"""

import hashlib
import struct

__all__ = ["DRAWS", "draws"]

DRAWS = 16
_UNPACK = struct.Struct(f"<{DRAWS}I").unpack


def draws(key: str) -> tuple[float, ...]:
    """Sixteen numbers in [0, 1), uniform and independent of each other, the same ones for a key every time."""
    digest = hashlib.blake2b(key.encode(), digest_size=4 * DRAWS).digest()
    return tuple(word / 2**32 for word in _UNPACK(digest))
