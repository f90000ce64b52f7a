"""What is kept changes no answer: the same days as by asking for everything anew, with fewer requests.

A vendor is played whose days appear, are restated and fail to come, while questions of all kinds are asked.
"""

import contextlib
import math
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcp_shortvol.answers.notes import notes_on
from mcp_shortvol.answers.short_volume import answer_of
from mcp_shortvol.cache.sqlite import SqliteStore
from mcp_shortvol.cache.store import NOTHING_KEPT, Store
from mcp_shortvol.domain.errors import NotEntitled, ShortVolumeError, UnknownSecurity, UpstreamUnreachable
from mcp_shortvol.domain.progress import Progress
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Day, Ending, Series, ShortPosition
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.freshness import Freshness
from mcp_shortvol.history.history import History
from mcp_shortvol.history.single_flight import SharedCall, SingleFlight
from mcp_shortvol.quotas.quota import OnWait
from mcp_shortvol.sources import Page
from tests.history.scripted_vendor import LISTED, TENCENT, Vendor, weekdays_between

pytestmark = pytest.mark.anyio


class Died(Exception):
    """The process ended here."""


questions = st.builds(
    lambda count, start, end: (count, *((end, start) if start and end and start < end else (start, end))),
    st.none() | st.integers(1, 120),
    st.none() | st.integers(0, 150),
    st.none() | st.integers(-3, 130),
).map(lambda asked: asked if asked[0] or asked[1] is not None else (7, None, asked[2]))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), questions, st.none()),
        st.tuples(st.just("ask"), questions, st.tuples(st.integers(0, 4), st.sampled_from(["fails", "dies"]))),
        st.tuples(st.just("wait"), st.integers(1, 9)),
        st.tuples(st.just("restate"), st.integers(0, 5), st.sampled_from([1, 1000])),
        st.tuples(st.just("hold back"), st.integers(0, 3)),
        st.tuples(
            st.just("bring"),
        ),
        st.tuples(st.just("forget")),
    ),
    min_size=2,
    max_size=14,
)
vendors = st.builds(
    Vendor,
    keys=st.sampled_from(["time", "row", "place", "none", "year"]),
    page_limit=st.integers(4, 60),
    inclusive=st.booleans(),
    short_pages=st.sampled_from([0, 0, 3]),
)


@settings(max_examples=300, deadline=None)
@given(vendor=vendors, script=steps)
@example(  # a day that had not settled is taken back, with a newer one above it
    vendor=Vendor(keys="year", page_limit=14),
    script=[("ask", (None, 0, None), None), ("hold back", 1), ("ask", (7, None, None), None)],
)
def test_the_same_days_as_by_asking_for_everything_anew(vendor: Vendor, script: list[tuple[Any, ...]]) -> None:
    anyio.run(play, vendor, script, lambda: SqliteStore(None))


async def play(vendor: Vendor, script: list[tuple[Any, ...]], new_store: Callable[[], Store]) -> None:
    if vendor.keys == "none":
        vendor.short_pages = 0  # such a source gives what it is asked for, or all it has
    store = new_store()
    async with anyio.create_task_group() as tasks:
        history = History(store, Freshness(0, vendor.now), tasks)
        for step in script:
            match step:
                case "ask", (count, start, end), failure:
                    await ask_and_compare(history, vendor, question(vendor, count, start, end), failure)
                case "wait", days:
                    vendor.today += timedelta(days)
                case "restate", first, how_many:
                    vendor.restate(first, first + how_many)
                case "hold back", place:
                    vendor.late.add(vendor.days()[place].date)
                    vendor.ever_late |= vendor.late
                case ("bring",):
                    # Older than what the newest page repeats, nobody can see it come.
                    vendor.late -= set(weekdays_between(LISTED, vendor.today)[:8])
                case ("forget",):
                    await store.aclose()
                    store = new_store()
                    history = History(store, Freshness(0, vendor.now), tasks)
        await store.aclose()


moments = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.lists(questions, min_size=1, max_size=3)),
        st.tuples(st.just("wait"), st.sampled_from([1, 6, 45, 200, 400, 1440, 3 * 1440, 40 * 1440])),
        st.tuples(st.just("restate"), st.integers(0, 5), st.sampled_from([1, 1000])),
        st.tuples(st.just("hold back"), st.integers(0, 3)),
        st.tuples(st.just("bring")),
        st.tuples(st.just("die")),
    ),
    min_size=2,
    max_size=14,
)


@settings(max_examples=300, deadline=None)
@given(vendor=vendors, script=moments)
@example(  # the end asked for lies below the source's last page, which is asked for again
    vendor=Vendor(keys="row", page_limit=27, inclusive=False),
    script=[("ask", [(16, None, 127)]), ("restate", 0, 1), ("ask", [(16, None, 127)])],
)
def test_by_the_market_s_clock_an_answer_is_what_the_source_said_since_the_last_close(
    vendor: Vendor, script: list[tuple[Any, ...]]
) -> None:
    anyio.run(play_by_the_clock, vendor, script)


