"""What a pasted credential must be to travel in a header."""

import re

__all__ = ["header_text"]


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
