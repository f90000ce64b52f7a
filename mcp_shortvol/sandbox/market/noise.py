"""Deterministic pseudo-random numbers, derived from the hash of a key.

Python's own generators guarantee only in part that the numbers stay the same in later versions; a hash function
guarantees it. A day can also be computed without the days before it.
"""

import hashlib
import struct

__all__ = ["DRAWS", "draws"]

DRAWS = 16
_UNPACK = struct.Struct(f"<{DRAWS}I").unpack


def draws(key: str) -> tuple[float, ...]:
    """Sixteen independent numbers, uniform in [0, 1); always the same for the same key."""
    digest = hashlib.blake2b(key.encode(), digest_size=4 * DRAWS).digest()
    return tuple(word / 2**32 for word in _UNPACK(digest))