async def play_by_the_clock(
    vendor: Vendor, script: list[tuple[Any, ...]], new_store: Callable[[], Store] = lambda: SqliteStore(None)
) -> None:
    """Several processes with one store ask at once, and one of them may end in the middle."""
    if vendor.keys == "none":
        vendor.short_pages = 0
    store = new_store()
    said: list[tuple[float, Vendor]] = []

    def note() -> None:
        state = replace(vendor, versions=dict(vendor.versions), late=set(vendor.late), asked=[])
        said.append((vendor.now(), state))

    note()
    for step in script:
        if step[0] in {"restate", "hold back", "bring"}:
            vendor.advance(6)  # what is a few minutes old counts as of now
            note()
        match step:
            case "ask", asked:
                await ask_at_once(store, vendor, asked, [state for at, state in since_the_close(vendor, said)])
            case "wait", minutes:
                while minutes > 0:  # days appear on the way
                    vendor.advance(min(minutes, 60))
                    minutes -= 60
                    note()
            case "restate", first, how_many:
                vendor.restate(first, first + how_many)
            case "hold back", place:
                vendor.late.add(vendor.days()[place].date)
            case ("bring",):
                vendor.late -= set(weekdays_between(LISTED, vendor.today)[:8])
            case ("die",):
                vendor.fails = [None, Died()]
                async with anyio.create_task_group() as tasks:
                    with contextlib.suppress(Died):
                        await History(store, Freshness(None, vendor.now), tasks).series(vendor, newest(100))
                vendor.fails = []
        note()
    await store.aclose()


def since_the_close(vendor: Vendor, said: list[tuple[float, Vendor]]) -> list[tuple[float, Vendor]]:
    """What the vendor said at any moment since the last close, and what it said just then."""
    closes = [TENCENT.market.close(day) for day in weekdays_between(vendor.today - timedelta(7), vendor.today)]
    closed_at = max(close for close in closes if close <= vendor.now())
    before = [entry for entry in said if entry[0] <= closed_at]
    return [*before[-1:], *(entry for entry in said if entry[0] > closed_at)]


async def ask_at_once(
    store: Store, vendor: Vendor, asked: list[tuple[int | None, int | None, int | None]], states: list[Vendor]
) -> None:
    found: list[Series] = []

    async def ask(asked_for: Question) -> None:
        async with anyio.create_task_group() as tasks:  # a process of its own
            found.append(await History(store, Freshness(None, vendor.now), tasks).series(vendor, asked_for))

    async with anyio.create_task_group() as processes:
        for each in asked:
            processes.start_soon(ask, question(vendor, *each))
    for series in found:
        assert series.interruption is None
        answers = [state.answer(series.question) for state in states]
        days = list(series.days)
        if not vendor.refetchable:  # more is kept than the source has
            assert any(days[: len(answer)] == answer for answer in answers)
        else:
            assert days in answers


def question(vendor: Vendor, count: int | None, start: int | None, end: int | None) -> Question:
    first = None if start is None else vendor.today - timedelta(start)
    last = None if end is None else vendor.today - timedelta(end)
    return Question(TENCENT, count, first, last)


async def ask_and_compare(history: History, vendor: Vendor, asked: Question, failure: tuple[int, str] | None) -> None:
    errors = {"fails": UpstreamUnreachable("It is gone.", "Wait."), "dies": Died()}
    vendor.fails = [None] * failure[0] + [errors[failure[1]]] if failure else []
    expected = vendor.answer(asked)
    try:
        series = await history.series(vendor, asked)
    except (Died, UpstreamUnreachable):
        return
    finally:
        vendor.fails = []
    if series.interruption is None:
        kept_longer = not vendor.refetchable and len(series.days) > len(expected)
        days = list(series.days)
        assert days[: len(expected)] == expected
        assert kept_longer or days == expected
        assert {day.date for day in days} <= {day.date for day in vendor.days()}
    else:
        dates = [day.date for day in series.days]
        assert not series.complete
        assert dates
        # What was kept may have, or lack, what the vendor held back for a while.
        assert set(dates) ^ set(weekdays_between(dates[-1], dates[0])) <= vendor.ever_late


@asynccontextmanager
async def history_of(vendor: Vendor, store: Store | None = None, fresh: float | None = None) -> AsyncIterator[History]:
    """A history by the vendor's clock; by default the market's clock says how long what was seen holds."""
    kept = store or SqliteStore(None)
    async with anyio.create_task_group() as tasks:
        yield History(kept, Freshness(fresh, vendor.now), tasks)
        tasks.cancel_scope.cancel()
    if store is None:
        await kept.aclose()


def newest(count: int, end: date | None = None) -> Question:
    return Question(TENCENT, count, None, end)


