"""The rows collected for one question, from pages and from the kept run, each date once."""

from copy import copy
from datetime import date
from typing import Generic

from mcp_shortvol.cache.run import Run
from mcp_shortvol.domain.question import MAX_DAYS, Question
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_volume import Ending, Interruption, ShortPosition
from mcp_shortvol.sources import Page

__all__ = ["Collected"]


class Collected(Generic[Row]):
    """The rows for a question so far. `unit` is what they are called in a message.

    `ending` is why there are no older rows, `interruption` what kept the rest from coming. `doubtful` says that a page
    had rows that cannot all be true.
    """

    def __init__(self, question: Question, unit: str = "days") -> None:
        self.question = question
        self.unit = unit
        self.ending = Ending.COVERED
        self.interruption: Interruption | None = None
        # By dates alone one day more than the limit is wanted: it shows that the range was cut.
        self.wanted = question.count or MAX_DAYS + 1
        self.restated: set[date] = set()
        self.reported = 0.0
        self.answered_by: Run[Row] | None = None  # a kept run that was fresh and alone answered everything
        self.clear()

    def clear(self) -> None:
        """Begin again with nothing."""
        self.days: dict[date, Row] = {}
        self._unreadable = 0
        self.implausible: set[date] = set()
        self.doubtful = False
        self.sandbox = False
        self.short_position: ShortPosition | None = None
        self.oldest: date | None = None  # back to which every row is known
        self._in_range = 0

    def copy(self) -> "Collected[Row]":
        """The state of now, whatever is collected later."""
        other = copy(self)
        other.days, other.restated, other.implausible = dict(self.days), set(self.restated), set(self.implausible)
        return other

    @property
    def missing(self) -> int:
        """Rows still wanted by count. The dates may satisfy the question sooner."""
        return self.wanted - self._in_range

    @property
    def unreadable(self) -> int:
        """Rows without a date that can be one; an implausible date counts once, on however many pages it is."""
        return self._unreadable + len(self.implausible)

    @property
    def covered(self) -> bool:
        """Whether no older row can belong to the answer."""
        start = self.question.start
        return self.missing <= 0 or (start is not None and self.oldest is not None and self.oldest <= start)

    @property
    def sound(self) -> bool:
        """Whether every row that was sent could be read and can be true."""
        return not self.unreadable and not self.doubtful and all(row.whole for row in self.days.values())

    @property
    def newest_first(self) -> list[Row]:
        """The rows in the range asked for."""
        newest_first = sorted(self.days.values(), key=lambda row: row.date, reverse=True)
        return [row for row in newest_first if self.question.includes(row.date)]

    def add_page(self, page: Page[Row]) -> int:
        """Add the new dates of a page; how many there are."""
        news = {row.date: row for row in reversed(page.days) if row.date not in self.days}  # the first of two stays
        self._add(news)
        self._unreadable += page.unreadable
        self.implausible.update(page.implausible)
        self.sandbox = self.sandbox or page.sandbox
        self.short_position = self.short_position or page.short_position
        return len(news)

    def add_run(self, run: Run[Row]) -> None:
        """Add the rows of a run that continues what is here without a gap, or with which the answer begins."""
        self._add({row.date: row for row in self.rows_of(run) if row.date not in self.days})
        self.oldest = min(self.oldest or run.oldest, run.oldest)
        self.sandbox = self.sandbox or run.invented
        self.short_position = self.short_position or run.position

    def covered_with(self, run: Run[Row]) -> bool:
        """Whether no older row could belong to the answer once such a run is added."""
        news = sum(row.date not in self.days for row in self.rows_of(run))
        start = self.question.start
        return self.missing <= news or (start is not None and run.oldest <= start)

    def rows_of(self, run: Run[Row]) -> list[Row]:
        return [row for row in run.rows if self.question.includes(row.date)][: self.wanted]

    def _add(self, news: dict[date, Row]) -> None:
        if not news:
            return
        self.days |= news
        self._in_range += sum(map(self.question.includes, news))
        oldest = min(news)
        self.oldest = oldest if self.oldest is None else min(self.oldest, oldest)
