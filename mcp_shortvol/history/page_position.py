"""Where the paging of a source stands: the cursor of the next page, how many rows to ask for, and whether it ends."""

from datetime import date

from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_volume import Ending
from mcp_shortvol.sources import MOST_STALLS, Page

__all__ = ["PagePosition"]


class PagePosition:
    """The place in a source's history that was reached, and the page to ask for next.

    `skip_to` is the date down to which rows are only passed over. `jumps` says that the first page starts at a date
    before today. `least` is how many rows the first page needs to overlap the kept run; where it is `reduced`, it has
    no more than these. `resumed` says that the cursor was kept with older rows, so that the source may refuse it.
    """

    def __init__(
        self,
        cursor: str | None,
        *,
        overlap: int,
        skip_to: date | None = None,
        jumps: bool = False,
        resumed: bool = False,
    ) -> None:
        self.cursor = cursor
        self.jumps = jumps
        self.resumed = resumed
        self.first = not resumed
        self.least = 0
        self.reduced = False
        self._skip_to = skip_to
        self._overlap = overlap if resumed else 0  # rows that the next page is expected to repeat
        self._known_overlap = overlap
        self._stalls = 0
        self._seen = {cursor}

    def size(self, page_limit: int, missing: int, oldest: date | None) -> int:
        """How many rows to ask for, given how many are missing and the oldest that is here."""
        if self.reduced:
            return self.least
        skipping = self._skip_to is not None and (oldest is None or oldest > self._skip_to)
        size = page_limit if skipping else min(page_limit, missing + self._overlap)
        return max(size, self.least)

    def resume(self, cursor: str | None, overlap: int, least: int) -> bool:
        """Continue at the bottom of a kept run; False where its cursor is unknown, or was used already."""
        if cursor is None or cursor in self._seen:
            return False
        self.cursor, self.resumed = cursor, True
        self._skip_to, self.least, self.reduced = None, least, False
        self._overlap = max(self._overlap, overlap)
        self._seen.add(cursor)
        return True

    def advance(self, page: Page[Row], size: int, page_limit: int, *, news: int) -> Ending | None:
        """Move to the next page after one that brought so many new rows; why there is none, or None."""
        reduced, self.reduced, self.least, self.resumed = self.reduced, False, 0, False
        sent = page.sent
        repeated = sent - news
        if page.cursor is None:
            if not reduced or sent > size:  # a source that gives everything at once, whatever is asked for
                return Ending.HISTORY_BEGINS
            self._overlap = sent  # the page was small on purpose: the same again, as large as is wanted
            self.first = True
            return None
        self._overlap = max(self._overlap, self._known_overlap, repeated)
        if not news and repeated >= size and size < page_limit:
            return None  # the same again, larger: it was too small to reach beyond the rows that are here
        if page.cursor in self._seen:
            # The key just sent is the end where fewer rows came than asked for. Otherwise the source goes in circles.
            full = page.cursor != self.cursor or sent >= size
            # A row of an implausible date may come with every page: it is no sign of a source that goes in circles.
            circling = repeated - len(page.implausible) > max(self._known_overlap, 1)
            stalled = full if news else circling
            return Ending.STALLED if stalled else Ending.HISTORY_BEGINS
        self._stalls = 0 if news else self._stalls + 1
        if self._stalls == MOST_STALLS:
            return Ending.STALLED
        self._seen.add(page.cursor)
        self.cursor = page.cursor
        return None