async def requests(vendor: Vendor, history: History, question: Question) -> list[int]:
    """How large the pages are that a question takes; its answer is checked."""
    vendor.asked.clear()
    series = await history.series(vendor, question)
    assert list(series.days) == vendor.answer(question)
    return [size for _, size in vendor.asked]


class TestRequests:
    """What a question costs."""

    async def test_while_the_newest_day_holds_the_very_answer_is_given_again(self) -> None:
        vendor = Vendor()
        async with history_of(vendor) as history:
            asked = await history.series(vendor, newest(20))
            kept = await history.series(vendor, newest(20))
            assert kept is not asked
            assert await history.series(vendor, newest(20)) is kept
            assert await history.series(vendor, newest(21)) is not kept
            vendor.advance(24 * 60)
            again = await history.series(vendor, newest(20))
            assert again is not kept
            assert again.days[0].date > kept.days[0].date

    async def test_an_answer_given_again_needs_no_store(self) -> None:
        vendor = Vendor()
        store = SqliteStore(None)
        async with history_of(vendor, store) as history:
            await history.series(vendor, newest(20))
            kept = await history.series(vendor, newest(20))
            await store.aclose()  # and with it goes what was kept in memory
            vendor.asked.clear()
            assert await history.series(vendor, newest(20)) is kept
        assert vendor.asked == []

    async def test_a_repeated_question_costs_nothing_while_the_newest_day_holds(self) -> None:
        vendor = Vendor()
        async with history_of(vendor) as history:
            assert await requests(vendor, history, newest(100)) == [50, 50]
            assert await requests(vendor, history, newest(100)) == []
            assert await requests(vendor, history, newest(7)) == []
            assert await requests(vendor, history, newest(30, end=vendor.today - timedelta(20))) == []

    async def test_and_one_small_page_once_it_does_not(self) -> None:
        vendor = Vendor()
        async with history_of(vendor) as history:
            await requests(vendor, history, newest(100))
            vendor.today += timedelta(1)
            assert await requests(vendor, history, newest(100)) == [11]
            assert await requests(vendor, history, newest(100)) == []

    async def test_older_days_are_fetched_from_where_the_kept_ones_end(self) -> None:
        for keys in ("row", "time"):
            vendor = Vendor(keys=keys)
            async with history_of(vendor) as history:
                await requests(vendor, history, newest(50))
                assert len(await requests(vendor, history, newest(75))) == 1
                vendor.today += timedelta(3)
                assert len(await requests(vendor, history, newest(95))) == 2

    async def test_a_run_is_joined_over_the_days_between(self) -> None:
        vendor = Vendor()
        async with history_of(vendor) as history:
            await requests(vendor, history, newest(50))
            vendor.today += timedelta(50)
            assert await requests(vendor, history, newest(20)) == [46]
            assert await requests(vendor, history, newest(80)) == []

    async def test_a_gap_is_no_run(self) -> None:
        vendor = Vendor()
        async with history_of(vendor) as history:
            await requests(vendor, history, newest(50))
            vendor.today += timedelta(100)
            assert await requests(vendor, history, newest(20)) == [20]
            assert await requests(vendor, history, newest(100)) == [50, 30]
            assert await requests(vendor, history, newest(100)) == []

    async def test_keys_that_may_mean_something_else_tomorrow_are_not_gone_on_from(self) -> None:
        vendor = Vendor(keys="place")
        async with history_of(vendor) as history:
            await requests(vendor, history, newest(50))
            assert await requests(vendor, history, newest(40)) == []
            vendor.today += timedelta(1)
            assert await requests(vendor, history, newest(100)) == [50, 50]

    async def test_a_key_that_is_refused_by_now_is_done_without(self) -> None:
        vendor = Vendor()
        async with history_of(vendor) as history:
            await requests(vendor, history, newest(50))
            vendor.expired = {vendor.key(vendor.days()[:50], 50, 1000)}
            vendor.page_limit = 40  # a fresh start comes by other keys
            assert await requests(vendor, history, newest(90)) == [40, 40, 40, 10]

    async def test_a_jump_into_the_past_is_kept_by_itself(self) -> None:
        vendor = Vendor(keys="time")
        past = newest(10, end=vendor.today - timedelta(100))
        async with history_of(vendor) as history:
            assert len(await requests(vendor, history, past)) == 1
            assert await requests(vendor, history, past) == []
            assert len(await requests(vendor, history, newest(10))) == 1
            assert len(await requests(vendor, history, newest(90))) >= 1

    async def test_the_beginning_of_a_history_is_believed_for_a_while(self) -> None:
        vendor = Vendor()
        async with history_of(vendor) as history:
            assert await requests(vendor, history, newest(500)) == [50, 50, 50]
            assert await requests(vendor, history, newest(500)) == []
            vendor.minutes += 6
            assert len(await requests(vendor, history, newest(500))) == 1  # the last page again

    async def test_an_empty_page_is_the_beginning_too(self) -> None:
        vendor = Vendor(keys="time", inclusive=False)
        async with history_of(vendor) as history:
            await requests(vendor, history, newest(500))
            assert await requests(vendor, history, newest(500)) == []

    async def test_a_source_without_paging_gives_more_days_than_it_has(self) -> None:
        vendor = Vendor(keys="none", page_limit=30)
        async with history_of(vendor) as history:
            await history.series(vendor, newest(30))
            vendor.today += timedelta(28)
            series = await history.series(vendor, newest(45))
        assert [len(series.days), series.complete] == [45, True]

    async def test_a_setting_says_how_long_days_hold(self) -> None:
        vendor = Vendor()
        async with history_of(vendor, fresh=600) as history:
            await requests(vendor, history, newest(20))
            vendor.minutes += 9
            assert await requests(vendor, history, newest(20)) == []
            vendor.minutes += 2
            assert len(await requests(vendor, history, newest(20))) == 1

    async def test_a_clock_that_was_set_back_believes_nothing_from_the_future(self) -> None:
        vendor = Vendor()
        async with history_of(vendor) as history:
            await requests(vendor, history, newest(20))
            vendor.minutes -= 60
            assert len(await requests(vendor, history, newest(20))) == 1
            assert await requests(vendor, history, newest(20)) == []

    async def test_the_weekly_position_is_kept_with_the_newest_page(self) -> None:
        vendor = Vendor()
        async with history_of(vendor) as history:
            first = await history.series(vendor, newest(20))
            again = await history.series(vendor, newest(20))
        assert first.short_position == again.short_position == ShortPosition(0, None, None)


