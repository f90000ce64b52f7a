"""OpenD's source against the sandbox, fault by fault: what is recovered, and what each failure says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

import anyio
import pytest

from mcp_shortvol.domain.errors import NotConfigured, SetupError
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Ending, Series, ShortPosition
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.history import fetch_series
from mcp_shortvol.quotas.quota import Quota
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.sources.opend import OpenDSource
from mcp_shortvol.sources.opend.messages import Protocol
from tests.sources.opend.fake_opend import GOLDEN
from tests.sources.opend.sandboxed import FAILURES, HOSTILE, ONCE, PATIENCE, sandboxed

pytestmark = pytest.mark.anyio

AS_OF = date(2026, 5, 8)
TENCENT = Symbol("700", Market.HK)
KEY_FILE = GOLDEN / "opend_rsa_aes_cbc" / "rsa1024.pem"

RECOVERED = [
    "colliding_pushes",
    "tiny_chunks",
    "duplicates",
    "unsorted",
    "overlapping",
]


@pytest.fixture
def opend_gateway() -> OpenDGateway:
    return OpenDGateway(AS_OF, limited=False)


@asynccontextmanager
async def connected(
    gateway: OpenDGateway,
    *,
    seconds: float = 2.0,
    opend_key_file: Path | None = None,
    rsa_key_file: Path | None = None,
) -> AsyncIterator[OpenDSource]:
    async with sandboxed(gateway, seconds=seconds, opend_key_file=opend_key_file, rsa_key_file=rsa_key_file) as opend:
        yield OpenDSource(opend, Quota(None, concurrent=8, pause=0))


async def ask(source: OpenDSource, count: int = 10) -> Series:
    return await fetch_series(source, Question(TENCENT, count))


def pages(gateway: OpenDGateway) -> list[object]:
    asked = [request.c2s for request in gateway.requests if request.protocol == Protocol.GET_DAILY_SHORT_VOLUME]
    return [c2s["num"] for c2s in asked]


async def test_the_published_days(opend_gateway: OpenDGateway) -> None:
    async with connected(opend_gateway) as source:
        series = await ask(source)
    assert series.source == "sandbox:futu_opend"
    assert series.short_position == ShortPosition(51480638, 0.56, date(2026, 4, 30))
    newest = series.days[0]
    assert (newest.date, newest.short_volume, newest.total_volume) == (AS_OF, 2464300, 25207039)
    assert (newest.short_turnover, newest.open, newest.average_ratio_20d_pct) == (1161032040, 475, 11.36)
    assert newest.short_ratio_pct == pytest.approx(9.78, abs=0.005)


@pytest.mark.parametrize(("count", "sizes"), [(120, [50, 50, 20]), (500, [50] * 10)])
async def test_many_days_take_as_many_pages_as_they_must(
    opend_gateway: OpenDGateway, count: int, sizes: list[int]
) -> None:
    async with connected(opend_gateway) as source:
        series = await ask(source, count)
    assert pages(opend_gateway) == sizes
    assert len({day.date for day in series.days}) == count
    assert series.ending is Ending.COVERED


async def test_encrypted_it_is_the_same(opend_gateway: OpenDGateway) -> None:
    async with connected(opend_gateway) as source:
        plain = await ask(source, 120)
    async with connected(opend_gateway, opend_key_file=KEY_FILE, rsa_key_file=KEY_FILE) as source:
        assert (await ask(source, 120)).days == plain.days


@pytest.mark.parametrize(("theirs", "ours"), [(KEY_FILE, None), (None, KEY_FILE)])
async def test_a_key_on_one_side_only_is_told(
    opend_gateway: OpenDGateway, theirs: Path | None, ours: Path | None
) -> None:
    async with connected(opend_gateway, opend_key_file=theirs, rsa_key_file=ours) as source:
        with pytest.raises(NotConfigured, match="FUTU_OPEND_RSA_KEY_FILE"):
            await ask(source)


async def test_logged_out_is_told(opend_gateway: OpenDGateway) -> None:
    opend_gateway.logged_in = False
    async with connected(opend_gateway) as source:
        with pytest.raises(SetupError, match="not logged in"):
            await ask(source)


@pytest.mark.parametrize("fault", RECOVERED)
async def test_what_can_be_read_all_the_same_is_read(opend_gateway: OpenDGateway, fault: str) -> None:
    async with connected(opend_gateway) as source:
        expected = await ask(source, 120)
        opend_gateway.fail(fault)
        assert (await ask(source, 120)).days == expected.days


@pytest.mark.parametrize("fault", ONCE)
async def test_what_passes_is_tried_again(opend_gateway: OpenDGateway, fault: str) -> None:
    async with connected(opend_gateway) as source:
        expected = await ask(source, 120)
        opend_gateway.fail(fault, times=1)
        assert (await ask(source, 120)).days == expected.days


@pytest.mark.parametrize("fault", FAILURES)
async def test_each_failure_has_its_words_and_leaves_the_source_usable(opend_gateway: OpenDGateway, fault: str) -> None:
    async with connected(opend_gateway, seconds=0.5) as source:
        opend_gateway.fail(fault, seconds=1.0)
        with pytest.raises(FAILURES[fault]) as caught, anyio.fail_after(PATIENCE):
            await ask(source)
        assert not any(mark in str(caught.value) for mark in HOSTILE)
        opend_gateway.faults.clear()
        assert len((await ask(source)).days) == 10


@pytest.mark.parametrize("fault", ["nulls", "missing_cells", "wrong_types"])
async def test_rows_without_readable_figures_are_days_all_the_same(opend_gateway: OpenDGateway, fault: str) -> None:
    opend_gateway.fail(fault)
    async with connected(opend_gateway) as source:
        page = await source.fetch_page(TENCENT, None, 10)
    assert len(page.days) + page.unreadable == 10
    assert page.unreadable == (fault == "wrong_types")
    for day in page.days:
        assert (day.short_volume, day.total_volume, day.close) == (None, None, None)
        assert day.damaged == (fault == "wrong_types")


async def test_rows_that_are_none_are_counted(opend_gateway: OpenDGateway) -> None:
    opend_gateway.fail("null_rows")
    async with connected(opend_gateway) as source:
        page = await source.fetch_page(TENCENT, None, 10)
    assert (len(page.days), page.unreadable) == (10, 2)


@pytest.mark.parametrize("fault", ["empty", "null_content"])
async def test_an_empty_answer_is_an_empty_history(opend_gateway: OpenDGateway, fault: str) -> None:
    opend_gateway.fail(fault)
    async with connected(opend_gateway) as source:
        assert (await ask(source)).days == []


@pytest.mark.parametrize("fault", ["empty_cursor", "absent_cursor"])
async def test_without_a_key_a_history_has_ended(opend_gateway: OpenDGateway, fault: str) -> None:
    opend_gateway.fail(fault)
    async with connected(opend_gateway) as source:
        series = await ask(source, 120)
    assert (len(series.days), series.ending) == (50, Ending.HISTORY_BEGINS)


@pytest.mark.parametrize("fault", ["repeated_cursor", "circling"])
async def test_an_upstream_that_goes_in_circles_is_left(opend_gateway: OpenDGateway, fault: str) -> None:
    opend_gateway.fail(fault)
    async with connected(opend_gateway) as source:
        series = await ask(source, 500)
    assert len(series.days) < 120
    assert len(pages(opend_gateway)) < 10


async def test_an_upstream_without_end_is_left_where_the_question_is_covered(opend_gateway: OpenDGateway) -> None:
    opend_gateway.fail("endless_paging")
    async with connected(opend_gateway) as source:
        series = await ask(source, 1000)
    assert len(series.days) == 1000
    assert len(pages(opend_gateway)) == 28  # its rows on weekends count for nothing


async def test_hostile_text_in_rows_stays_outside(opend_gateway: OpenDGateway) -> None:
    opend_gateway.fail("hostile_text")
    async with connected(opend_gateway) as source:
        series = await ask(source)
    assert not any(mark in repr(series) for mark in HOSTILE)
    assert series.short_position == ShortPosition(51480638, 0.56, None)


async def test_every_fault_has_its_test(opend_gateway: OpenDGateway) -> None:
    elsewhere = {"nulls", "missing_cells", "wrong_types", "null_rows", "empty", "null_content", "empty_cursor"}
    elsewhere |= {"absent_cursor", "repeated_cursor", "circling", "endless_paging", "hostile_text", "future_dates"}
    assert set(RECOVERED) | set(ONCE) | set(FAILURES) | elsewhere == set(opend_gateway.faults.names)
