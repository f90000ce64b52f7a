"""No name comes twice, however the list moves, and none is lost while it stands still; every list ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.ranking import Direction, OrderBy, Ranked
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.ranking_pages import Drop, RankingEnding, RankingResult, fetch_ranking
from mcp_shortvol.quotas.quota import OnWait
from mcp_shortvol.sources import RankingPage

pytestmark = pytest.mark.anyio


def names(count: int) -> list[Ranked]:
    return [Ranked(Symbol(str(code), Market.HK), f"Name {code}", volume=code) for code in range(1, count + 1)]


@dataclass
class ScriptedRanking:
    """A vendor with a list, which can be as awkward as a test wants it; `move` is called before each page but one."""

    ranked: list[Ranked]
    counts: bool = True
    gives: int = 35
    unreadable: int = 0
    wait: float = 0
    move: Callable[[list[Ranked]], None] | None = None
    asked: list[tuple[int, int]] = field(default_factory=list)

    name = "scripted"
    title = "Scripted"
    page_limit = 35

    def ratio_basis(self, market: Market) -> str:
        return "shares"

    async def fetch_ranking(
        self,
        market: Market,
        order_by: OrderBy,
        direction: Direction,
        offset: int,
        count: int,
        on_wait: OnWait | None = None,
    ) -> RankingPage:
        assert 1 <= count <= self.page_limit
        if self.move and self.asked:
            self.move(self.ranked)
        self.asked.append((offset, count))
        if on_wait and self.wait:
            await on_wait(self.wait)
        rows = self.ranked[offset : offset + min(count, self.gives)]
        unreadable = min(self.unreadable, len(rows))
        return RankingPage(rows[unreadable:], len(self.ranked) if self.counts else None, unreadable, sandbox=True)


def ask(source: ScriptedRanking, wanted: int, drop: Drop | None = None) -> RankingResult:
    async def asking() -> RankingResult:
        return await fetch_ranking(source, Market.HK, "short_ratio", "desc", wanted, drop)

    return anyio.run(asking)


def symbols(rows: Sequence[Ranked]) -> list[int]:
    return [int(row.symbol.code) for row in rows]


def odd(row: Ranked) -> str | None:
    return "odd" if row.volume and row.volume % 2 else None


lists = st.builds(
    ScriptedRanking,
    ranked=st.integers(0, 200).map(names),
    counts=st.booleans(),
    gives=st.integers(1, 35),
)


@settings(max_examples=200, deadline=None)
@given(source=lists, wanted=st.integers(1, 60), drop=st.sampled_from([None, odd]))
def test_while_the_list_stands_still_none_is_lost_and_none_comes_twice(
    source: ScriptedRanking, wanted: int, drop: Drop | None
) -> None:
    found = ask(source, wanted, drop)
    kept = [row for row in source.ranked if not (drop and drop(row))]
    if found.ending is RankingEnding.READ_LIMIT:  # one or two names a page
        assert list(found.rows) == kept[: len(found.rows)]
        assert len(source.asked) == 90
        return
    assert list(found.rows) == kept[:wanted]
    assert found.complete
    assert found.ending is (RankingEnding.COVERED if len(kept) >= wanted else RankingEnding.LIST_ENDS)


@settings(max_examples=100, deadline=None)
@given(size=st.integers(1, 200), wanted=st.integers(1, 120), drop=st.sampled_from([None, odd]), random=st.randoms())
def test_however_the_list_moves_no_name_comes_twice(size: int, wanted: int, drop: Drop | None, random: object) -> None:
    source = ScriptedRanking(names(size), move=random.shuffle)  # type: ignore[attr-defined]
    found = symbols(ask(source, wanted, drop).rows)
    assert len(found) == len(set(found)) <= wanted


def test_a_hundred_names_take_three_pages_and_no_more_than_is_wanted() -> None:
    source = ScriptedRanking(names(300))
    assert symbols(ask(source, 100).rows) == list(range(1, 101))
    assert source.asked == [(0, 35), (35, 35), (70, 30)]


def test_once_the_list_has_moved_whole_pages_are_asked_for() -> None:
    source = ScriptedRanking(names(300), move=lambda rows: rows.insert(0, rows.pop()))
    found = ask(source, 100)
    assert len(found.rows) == len(set(symbols(found.rows))) == 100
    assert source.asked == [(0, 35), (35, 35), (70, 35)]


def test_a_few_names_are_asked_for_as_few() -> None:
    source = ScriptedRanking(names(300))
    assert ask(source, 10).ending is RankingEnding.COVERED
    assert source.asked == [(0, 10)]


def test_what_is_left_out_is_counted_by_reason_as_far_as_was_read() -> None:
    def drop(row: Ranked) -> str | None:
        return "small" if int(row.symbol.code) <= 40 else odd(row)

    source = ScriptedRanking(names(300))
    found = ask(source, 10, drop)
    assert symbols(found.rows) == list(range(42, 61, 2))
    assert found.left_out == {"small": 40, "odd": 10}
    assert source.asked == [(0, 35), (35, 35)]


def test_an_empty_list_is_a_complete_answer() -> None:
    found = ask(ScriptedRanking([]), 10)
    assert (list(found.rows), found.total, found.ending) == ([], 0, RankingEnding.LIST_ENDS)
    assert found.complete


def test_without_a_count_an_empty_page_ends_the_list() -> None:
    source = ScriptedRanking(names(70), counts=False)
    found = ask(source, 100)
    assert (len(found.rows), found.total, found.ending) == (70, None, RankingEnding.LIST_ENDS)
    assert [offset for offset, _ in source.asked] == [0, 35, 70]


def test_names_that_cannot_be_read_take_up_places_and_are_counted() -> None:
    source = ScriptedRanking(names(100), unreadable=2)
    found = ask(source, 50)
    assert source.asked == [(0, 35), (35, 35)]
    assert symbols(found.rows) == [*range(3, 36), *range(38, 55)]
    assert found.unreadable == 4
    assert not found.complete


def test_the_same_page_again_and_again_is_left() -> None:
    source = ScriptedRanking(names(1000), move=lambda rows: rows.__setitem__(slice(None), (names(35) * 30)[:1000]))
    found = ask(source, 100)
    assert (len(found.rows), found.ending, found.complete) == (35, RankingEnding.STALLED, False)
    assert len(source.asked) == 4


def test_a_list_without_end_is_left_where_one_call_reads_no_further() -> None:
    source = ScriptedRanking(names(10_000), counts=False)
    found = ask(source, 10, lambda _row: "all")
    assert (list(found.rows), found.ending, found.complete) == ([], RankingEnding.READ_LIMIT, False)
    assert found.left_out == {"all": len(source.asked) * 35}
    assert len(source.asked) == 90


def test_it_is_stamped_and_labelled() -> None:
    before = datetime.now(UTC)
    found = ask(ScriptedRanking(names(3)), 1)
    assert before <= found.fetched_at <= datetime.now(UTC)
    assert (found.source, found.invented) == ("sandbox:scripted", True)
    assert (found.market, found.order_by, found.direction) == (Market.HK, "short_ratio", "desc")


async def test_progress_tells_of_pages_and_of_long_waits() -> None:
    told: list[tuple[float, float | None, str]] = []

    async def progress(done: float, total: float | None, message: str) -> None:
        told.append((done, total, message))

    source = ScriptedRanking(names(100), wait=12.4)
    await fetch_ranking(source, Market.HK, "volume", "asc", 50, None, progress)
    assert told == [
        (0, 50, "0 names read from Scripted, waiting 12 s for the vendor's rate limit"),
        (35, 50, "35 names read from Scripted"),
        (35, 50, "35 names read from Scripted, waiting 12 s for the vendor's rate limit"),
    ]