class TestRestatements:
    """Where the source says something else than it did."""

    async def test_the_newer_figures_win_and_the_answer_says_so(self) -> None:
        vendor = Vendor()
        async with history_of(vendor, fresh=0) as history:
            await history.series(vendor, newest(100))
            vendor.restate(0, 1000)
            vendor.asked.clear()
            series = await history.series(vendor, newest(100))
            again = await history.series(vendor, newest(100))
        assert list(series.days) == list(again.days) == vendor.answer(newest(100))
        assert [len(series.restated), series.complete] == [10, True]
        assert [again.restated, len(vendor.asked)] == [[], 4]  # a small page, two for the rest, and a small one again

    async def test_a_day_that_still_moves_is_replaced_and_nothing_said(self) -> None:
        vendor = Vendor(hour=17)
        async with history_of(vendor, fresh=0) as history:
            await history.series(vendor, newest(60))
            vendor.restate(0, 1)
            vendor.asked.clear()
            series = await history.series(vendor, newest(60))
        assert list(series.days) == vendor.answer(newest(60))
        assert [series.restated, len(vendor.asked)] == [[], 1]

    async def test_one_that_shows_only_at_the_far_end_of_what_is_kept_is_found(self) -> None:
        vendor = Vendor(keys="time")
        async with history_of(vendor, fresh=0) as history:
            await history.series(vendor, newest(50))
            vendor.restate(30, 1000)
            series = await history.series(vendor, newest(80))
        assert list(series.days) == vendor.answer(newest(80))
        assert series.restated

    @pytest.mark.parametrize("keys", ["row", "time"])
    async def test_older_days_are_not_put_to_kept_ones_of_another_version(self, keys: str) -> None:
        vendor = Vendor(keys=keys)
        async with history_of(vendor) as history:  # by the market's clock, nothing new can come
            await history.series(vendor, newest(40))
            vendor.advance(10)
            vendor.restate(0, 1000)
            assert list((await history.series(vendor, newest(80))).days) == vendor.answer(newest(80))

    async def test_the_last_page_asked_for_again_shows_it_too(self) -> None:
        vendor = Vendor()
        async with history_of(vendor) as history:
            await history.series(vendor, newest(500))  # all there are
            vendor.advance(10)
            vendor.restate(0, 1000)
            series = await history.series(vendor, newest(500))
        assert list(series.days) == vendor.answer(newest(500))
        assert [bool(series.restated), series.complete] == [True, True]

    @pytest.mark.parametrize("page_limit", [4, 50])
    async def test_days_that_are_known_to_be_outdated_are_not_given_again(self, page_limit: int) -> None:
        """And what is known of them is known to the next who asks."""
        vendor = Vendor(page_limit=page_limit)
        async with history_of(vendor) as history:
            await history.series(vendor, newest(500))
            vendor.advance(10)
            vendor.restate(0, 1000)
            vendor.fails = [None, GONE]
            with contextlib.suppress(UpstreamUnreachable):
                series = await history.series(vendor, newest(500))
                assert list(series.days) == vendor.answer(newest(len(series.days)))
                assert series.restated
            assert list((await history.series(vendor, newest(500))).days) == vendor.answer(newest(500))

    async def test_and_so_does_a_part_of_it(self) -> None:
        vendor = Vendor(page_limit=4)
        async with history_of(vendor) as history:
            await history.series(vendor, newest(41, end=vendor.today - timedelta(92)))  # to the end of all there are
            vendor.advance(10)
            vendor.restate(0, 1000)
            assert list((await history.series(vendor, newest(107))).days) == vendor.answer(newest(107))

    async def test_places_that_shift_between_two_pages_leave_no_gap_behind(self) -> None:
        class Shifting(Vendor):
            async def fetch_page(
                self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
            ) -> Page[Day]:
                self.late = {self.today} if len(self.asked) == 1 else set()  # withdrawn for the second page only
                return await super().fetch_page(symbol, cursor, size, on_wait)

        vendor = Shifting(keys="place")
        async with history_of(vendor) as history:
            await history.series(vendor, newest(100))
            vendor.today += timedelta(1)
            assert list((await history.series(vendor, newest(100))).days) == vendor.answer(newest(100))

    async def test_days_that_moved_while_they_settled_are_asked_for_again(self) -> None:
        vendor = Vendor(keys="time", hour=17)
        async with history_of(vendor) as history:
            await history.series(vendor, newest(20))
            vendor.restate(0, 1)
            vendor.hour = 21
            assert len(await requests(vendor, history, newest(20, end=vendor.today))) == 1

    async def test_a_day_that_has_not_come_is_no_holiday(self) -> None:
        vendor = Vendor(keys="time", today=date(2026, 6, 3), hour=10)
        yesterday = newest(20, end=date(2026, 6, 2))
        async with history_of(vendor) as history:
            vendor.late.add(date(2026, 6, 2))
            assert await requests(vendor, history, yesterday) == [20]
            vendor.late.clear()
            assert len(await requests(vendor, history, yesterday)) == 1
            assert await requests(vendor, history, yesterday) == []

    async def test_a_small_page_that_is_a_row_short_is_no_end(self) -> None:
        vendor = Vendor(keys="none", short_pages=2)
        async with history_of(vendor) as history:
            await history.series(vendor, newest(25))
            vendor.today += timedelta(1)
            vendor.restate(0, 1000)
            series = await history.series(vendor, newest(24))
        assert list(series.days) == vendor.answer(newest(24))

    async def test_a_withdrawn_day_is_gone(self) -> None:
        vendor = Vendor()
        async with history_of(vendor, fresh=0) as history:
            await history.series(vendor, newest(20))
            vendor.late.add(vendor.days()[0].date)
            assert list((await history.series(vendor, newest(20))).days) == vendor.answer(newest(20))


