"""Paging loses no day and repeats none, whatever an upstream's pages and cursors are like."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_shortvol.history import fetch_series
from mcp_shortvol.markets import Market
from mcp_shortvol.question import Question
from mcp_shortvol.quota import OnWait
from mcp_shortvol.series import Day, Ending, Series
from mcp_shortvol.sources import Page
from mcp_shortvol.symbols import Symbol

NEWEST = date(2026, 6, 12)
SYMBOL = Symbol("700", Market.HK)


def days_back(count: int) -> list[Day]:
    """So many days in a row, newest first, each with a figure of its own."""
    return [Day(NEWEST - timedelta(days=back), 10 + back, 100 + back, 1.0) for back in range(count)]


@dataclass
class ScriptedSource:
    """A vendor with a history, whose paging can be as awkward as a test wants it."""

    history: Sequence[Day]
    page_limit: int = 50
    overlap: int = 0
    depth_limit: int | None = None
    gives: int | None = None  # at most so many days a page, whatever it is asked for
    inclusive: bool = False  # whether a cursor's own day comes again
    shuffled: bool = False
    last_cursor: str | None = None
    asked: list[tuple[str | None, int]] = field(default_factory=list)

    name = "scripted"
    title = "Scripted"

    def ratio_basis(self, market: Market) -> str:
        return f"{market} shares"

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:
        return None

    async def fetch_page(self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None) -> Page:
        assert 1 <= size <= self.page_limit
        self.asked.append((cursor, size))
        start = 0 if cursor is None else int(cursor) - (1 if self.inclusive else 0)
        end = start + min(size, self.gives or size)
        page = list(self.history[start:end])
        more = end < len(self.history)
        return Page(page[::-1] if self.shuffled else page, str(end) if more else self.last_cursor)


def ask(source: ScriptedSource, count: int | None = None, start: date | None = None, end: date | None = None) -> Series:
    question = Question(SYMBOL, count, start, end)
    return anyio.run(fetch_series, source, question)


sources = st.builds(
    ScriptedSource,
    history=st.integers(0, 160).map(days_back),
    page_limit=st.integers(2, 50),
    overlap=st.integers(0, 1),
    gives=st.none() | st.integers(2, 40),
    inclusive=st.booleans(),
    shuffled=st.booleans(),
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
    assert series.complete


def test_pages_are_no_larger_than_what_is_still_wanted() -> None:
    source = ScriptedSource(days_back(200))
    assert len(ask(source, count=120).days) == 120
    assert [size for _, size in source.asked] == [50, 50, 20]


def test_an_overlap_that_is_known_is_asked_for_on_top() -> None:
    source = ScriptedSource(days_back(400), page_limit=100, overlap=1, inclusive=True)
    assert len(ask(source, count=250).days) == 250
    assert [size for _, size in source.asked] == [100, 100, 52]


def test_one_more_day_is_found_behind_a_cursor_that_repeats_its_own() -> None:
    source = ScriptedSource(days_back(60), inclusive=True)
    assert len(ask(source, count=51).days) == 51


def test_newer_days_than_the_end_date_are_skipped_in_whole_pages() -> None:
    source = ScriptedSource(days_back(300))
    assert len(ask(source, count=10, end=NEWEST - timedelta(days=120)).days) == 10
    assert [size for _, size in source.asked] == [50, 50, 50]


def test_the_start_date_ends_the_paging() -> None:
    source = ScriptedSource(days_back(500))
    series = ask(source, start=NEWEST - timedelta(days=60))
    assert [len(series.days), len(source.asked)] == [61, 2]


def test_a_history_that_begins_later_is_complete() -> None:
    series = ask(ScriptedSource(days_back(30)), count=100)
    assert [len(series.days), series.ending, series.complete] == [30, Ending.HISTORY_BEGINS, True]


def test_a_range_of_more_than_a_thousand_days_is_cut_and_says_so() -> None:
    series = ask(ScriptedSource(days_back(1100)), start=NEWEST - timedelta(days=1050))
    assert [len(series.days), series.ending, series.complete] == [1000, Ending.DAY_LIMIT, False]


def test_a_range_of_just_a_thousand_days_is_complete() -> None:
    series = ask(ScriptedSource(days_back(1100)), start=NEWEST - timedelta(days=999))
    assert [len(series.days), series.complete] == [1000, True]


class NeverEnding(ScriptedSource):
    """A vendor that gives the same days for ever, each time with a cursor nobody has seen."""

    async def fetch_page(self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None) -> Page:
        self.asked.append((cursor, size))
        return Page(self.history[:size], f"{cursor}x")


def test_an_upstream_that_goes_in_circles_is_left_and_the_answer_says_so() -> None:
    source = NeverEnding(days_back(10))
    series = ask(source, count=100)
    assert [len(series.days), series.ending, series.complete] == [10, Ending.STALLED, False]
    assert len(source.asked) < 10


def test_a_cursor_that_repeats_ends_it() -> None:
    source = ScriptedSource(days_back(120), last_cursor="100")
    series = ask(source, count=200)
    assert [len(series.days), len(source.asked)] == [120, 3]


def test_an_empty_history_is_an_answer() -> None:
    series = ask(ScriptedSource([]), count=5)
    assert [list(series.days), series.complete] == [[], True]


@pytest.mark.anyio
async def test_progress_tells_how_far_it_has_come() -> None:
    told: list[tuple[float, float | None, str]] = []

    async def progress(done: float, total: float | None, message: str) -> None:
        told.append((done, total, message))

    await fetch_series(ScriptedSource(days_back(300)), Question(SYMBOL, 120), progress)
    assert told == [
        (50, 120, "50 days from Scripted, back to 2026-04-24"),
        (100, 120, "100 days from Scripted, back to 2026-03-05"),
    ]
