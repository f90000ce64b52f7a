"""Where the paging of one question stands: what the next page is asked for, and what a page says of those after it."""

from collections.abc import Sized
from datetime import date
from enum import Enum
from typing import Protocol

__all__ = ["MOST_STALLS", "Step", "Walk"]

MOST_STALLS = 3  # pages in a row that bring nothing new before an upstream is taken to go in circles


class Step(Enum):
    """What follows a page."""

    NEXT = "the page that it leads to"
    MORE = "the same page again, larger: it was too small to reach beyond rows that are here"
    WHOLE = "the same page again, as large as is wanted: it was made small on purpose, and said nothing about the end"
    END = "nothing, the source has no more"
    STALLED = "nothing, the source goes in circles"


class _Sent(Protocol):
    """What of a page tells of the way."""

    @property
    def days(self) -> Sized: ...
    @property
    def cursor(self) -> str | None: ...
    @property
    def unreadable(self) -> int: ...


class Walk:
    """The way back in time from `cursor`.

    Rows newer than `end` are skipped and not counted. `until` is the date up to which the first page speaks; None where
    it follows what is kept. `may_repeat` is how many rows the source may send twice.
    """

    def __init__(self, cursor: str | None, *, end: date | None, until: date | None, may_repeat: int) -> None:
        self.cursor = cursor
        self.until = until
        self.resumed = until is None  # whether the cursor was kept with older days
        self.first = not self.resumed
        self._start = cursor, until
        self._end = end
        self._may_repeat = may_repeat
        self._overlap = may_repeat if self.resumed else 0
        self._reach: int | None = None
        self._reduced = False
        self._known: date | None = None
        self._stalls = 0
        self._seen = {cursor}

    def reach(self, rows: int, known: date, *, reduced: bool) -> None:
        """Have the first page bring so many rows at least, and where it is reduced no more, to come upon kept ones.

        `known` is the date back to which there are kept ones.
        """
        self._reach, self._known, self._reduced = rows, known, reduced

    def size(self, page_limit: int, missing: int, oldest: date | None) -> int:
        """How many rows to ask for next, given how many are missing and the oldest that is here."""
        if self._reduced and self._reach is not None:
            return self._reach
        skipping = self._end is not None and (oldest is None or oldest > self._end)
        size = page_limit if skipping else min(page_limit, missing + self._overlap)
        return max(size, self._reach or 0)

    def arrived(self) -> None:
        """Note that a page came, so that the next one is not the first."""
        self.first = self.resumed = False
        self.until = None

    def resume(self, cursor: str | None) -> bool:
        """Go on from where what is kept ends; False where that is not known, or was the way already."""
        if cursor is None or cursor in self._seen:
            return False
        self.cursor, self.resumed = cursor, True
        self._end = self._reach = None
        self._reduced = False
        self._overlap = max(self._overlap, self._may_repeat)
        self._seen.add(cursor)
        return True

    def step(self, page: _Sent, size: int, *, news: int, repeated: int, page_limit: int, oldest: date | None) -> Step:
        """What follows a page that was asked for with `size`, brought so many new rows, and repeated so many."""
        reach, reduced = self._reach, self._reduced
        self._reach, self._reduced = None, False
        if page.cursor is None:
            short = reach is not None and len(page.days) < reach
            if not reduced or (short and (oldest is None or self._known is None or oldest <= self._known)):
                return Step.END
            self.cursor, self.until = self._start
            self._overlap = len(page.days)
            return Step.WHOLE
        useless = repeated + page.unreadable
        self._overlap = max(self._overlap, self._may_repeat, useless)
        if not news and useless >= size and size < page_limit:
            return Step.MORE
        if page.cursor in self._seen:
            # The key just sent is the end, where fewer rows came than asked for; one sent before, or a page that is
            # full, or of old rows, a circle.
            full = page.cursor != self.cursor or len(page.days) + page.unreadable >= size
            return Step.STALLED if (full if news else repeated > max(self._may_repeat, 1)) else Step.END
        self._stalls = 0 if news else self._stalls + 1
        if self._stalls == MOST_STALLS:
            return Step.STALLED
        self._seen.add(page.cursor)
        self.cursor = page.cursor
        return Step.NEXT