GONE = UpstreamUnreachable("Nobody answers.", "Look for it.")


class TestFailures:
    """What is answered when the source fails, or time runs out."""

    async def test_kept_days_that_answer_are_given_and_dated(self) -> None:
        vendor = Vendor()
        async with history_of(vendor) as history:
            await history.series(vendor, newest(60))
            seen_at = vendor.now()
            vendor.today += timedelta(7)
            vendor.fails = [GONE]
            series = await history.series(vendor, newest(60))
        assert len(series.days) == 60
        assert [series.complete, series.ending] == [False, Ending.INTERRUPTED]
        assert series.interruption is not None
        assert [series.interruption.what, series.interruption.as_of] == ["Nobody answers.", seen_at]

    async def test_kept_days_that_do_not_answer_are_named_in_the_error(self) -> None:
        vendor = Vendor()
        async with history_of(vendor) as history:
            await history.series(vendor, newest(60))
            vendor.today += timedelta(7)
            vendor.fails = [GONE, GONE]
            with pytest.raises(
                UpstreamUnreachable,
                match=r"60 of the days asked for are kept as of .*, 2026-03-10 to 2026-06-01: ask with count=60",
            ):
                await history.series(vendor, newest(61))
            with pytest.raises(UpstreamUnreachable) as caught:
                await history.series(vendor, Question(Symbol("5", TENCENT.market), 5))
        assert str(caught.value) == str(GONE)

    async def test_an_end_on_a_weekend_is_that_of_the_friday_before(self) -> None:
        vendor = Vendor(keys="time", today=date(2026, 6, 8))  # a Monday
        sunday = newest(20, end=date(2026, 6, 7))
        async with history_of(vendor, fresh=0) as history:
            await history.series(vendor, sunday)
            vendor.fails = [GONE]
            series = await history.series(vendor, sunday)
        assert [len(series.days), series.complete] == [20, False]

    async def test_a_past_that_was_jumped_to_is_not_taken_for_the_present(self) -> None:
        vendor = Vendor(keys="time")
        async with history_of(vendor) as history:
            await history.series(vendor, newest(20, end=vendor.today - timedelta(90)))
            vendor.fails = [GONE]
            with pytest.raises(UpstreamUnreachable):
                await history.series(vendor, newest(5))

    @pytest.mark.parametrize("kind", [UnknownSecurity, NotEntitled])
    async def test_what_is_certain_is_not_hidden_by_kept_days(self, kind: type[ShortVolumeError]) -> None:
        vendor = Vendor()
        async with history_of(vendor) as history:
            await history.series(vendor, newest(20))
            vendor.today += timedelta(7)
            vendor.fails = [kind("So it is.", "Mend it.")]
            with pytest.raises(kind):
                await history.series(vendor, newest(20))

    async def test_pages_that_came_before_a_failure_are_given_and_kept(self) -> None:
        vendor = Vendor(fails=[None, None, GONE])
        async with history_of(vendor) as history:
            series = await history.series(vendor, Question(TENCENT, None, vendor.today - timedelta(200)))
            vendor.asked.clear()
            rest = await history.series(vendor, Question(TENCENT, None, vendor.today - timedelta(200)))
        assert [len(series.days), series.complete] == [100, False]
        assert [len(rest.days), rest.complete, len(vendor.asked)] == [106, True, 1]

    async def test_a_sudden_nothing_is_no_proof_that_there_is_nothing(self) -> None:
        vendor = Vendor()
        async with history_of(vendor, fresh=0) as history:
            await history.series(vendor, newest(20))
            vendor.late = {day.date for day in vendor.days()}
            series = await history.series(vendor, newest(20))
        assert [len(series.days), series.complete] == [20, False]
        assert series.interruption is not None
        assert "sent no rows" in series.interruption.what

    async def test_the_deadline_gives_what_is_there_and_the_next_call_goes_on(self) -> None:
        vendor = Slow(seconds=0.1)
        async with history_of(vendor) as history:
            began = anyio.current_time()
            series = await history.series(vendor, newest(100), deadline=began + 0.15)
            assert anyio.current_time() - began < 0.19
            rest = await history.series(vendor, newest(100))
        assert [len(series.days), series.complete] == [50, False]
        assert series.interruption is not None
        assert "not complete within 0.1" in series.interruption.what or "0.2 seconds" in series.interruption.what
        assert [len(rest.days), rest.complete, len(vendor.asked)] == [100, True, 3]

    async def test_a_deadline_before_anything_came_is_an_error(self) -> None:
        vendor = Slow(seconds=0.2)
        async with history_of(vendor, NOTHING_KEPT) as history:
            with pytest.raises(UpstreamUnreachable, match="not complete within"):
                await history.series(vendor, newest(100), deadline=anyio.current_time() + 0.05)


