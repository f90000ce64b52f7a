"""Reports of how far a call has come."""

from collections.abc import Awaitable, Callable

__all__ = ["Progress", "waiting"]

_LONG_WAIT = 1.0  # seconds that a person would wonder about

Progress = Callable[[float, float | None, str], Awaitable[None]]
"""Called with the days that are here, the days wanted or None, and a sentence on what is going on."""


def waiting(seconds: float) -> str:
    """The end of a sentence on a wait that began; empty for one that nobody would notice."""
    return f", waiting {seconds:.0f} s for the vendor's rate limit" if seconds >= _LONG_WAIT else ""
