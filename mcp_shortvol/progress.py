"""Who is told how far a call has come."""

from collections.abc import Awaitable, Callable

__all__ = ["Progress"]

Progress = Callable[[float, float | None, str], Awaitable[None]]
"""Told how many days are here, how many are wanted where that is known, and what is going on in words."""