class Slow(Vendor):
    """A vendor that takes its time for a page."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Day]:
        self.asked.append((cursor, size))
        await anyio.sleep(self.seconds)
        self.asked.pop()
        return await super().fetch_page(symbol, cursor, size, on_wait)


class TestSingleFlight:
    """Equal calls at once."""

    async def test_they_share_one_fetch(self) -> None:
        vendor = Slow(0.02)
        found: list[Series] = []
        told: list[list[float]] = [[], [], []]
        async with history_of(vendor, NOTHING_KEPT) as history, anyio.create_task_group() as tasks:

            async def ask(messages: list[float]) -> None:
                async def progress(done: float, _total: float | None, _text: str) -> None:
                    messages.append(done)

                found.append(await history.series(vendor, newest(100), progress=progress))

            for messages in told:
                tasks.start_soon(ask, messages)
        assert [len(series.days) for series in found] == [100, 100, 100]
        assert len(vendor.asked) == 2
        assert told == [[50], [50], [50]]

    async def test_one_who_gives_up_takes_nothing_from_the_others(self) -> None:
        vendor = Slow(0.05)
        async with history_of(vendor, NOTHING_KEPT) as history, anyio.create_task_group() as tasks:
            impatient = anyio.CancelScope()

            async def give_up() -> None:
                with impatient:
                    await history.series(vendor, newest(100))

            tasks.start_soon(give_up)
            await anyio.sleep(0.01)
            found: list[Series] = []

            async def wait() -> None:
                found.append(await history.series(vendor, newest(100)))

            tasks.start_soon(wait)
            await anyio.sleep(0.01)
            impatient.cancel()
        assert len(found[0].days) == 100
        assert len(vendor.asked) == 2

    async def test_when_all_give_up_the_fetch_ends(self) -> None:
        vendor = Slow(0.05)
        async with history_of(vendor, NOTHING_KEPT) as history:
            with anyio.move_on_after(0.02):
                await history.series(vendor, newest(100))
            await anyio.sleep(0.1)
            assert vendor.asked == [(None, 50)]  # the page it was waiting for, and no other
            assert len((await history.series(vendor, newest(100))).days) == 100

    async def test_each_has_its_own_deadline(self) -> None:
        vendor = Slow(0.05)
        found: dict[float, Series] = {}
        async with history_of(vendor, NOTHING_KEPT) as history, anyio.create_task_group() as tasks:

            async def ask(seconds: float) -> None:
                found[seconds] = await history.series(vendor, newest(100), deadline=anyio.current_time() + seconds)

            tasks.start_soon(ask, 0.08)
            tasks.start_soon(ask, 5)
        assert [len(found[0.08].days), len(found[5].days)] == [50, 100]
        assert [found[0.08].complete, found[5].complete] == [False, True]

    async def test_nobody_joins_a_fetch_that_is_given_up(self) -> None:
        begun = 0

        async def work(_: Progress) -> None:
            nonlocal begun
            begun += 1
            with anyio.CancelScope(shield=True):  # as a write to the store does
                await anyio.sleep(0.05)

        async with anyio.create_task_group() as tasks:
            calls = SingleFlight(tasks)
            for seconds in (0.01, 5):
                call = calls.join("key", lambda: SharedCall(None, work))
                with contextlib.suppress(TimeoutError):
                    await call.wait(anyio.current_time() + seconds, None)
        assert [begun, call.done] == [2, True]

    async def test_a_failure_reaches_all_of_them(self) -> None:
        vendor = Slow(0.02)
        vendor.fails = [GONE]
        caught: list[ShortVolumeError] = []
        async with history_of(vendor, NOTHING_KEPT) as history, anyio.create_task_group() as tasks:

            async def ask() -> None:
                try:
                    await history.series(vendor, newest(10))
                except UpstreamUnreachable as error:
                    caught.append(error)

            for _ in range(3):
                tasks.start_soon(ask)
        assert [str(error) for error in caught] == [str(GONE)] * 3


def damage(page: list[Day], today: date) -> dict[str, list[Day]]:
    """Pages with something in them that is not fit to be kept."""
    first, *others = page
    return {
        "a figure that could not be read": [first._replace(damaged=True), *others],
        "a volume that is not there": [first._replace(total_volume=None), *others],
        "a day that has not come": [first._replace(date=today + timedelta(1)), *page],
        "a weekend": [first._replace(date=date(2026, 5, 30)), *page],
        "another age": [*page, first._replace(date=date(1970, 1, 1))],
        "two sayings of one day": [first._replace(short_volume=1), *page],
    }


@pytest.mark.parametrize("what", damage([Day(date(2026, 5, 29), 1, 2, 3.0)], date(2026, 5, 29)))
async def test_a_page_with_anything_wrong_in_it_is_answered_and_not_kept(what: str) -> None:
    class Damaging(Vendor):
        async def fetch_page(
            self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
        ) -> Page[Day]:
            page = await super().fetch_page(symbol, cursor, size, on_wait)
            return replace(page, days=damage(list(page.days), self.today)[what])

    vendor = Damaging()
    async with history_of(vendor) as history:
        await history.series(vendor, newest(20))
        await history.series(vendor, newest(20))
        assert len(vendor.asked) == 2


@dataclass
class Blotting(Vendor):
    """A vendor of whose pages one row has a figure that cannot be read."""

    blot: int = 2

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Day]:
        page = await super().fetch_page(symbol, cursor, size, on_wait)
        days = list(page.days)
        days[self.blot] = days[self.blot]._replace(short_volume=None, damaged=True)
        return replace(page, days=days)


class TestDamagedRows:
    """Kept rows answer where some rows came damaged, unless the page has something newer."""

    async def kept_then_blotted(self, changed: Callable[[Vendor], object]) -> tuple[Series, Vendor]:
        whole, blotted = Vendor(), Blotting()
        store = SqliteStore(None)
        async with history_of(whole, store) as history:
            await history.series(whole, newest(20))
        changed(blotted)
        async with history_of(blotted, store, fresh=0) as history:
            return await history.series(blotted, newest(20)), blotted

    async def test_kept_rows_answer_as_of_their_time(self) -> None:
        series, vendor = await self.kept_then_blotted(lambda _: None)
        assert list(series.days) == vendor.answer(newest(20))
        assert re.match(
            r"Incomplete: kept as of .*, newer ones may exist. Some of the days that came could not be read. "
            "Ask again later.",
            notes_on(series)[0],
        )
        assert "Kept figures" in answer_of(series).summary

    async def test_what_came_answers_where_it_has_a_newer_day(self) -> None:
        def later(vendor: Vendor) -> None:
            vendor.today += timedelta(1)

        series, vendor = await self.kept_then_blotted(later)
        assert [day.date for day in series.days] == [day.date for day in vendor.answer(newest(20))]
        assert [series.damaged, series.interruption] == [2, None]  # one a page

    async def test_what_came_answers_where_the_kept_rows_are_too_few(self) -> None:
        whole, blotted = Vendor(), Blotting()
        store = SqliteStore(None)
        async with history_of(whole, store) as history:
            await history.series(whole, newest(10))
        async with history_of(blotted, store, fresh=0) as history:
            series = await history.series(blotted, newest(20))
        assert [len(series.days), series.damaged] == [20, 2]  # one a page


@dataclass
class Dividends(Vendor):
    """A vendor that adjusts its closes for every dividend whose ex-date is over, as Futu does."""

    ex_dates: dict[date, float] = field(default_factory=dict)

    def day(self, day: date) -> Day:
        factor = math.prod(f for ex, f in self.ex_dates.items() if day < ex <= self.today)
        row = super().day(day)
        return row._replace(close=round(100 * factor, 9), previous_close=round(99 * factor, 9))


class TestExDividendDates:
    """An ex-dividend date changes the closes of all days before it. It restates nothing."""

    @pytest.mark.parametrize("keys", ["row", "time", "none"])
    async def test_it_costs_no_kept_day_and_shows_no_price_step(self, keys: str) -> None:
        vendor = Dividends(keys=keys, page_limit=40, ex_dates={date(2026, 6, 3): 0.9975})
        async with history_of(vendor) as history:
            await history.series(vendor, newest(40))
            vendor.advance(4 * 1440)
            vendor.asked.clear()
            series = await history.series(vendor, newest(44))
        assert [len(series.days), series.restated, series.complete] == [44, [], True]
        assert len(vendor.asked) == 1
        expected = {day.date: day for day in vendor.days()}
        for day in series.days:
            assert day.close == pytest.approx(expected[day.date].close, rel=1e-9)
            assert day.previous_close == pytest.approx(expected[day.date].previous_close, rel=1e-9)

    async def test_prices_that_follow_no_common_factor_are_fetched_again(self) -> None:
        vendor = Dividends()
        async with history_of(vendor, fresh=0) as history:
            await history.series(vendor, newest(50))
            vendor.ex_dates = {date(2026, 5, 28): 0.5}  # in the middle of the overlap
            series = await history.series(vendor, newest(50))
        assert [list(series.days), series.restated] == [vendor.answer(newest(50)), []]

    async def test_and_are_null_where_they_cannot_be_fetched_again(self) -> None:
        vendor = Dividends(keys="none", page_limit=30)
        async with history_of(vendor, fresh=0) as history:
            await history.series(vendor, newest(30))
            vendor.advance(20 * 1440)
            vendor.ex_dates = {date(2026, 5, 28): 0.5}
            series = await history.series(vendor, newest(40))
        assert [len(series.days), series.restated] == [40, []]
        fetched = {day.date for day in vendor.days()[:30]}
        assert {day.date for day in series.days if day.close is not None} == fetched
        assert all(day.short_volume is not None for day in series.days)

    async def test_older_pages_of_another_adjustment_are_not_put_below_kept_ones(self) -> None:
        vendor = Dividends(ex_dates={date(2026, 6, 2): 0.9})
        async with history_of(vendor) as history:
            await history.series(vendor, newest(500))  # to the beginning, so that its last page is asked for again
            vendor.advance(10 * 60)  # past midnight, before the next close
            series = await history.series(vendor, newest(500))
        assert {day.close for day in series.days} == {90.0}
        assert [len(series.days), series.restated] == [len(vendor.days()), []]


async def test_real_days_that_are_kept_are_no_worse_than_old_invented_ones() -> None:
    vendor = Vendor()
    async with history_of(vendor) as history:
        await history.series(vendor, newest(20))
        vendor.today += timedelta(1)
        vendor.invented = True
        assert (await history.series(vendor, newest(20))).invented
        vendor.advance(10)
        vendor.fails = [GONE]
        series = await history.series(vendor, newest(20))
    assert [series.invented, len(series.days), series.complete] == [False, 20, False]


async def test_a_gateway_that_takes_a_sandbox_s_place_begins_anew() -> None:
    vendor = Vendor(invented=True)
    async with history_of(vendor) as history:
        await history.series(vendor, newest(40))
        vendor.invented = False
        vendor.restate(0, 1000)
        series = await history.series(vendor, newest(90))
    assert [series.invented, list(series.days)] == [False, vendor.answer(newest(90))]


@pytest.mark.parametrize("store", [SqliteStore, lambda _: NOTHING_KEPT])
async def test_pages_of_a_sandbox_and_of_a_gateway_are_no_answer(store: Callable[[None], Store]) -> None:
    class Turning(Vendor):
        async def fetch_page(
            self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
        ) -> Page[Day]:
            self.invented = len(self.asked) % 2 == 0
            return await super().fetch_page(symbol, cursor, size, on_wait)

    vendor = Turning()
    async with history_of(vendor, store(None)) as history:
        series = await history.series(vendor, newest(100))
    assert series.interruption is not None
    assert "changed its figures while they were read" in series.interruption.what
    assert [len(series.days), series.complete] == [50, False]


async def test_invented_days_and_real_ones_never_stand_together() -> None:
    vendor = Vendor(invented=True)
    async with history_of(vendor) as history:
        played = await history.series(vendor, newest(60))
        vendor.invented = False
        vendor.minutes += 6  # invented days hold for five minutes, whatever the market's clock says
        vendor.restate(0, 1000)
        real = await history.series(vendor, newest(60))
        vendor.invented = True
        vendor.minutes += 1
        kept = await history.series(vendor, newest(60))
    assert [played.source, real.source, kept.source] == ["sandbox:played", "played", "played"]
    assert list(real.days) == list(kept.days) == vendor.answer(newest(60))
    assert not real.restated
