"""Parts of sentences that messages of every package use."""

from collections.abc import Sequence
from datetime import UTC, datetime

__all__ = ["listed", "moment", "plain"]


def moment(timestamp: float) -> str:
    """A Unix time as people read it, to the minute."""
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M} UTC"


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them: a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def plain(text: str, most: int = 24) -> str:
    """A caller's own text, short, to be shown again: what is invisible or turns text around becomes a question mark."""
    return "".join(character if character.isprintable() else "?" for character in text[:most])
