"""What a pasted credential must be to travel in a header, and what may be written down of one."""

import re
from hashlib import sha256

__all__ = ["account_mark", "header_text"]


def header_text(value: object) -> object:
    """A credential without the blanks and line breaks it was pasted with; None where nothing is left.

    Raises ValueError for a character that no header carries: an HTTP library would refuse it and log it.
    """
    if not isinstance(value, str):
        return value
    text = "".join(value.split())
    if not text:
        return None
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("must be plain Latin letters, digits and punctuation")
    return text


def account_mark(identifier: str) -> str:
    """What tells one account's app key or client id from another's, and does not tell the key."""
    return sha256(identifier.encode()).hexdigest()[:16]
