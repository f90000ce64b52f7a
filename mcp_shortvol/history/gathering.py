"""The rows gathered for one question, from pages and from what is kept, each date once."""

from collections.abc import Collection
from copy import copy
from datetime import date
from typing import Generic

from mcp_shortvol.cache.store import Kept, Window
from mcp_shortvol.domain.question import MAX_DAYS, Question
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.short_volume import Ending, Interruption, ShortPosition
from mcp_shortvol.sources import Page

__all__ = ["Gathered"]


class Gathered(Generic[Row]):
    """The rows gathered for a question, which may be not all yet, and what is still wanted of it.

    `ending` is why there are no older ones, once there are to be no more, and `interruption` what came between.
    """

    def __init__(self, question: Question, unit: str = "days") -> None:
        self.question = question
        self.unit = unit
        self.ending = Ending.COVERED
        self.interruption: Interruption | None = None
        # By dates alone one day more than the limit is wanted: having it means that the range was cut.
        self.wanted = question.count or MAX_DAYS + 1
        self.restated: set[date] = set()
        self.reported = 0.0
        self.clear()

    def copy(self) -> "Gathered[Row]":
        """The same as it is now, whatever is gathered later."""
        other = copy(self)
        other.days, other.restated, other.doubted = dict(self.days), set(self.restated), set(self.doubted)
        return other

    def clear(self) -> None:
        """Begin again with nothing."""
        self.days: dict[date, Row] = {}
        self.unreadable = 0
        self.received = 0
        self.sandbox = False
        self.short_position: ShortPosition | None = None
        self.doubted: set[date] = set()  # of which what came may not be true
        self._oldest: date | None = None
        self._in_range = 0

    @property
    def window(self) -> Window:
        """What of a kept run belongs to the answer."""
        return Window(self.question.start, self.question.end, self.wanted)

    @property
    def missing(self) -> int:
        """Days still wanted by count; the dates may satisfy the question sooner."""
        return self.wanted - self._in_range

    @property
    def oldest(self) -> date | None:
        """The date back to which every day is known."""
        return self._oldest

    @property
    def covered(self) -> bool:
        """Whether no older day can belong to the answer."""
        start = self.question.start
        return self.missing <= 0 or (start is not None and self._oldest is not None and self._oldest <= start)

    @property
    def newest_first(self) -> list[Row]:
        """The rows in the range asked for."""
        newest_first = sorted(self.days.values(), key=lambda row: row.date, reverse=True)
        return [row for row in newest_first if self.question.includes(row.date)]

    def add(self, page: Page[Row], doubted: Collection[date] = ()) -> int:
        """Take in a page, of which some dates are not believed; the number of its dates that were here already."""
        self.doubted.update(doubted)
        told = {row.date: row for row in reversed(page.days)}  # of two sayings in one page the first
        repeated = told.keys() & self.days.keys()
        self._add({day: row for day, row in told.items() if day not in repeated} if repeated else told)
        self.unreadable += page.unreadable
        self.received += len(page.days) + page.unreadable
        self.sandbox = self.sandbox or page.sandbox
        self.short_position = self.short_position or page.short_position
        return len(repeated)

    def would_cover(self, kept: Kept[Row]) -> bool:
        """Whether no older day can belong to the answer once the rows of a run that goes on from here are taken in."""
        start = self.question.start
        news = sum(row.date not in self.days and self.question.includes(row.date) for row in kept.rows)
        return self.missing - news <= 0 or (start is not None and kept.run.oldest <= start)

    def add_kept(self, kept: Kept[Row]) -> None:
        """Take in the rows of a run that goes on from here without a gap, or with which it begins."""
        self._add({row.date: row for row in kept.rows if row.date not in self.days})
        self._oldest = min(self._oldest or kept.run.oldest, kept.run.oldest)
        self.sandbox = self.sandbox or kept.invented
        self.short_position = self.short_position or kept.position

    @property
    def sound(self) -> bool:
        """Whether every row came that was sent, whole, and can be true."""
        return not self.unreadable and not self.doubted and all(row.whole for row in self.days.values())

    def mend(self, kept: Kept[Row]) -> int:
        """Let kept rows stand in for those that did not come whole; how many of the answer's do.

        None does where anything that could be read says something else than they do. The newest one stands in for
        nothing while its figures still move. Doubted rows on dates of which they know nothing go.
        """
        rows = {row.date: row for row in kept.rows[0 if kept.settled else 1 :]}
        if kept.invented != self.sandbox or rows.keys().isdisjoint(self.days):
            return 0
        believed = [row for row in self.days.values() if row.date not in self.doubted]
        if any(_contradicts(row, rows[row.date]) for row in believed if row.date in rows):
            return 0
        good = {row.date for row in believed if row.whole}
        # Of a row that could not be read not even the date is known: it may be any that is not here.
        mended = {day: row for day, row in rows.items() if day not in good and (self.unreadable or day in self.days)}
        made_up = {day for day in self.doubted if min(rows) <= day <= max(rows)} - rows.keys()
        self.days = {day: row for day, row in self.days.items() if day not in made_up} | mended
        return sum(row.date in mended for row in self.newest_first[: self.question.limit])

    def _add(self, news: dict[date, Row]) -> None:
        """Take in rows of which none is here."""
        if not news:
            return
        oldest = min(news)
        self.days |= news
        self._in_range += sum(map(self.question.includes, news))
        self._oldest = oldest if self._oldest is None else min(self._oldest, oldest)


def _contradicts(row: Row, kept: Row) -> bool:
    """Whether what could be read of a row is not what is kept of it."""
    figures = zip(row[1:-1], kept[1:-1], strict=True)
    return any(figure is not None and figure != other for figure, other in figures)
