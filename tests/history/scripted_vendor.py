"""A vendor played in this process, whose days appear, are restated, held back and withdrawn as a test wants it."""

from dataclasses import dataclass, field
from datetime import date, timedelta

import anyio

from mcp_shortvol.domain.errors import UpstreamFault
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Day, ShortPosition
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.quotas.quota import OnWait
from mcp_shortvol.sources import Page

__all__ = ["LISTED", "TENCENT", "Vendor", "weekdays_between"]

TENCENT = Symbol("700", Market.HK)
LISTED = date(2026, 1, 5)
START = date(2026, 6, 1)
WEEKS_OF_A_YEAR = 14
EVENING = 22  # of a market's day, when its figures no longer move


def weekdays_between(first: date, last: date) -> list[date]:
    return [day for back in range((last - first).days + 1) if (day := last - timedelta(back)).weekday() < 5]


@dataclass
class Vendor:
    """A vendor with its own days and its own way of paging.

    `keys` says what its cursors are: "time" jumps to any date and may repeat its own row, "row" names the oldest row
    and starts at the newest, "place" counts rows from the newest, "none" gives the newest rows only, "year" jumps to a
    date within the last weeks, corrects its newest two days, and no longer has what is older.
    """

    keys: str = "row"
    page_limit: int = 50
    inclusive: bool = True
    short_pages: int = 0  # every so many pages one has a row less than it was asked for
    today: date = START
    hour: int = EVENING
    minutes: int = 0
    versions: dict[date, int] = field(default_factory=dict)
    late: set[date] = field(default_factory=set)
    ever_late: set[date] = field(default_factory=set)
    invented: bool = False
    expired: set[str | None] = field(default_factory=set)
    fails: list[Exception | None] = field(default_factory=list)
    asked: list[tuple[str | None, int]] = field(default_factory=list)

    name = "played"
    title = "Played"
    upstream = "played"
    interface = "short_volume"
    row = Day
    older_rows = "There are no more."

    @property
    def overlap(self) -> int:
        return 1 if self.keys == "time" else 0

    @property
    def refetchable(self) -> bool:
        return self.keys not in {"none", "year"}

    @property
    def settling_days(self) -> int:
        return 2 if self.keys == "year" else 0

    @property
    def first_left(self) -> date:
        """The oldest date that it still has."""
        return self.today - timedelta(WEEKS_OF_A_YEAR * 7)

    def now(self) -> float:
        return Market.HK.midnight(self.today) + self.hour * 3600 + self.minutes * 60

    def advance(self, minutes: int) -> None:
        """Let so much time pass."""
        days, self.minutes = divmod(self.hour * 60 + self.minutes + minutes, 24 * 60)
        self.today += timedelta(days)
        self.hour, self.minutes = divmod(self.minutes, 60)

    def ratio_basis(self, market: Market) -> str:
        return "shares"

    def caveat(self, market: Market) -> str:
        return ""

    def gives_position(self, market: Market) -> bool:
        return True

    def days(self) -> list[Day]:
        """Every day there is by now, newest first."""
        last = self.today if self.hour >= 17 else self.today - timedelta(1)
        return [self.day(day) for day in weekdays_between(LISTED, last) if day not in self.late]

    def day(self, day: date) -> Day:
        version = self.versions.get(day, 0)
        return Day(day, day.toordinal() + version, 10**6, float(10 + version))

    def restate(self, first: int, last: int) -> None:
        """Change the days from the `first` newest to the `last` newest."""
        for day in self.days()[first:last]:
            self.versions[day.date] = self.versions.get(day.date, 0) + 1

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:
        if self.keys == "year":
            return str(min(end or self.today, self.today))
        if self.keys != "time":
            return None
        return str(Market.HK.midnight(min(end or self.today, self.today)) + 86_399)

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Day]:
        assert 1 <= size <= self.page_limit
        await anyio.lowlevel.checkpoint()
        self.asked.append((cursor, size))
        if self.fails and (failure := self.fails.pop(0)):
            raise failure
        if cursor in self.expired:
            raise UpstreamFault("The key has expired.", "Ask again.")
        days = self.days()
        if self.keys == "year":
            return self.page_of_a_year(days, date.fromisoformat(cursor or str(self.today)), size)
        start = self.place(days, cursor)
        if self.short_pages and len(self.asked) % self.short_pages == 0 and size > 4:
            size -= 1
        page = days[start : start + size]
        return Page(
            page,
            self.key(page, start + size, len(days)),
            anchored=self.keys in {"time", "row"},
            limited=self.keys == "none" and len(page) >= self.page_limit,
            sandbox=self.invented,
            short_position=ShortPosition(0, None, None),
        )

    def page_of_a_year(self, days: list[Day], last: date, size: int) -> Page[Day]:
        page = [day for day in days if self.first_left <= day.date <= last][:size]
        if len(page) == size:
            older = str(page[-1].date - timedelta(1))
            return Page(page, older, anchored=True, sandbox=self.invented)
        return Page(page, None, limited=self.first_left > LISTED, sandbox=self.invented)

    def place(self, days: list[Day], cursor: str | None) -> int:
        if cursor is None:
            return 0
        if self.keys == "place":
            return int(cursor)
        moment = int(cursor)
        beyond = moment + 1 if self.keys == "time" and self.inclusive else moment
        return sum(Market.HK.midnight(day.date) >= beyond for day in days)

    def key(self, page: list[Day], place: int, count: int) -> str | None:
        match self.keys:
            case "time":
                return str(Market.HK.midnight(page[-1].date)) if page else None
            case "row":
                return str(Market.HK.midnight(page[-1].date)) if place < count else None
            case "place":
                return str(place) if place < count else None
        return None

    def answer(self, question: Question) -> list[Day]:
        """What asking for everything anew gives."""
        days = [day for day in self.days() if question.includes(day.date)][: question.limit]
        if self.keys == "none":
            newest = {day.date for day in self.days()[: self.page_limit]}
            days = [day for day in days if day.date in newest]
        if self.keys == "year":
            days = [day for day in days if day.date >= self.first_left]
        return days
