"""Paging loses no day and repeats none, whatever an upstream's pages and cursors are like."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Day, Ending, Series
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.history import fetch_series
from mcp_shortvol.quotas.quota import OnWait
from mcp_shortvol.sources import Page

NEWEST = date(2026, 6, 12)
SYMBOL = Symbol("700", Market.HK)


def days_back(count: int) -> list[Day]:
    """So many days in a row, newest first, each with a figure of its own."""
    weekdays = (day for back in range(2 * count + 7) if (day := NEWEST - timedelta(back)).weekday() < 5)
    return [Day(day, 10 + back, 100 + back, 1.0) for back, day in zip(range(count), weekdays, strict=False)]


@dataclass
class ScriptedSource:
    """A vendor with a history, whose paging can be as awkward as a test wants it."""

    history: Sequence[Day]
    page_limit: int = 50
    overlap: int = 0
    most: int | None = None  # rows that it gives at all
    refetchable: bool = True
    settling_days: int = 0
    older_rows: str = ""
    gives: int | None = None  # at most so many days a page, whatever it is asked for
    repeats: int = 0  # days of the page before that a page begins with; 1 where a cursor includes its own day
    order: random.Random | None = None  # shuffles a page, and doubles some of its days
    opaque: bool = False  # keys that tell nothing
    end: str | None = None  # what the last page has for a cursor: None, or SAME for the key that was asked with
    asked: list[tuple[str | None, int]] = field(default_factory=list)

    name = "scripted"
    title = "Scripted"
    upstream = "scripted"
    interface = "short_volume"
    row = Day

    def ratio_basis(self, market: Market) -> str:
        return f"{market} shares"

    def caveat(self, market: Market) -> str:
        return ""

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:
        return None

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Day]:
        assert 1 <= size <= self.page_limit
        self.asked.append((cursor, size))
        start = 0 if cursor is None else max(0, self._place(cursor) - self.repeats)
        end = start + min(size, self.gives or size)
        page = list(self.history[start:end])
        if self.order:
            page += self.order.sample(page, len(page) // 4)
            self.order.shuffle(page)
        if end < len(self.history):
            return Page(page, self._key(end))
        limited = self.most is not None and len(page) >= self.most
        return Page(page, cursor if self.end == SAME else None, limited=limited)

    def _key(self, place: int) -> str:
        return f"k{(place * 7919) % 100_003:x}" if self.opaque else str(place)

    def _place(self, key: str) -> int:
        return next(place for place in range(len(self.history) + 1) if self._key(place) == key)


SAME = "same"


def ask(source: ScriptedSource, count: int | None = None, start: date | None = None, end: date | None = None) -> Series:
    question = Question(SYMBOL, count, start, end)
    return anyio.run(fetch_series, source, question)


sources = st.builds(
    ScriptedSource,
    history=st.integers(0, 160).map(days_back),
    page_limit=st.integers(4, 50),
    overlap=st.integers(0, 1),
    gives=st.none() | st.integers(4, 40),
    repeats=st.integers(0, 3),
    order=st.none() | st.randoms(use_true_random=False),
    opaque=st.booleans(),
    end=st.sampled_from([None, SAME]),
)
dates = st.none() | st.integers(-5, 170).map(lambda back: NEWEST - timedelta(days=back))


@settings(max_examples=300, deadline=None)
@given(source=sources, count=st.none() | st.integers(1, 200), start=dates, end=dates)
def test_the_days_asked_for_come_once_each_and_newest_first(
    source: ScriptedSource, count: int | None, start: date | None, end: date | None
) -> None:
    series = ask(source, count, start, end)
    question = series.question
    expected = [day for day in source.history if question.includes(day.date)][: question.limit]
    assert list(series.days) == expected
    # A full page with the key it was asked for is not believed to be the last one.
    assert series.complete or (source.end == SAME and series.ending is Ending.STALLED)


def test_pages_are_no_larger_than_what_is_still_wanted() -> None:
    source = ScriptedSource(days_back(200))
    assert len(ask(source, count=120).days) == 120
    assert [size for _, size in source.asked] == [50, 50, 20]


def test_an_overlap_that_is_known_is_asked_for_on_top() -> None:
    source = ScriptedSource(days_back(400), page_limit=100, overlap=1, repeats=1)
    assert len(ask(source, count=250).days) == 250
    assert [size for _, size in source.asked] == [100, 100, 52]


def test_one_more_day_is_found_behind_a_cursor_that_repeats_its_own() -> None:
    source = ScriptedSource(days_back(60), repeats=1)
    assert len(ask(source, count=51).days) == 51


def test_newer_days_than_the_end_date_are_skipped_in_whole_pages() -> None:
    source = ScriptedSource(days_back(300))
    assert len(ask(source, count=10, end=source.history[120].date).days) == 10
    assert [size for _, size in source.asked] == [50, 50, 50]


def test_the_start_date_ends_the_paging() -> None:
    source = ScriptedSource(days_back(500))
    series = ask(source, start=source.history[60].date)
    assert [len(series.days), len(source.asked)] == [61, 2]


def test_a_history_that_begins_later_is_complete() -> None:
    series = ask(ScriptedSource(days_back(30)), count=100)
    assert [len(series.days), series.ending, series.complete] == [30, Ending.HISTORY_BEGINS, True]


def test_a_range_of_more_than_a_thousand_days_is_cut_and_says_so() -> None:
    series = ask(ScriptedSource(days_back(1100)), start=days_back(1100)[1050].date)
    assert [len(series.days), series.ending, series.complete] == [1000, Ending.DAY_LIMIT, False]


def test_a_range_of_just_a_thousand_days_is_complete() -> None:
    series = ask(ScriptedSource(days_back(1100)), start=days_back(1100)[999].date)
    assert [len(series.days), series.complete] == [1000, True]


class Damaged(ScriptedSource):
    """A vendor whose every page has a row that cannot be read."""

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Day]:
        page = await super().fetch_page(symbol, cursor, size, on_wait)
        return Page(page.days[1:], page.cursor, unreadable=1)


@pytest.mark.parametrize("count", [1, 5, 51, 60, 200])
def test_rows_that_cannot_be_read_end_no_paging_and_keep_none_going(count: int) -> None:
    series = ask(Damaged(days_back(120), repeats=1), count=count)
    assert len(series.days) <= count
    assert series.complete is False


class NeverEnding(ScriptedSource):
    """A vendor that gives the same days for ever, each time with a cursor nobody has seen."""

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Day]:
        self.asked.append((cursor, size))
        return Page(self.history[:size], f"{cursor}x")


def test_an_upstream_that_goes_in_circles_is_left_and_the_answer_says_so() -> None:
    source = NeverEnding(days_back(10))
    series = ask(source, count=100)
    assert [len(series.days), series.ending, series.complete] == [10, Ending.STALLED, False]
    assert len(source.asked) < 10


def test_the_key_just_sent_coming_back_is_the_end_of_the_history() -> None:
    source = ScriptedSource(days_back(120), end=SAME)
    series = ask(source, count=200)
    assert [len(series.days), len(source.asked), series.complete] == [120, 3, True]


class Circling(ScriptedSource):
    """A vendor whose third page leads back to the second."""

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Day]:
        page = await super().fetch_page(symbol, cursor, size, on_wait)
        return Page(page.days, "50" if page.cursor == "150" else page.cursor)


def test_an_older_key_coming_back_is_a_circle_and_the_answer_says_so() -> None:
    series = ask(Circling(days_back(300)), count=250)
    assert [len(series.days), series.ending, series.complete] == [150, Ending.STALLED, False]


@pytest.mark.parametrize(
    "stray",
    [date(1970, 1, 1), date(2016, 4, 20), date(2016, 4, 17), date(2025, 6, 3), date(2026, 6, 7), date(2126, 6, 10)],
)
@pytest.mark.parametrize("place", [1, 20, 60])
def test_a_date_that_cannot_be_neither_ends_the_paging_nor_joins_the_answer(stray: date, place: int) -> None:
    """Another age, another year in its place, a weekend, the future."""
    history = days_back(200)
    source = ScriptedSource([*history[:place], Day(stray, 1, 2, 3.0), *history[place:]])
    series = ask(source, start=history[120].date)
    assert [len(series.days), series.unreadable, series.complete] == [121, 1, False]


class FutureRow(ScriptedSource):
    """Sends a row dated in the future with every page."""

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Day]:
        page = await super().fetch_page(symbol, cursor, size, on_wait)
        return replace(page, days=[Day(date(2126, 6, 10), 1, 2, 3.0), *page.days])


@pytest.mark.parametrize("repeats", [0, 1])
def test_a_row_of_the_future_on_every_page_counts_once_and_the_paging_ends(repeats: int) -> None:
    series = ask(FutureRow(days_back(130), repeats=repeats, end=SAME), count=1000)
    assert [len(series.days), series.unreadable, series.ending] == [130, 1, Ending.HISTORY_BEGINS]


def test_a_fixed_depth_counts_what_was_sent_and_not_what_was_left_of_it() -> None:
    ninety = ScriptedSource(days_back(89) + days_back(1), page_limit=90, most=90)
    assert ask(ninety, count=120).ending is Ending.SOURCE_LIMIT
    young = ScriptedSource(days_back(60), page_limit=90, most=90)
    assert ask(young, count=120).ending is Ending.HISTORY_BEGINS


def test_an_empty_history_is_an_answer() -> None:
    series = ask(ScriptedSource([]), count=5)
    assert [list(series.days), series.complete] == [[], True]


@pytest.mark.anyio
async def test_progress_tells_how_far_it_has_come() -> None:
    told: list[tuple[float, float | None, str]] = []

    async def progress(done: float, total: float | None, message: str) -> None:
        told.append((done, total, message))

    await fetch_series(ScriptedSource(days_back(300)), Question(SYMBOL, 120), progress)
    assert all(earlier[0] < later[0] for earlier, later in pairwise(told))
    assert told == [
        (50, 120, "50 days from Scripted, back to 2026-04-06"),
        (100, 120, "100 days from Scripted, back to 2026-01-26"),
    ]
