"""OpenD as a source of short interest: the right question, the recorded answers, and its faults by the same words."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date

import anyio
import pytest

from mcp_shortvol.domain.errors import SetupError, UnknownSecurity
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.short_volume import Ending
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.history import fetch_back
from mcp_shortvol.quotas.quota import Quota
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.sources import InterestSource
from mcp_shortvol.sources.opend import OpenDInterest
from mcp_shortvol.sources.opend.frame import HEADER_LENGTH, Frame
from mcp_shortvol.sources.opend.messages import Json, Protocol
from tests.sources.opend.fake_opend import FakeOpenD, Peer, golden, ok, opend_at, refused
from tests.sources.opend.sandboxed import FAILURES, HOSTILE, ONCE, PATIENCE, sandboxed

pytestmark = pytest.mark.anyio

ASK = Protocol.GET_SHORT_INTEREST
TENCENT = Symbol("700", Market.HK)
APPLE = Symbol("AAPL", Market.US)
TESLA = Symbol("TSLA", Market.US)


def recorded(name: str) -> Json:
    """The content of a recorded packet: an answer's s2c, a question's c2s."""
    envelope = json.loads(golden("opend_positions")[name][HEADER_LENGTH:])
    content: Json = envelope.get("s2c") or envelope["c2s"]
    return content


@asynccontextmanager
async def answering(fake: FakeOpenD, body: bytes) -> AsyncIterator[OpenDInterest]:
    async def script(peer: Peer, frame: Frame, content: Json) -> None:
        await peer.answer(frame, body)

    fake.scripts[ASK] = script
    async with opend_at(fake) as opend:
        yield OpenDInterest(opend, Quota(None, concurrent=8, pause=0))


class TestTheWire:
    async def test_it_is_a_source(self, fake: FakeOpenD) -> None:
        async with opend_at(fake) as opend:
            source: InterestSource = OpenDInterest(opend, Quota(None, concurrent=1))
        assert (source.name, source.title) == ("futu_opend", "Futu OpenD")
        assert (source.page_limit, source.overlap, source.refetchable) == (50, 0, True)
        assert source.pct_basis(Market.HK) == "issued shares"
        assert source.pct_basis(Market.US) == "a base Futu does not name"
        assert source.first_cursor(TENCENT, date(2026, 5, 8)) is None

    async def test_it_asks_as_the_sdk_does(self, fake: FakeOpenD) -> None:
        async with answering(fake, ok({})) as source:
            await source.fetch_page(TENCENT, None, 2)
            await source.fetch_page(TENCENT, "1776960000", 2)
            await source.fetch_page(APPLE, None, 2)
            await source.fetch_page(APPLE, "1711656000", 50)
        names = ("005_c2s_3249_json", "007_c2s_3249_json", "009_c2s_3249_json", "011_c2s_3249_json")
        assert fake.asked_of(ASK) == [recorded(name) for name in names]

    async def test_hong_kongs_page(self, fake: FakeOpenD) -> None:
        async with answering(fake, ok(recorded("006_s2c_3249_json"))) as source:
            page = await source.fetch_page(TENCENT, None, 2)
        assert page.days == [
            Report(date(2026, 4, 30), 51480638, 0.56, 467.8, 479.2),
            Report(date(2026, 4, 24), 52424260, 0.57, 493.4, 495.2),
        ]
        assert (page.cursor, page.unreadable, page.sandbox, page.short_position) == ("1776960000", 0, False, None)

    async def test_a_us_page(self, fake: FakeOpenD) -> None:
        async with answering(fake, ok(recorded("010_s2c_3249_json"))) as source:
            page = await source.fetch_page(APPLE, None, 2)
        assert page.days[0] == Report(
            date(2026, 8, 31),
            146256987,
            0.995,
            333.39,
            330.89,
            average_daily_volume=133835750,
            source_days_to_cover=1.09,
        )
        assert page.cursor == "1786680000"

    async def test_the_last_page_has_no_cursor(self, fake: FakeOpenD) -> None:
        async with answering(fake, ok(recorded("012_s2c_3249_json"))) as source:
            page = await source.fetch_page(APPLE, "1711656000", 50)
        assert [report.date for report in page.days] == [date(2024, 3, 15)]
        assert page.cursor is None

    async def test_an_unknown_code_is_told_of_short_interest(self, fake: FakeOpenD) -> None:
        async with answering(fake, refused("未知股票 NONE1")) as source:
            with pytest.raises(UnknownSecurity, match=r"no short interest for 700\.HK"):
                await source.fetch_page(TENCENT, None, 1)

    async def test_an_opend_that_is_too_old_is_told(self, fake: FakeOpenD) -> None:
        async with answering(fake, refused("未知协议")) as source:
            with pytest.raises(SetupError, match=r"short interest\. Update OpenD to 10\.6"):
                await source.fetch_page(TENCENT, None, 1)


@asynccontextmanager
async def over(gateway: OpenDGateway, seconds: float = 2.0) -> AsyncIterator[OpenDInterest]:
    async with sandboxed(gateway, seconds=seconds) as opend:
        yield OpenDInterest(opend, Quota(None, concurrent=8, pause=0))


async def ask(source: OpenDInterest, symbol: Symbol = TENCENT, count: int = 10) -> list[Report]:
    return (await fetch_back(source, Question(symbol, count))).newest_first[:count]


@pytest.fixture
def gateway() -> OpenDGateway:
    return OpenDGateway(date(2026, 5, 8), limited=False)


class TestTheSandbox:
    async def test_the_published_report_is_the_newest_a_week_later(self, gateway: OpenDGateway) -> None:
        async with over(gateway) as source:
            page = await source.fetch_page(TENCENT, None, 2)
        assert page.days[0] == Report(date(2026, 4, 30), 51480638, 0.56, 467.8, 479.2)
        assert page.days[1].date == date(2026, 4, 24)
        assert page.sandbox

    async def test_us_reports_are_of_settlement_dates(self, gateway: OpenDGateway) -> None:
        async with over(gateway) as source:
            reports = await ask(source, TESLA)
        published = next(report for report in reports if report.date == date(2026, 3, 31))
        assert (published.short_interest, published.average_daily_volume) == (65598603, 62121644)
        assert (published.short_interest_pct, published.source_days_to_cover, published.close) == (1.75, 1.06, 371.75)

    @pytest.mark.parametrize("size", [1, 7, 50])
    async def test_pages_lead_through_the_whole_history(self, gateway: OpenDGateway, size: int) -> None:
        cursor, seen = None, []
        async with over(gateway) as source:
            while True:
                page = await source.fetch_page(TESLA, cursor, size)
                seen += page.days
                if (cursor := page.cursor) is None:
                    break
            gathered = await fetch_back(source, Question(TESLA, 1000))
        assert seen == gathered.newest_first
        assert len({report.date for report in seen}) == len(seen) > 100
        assert gathered.ending is Ending.HISTORY_BEGINS

    @pytest.mark.parametrize("fault", ["colliding_pushes", "tiny_chunks", "duplicates", "unsorted", "overlapping"])
    async def test_what_can_be_read_all_the_same_is_read(self, gateway: OpenDGateway, fault: str) -> None:
        async with over(gateway) as source:
            expected = await ask(source, count=80)
            gateway.fail(fault, on=ASK)
            assert await ask(source, count=80) == expected

    @pytest.mark.parametrize("fault", ONCE)
    async def test_what_passes_is_tried_again(self, gateway: OpenDGateway, fault: str) -> None:
        async with over(gateway) as source:
            expected = await ask(source)
            gateway.fail(fault, times=1, on=ASK)
            assert await ask(source) == expected

    @pytest.mark.parametrize("fault", FAILURES)
    async def test_each_failure_has_its_words_and_leaves_the_source_usable(
        self, gateway: OpenDGateway, fault: str
    ) -> None:
        async with over(gateway, seconds=0.5) as source:
            gateway.fail(fault, seconds=1.0, on=ASK)
            with pytest.raises(FAILURES[fault]) as caught, anyio.fail_after(PATIENCE):
                await ask(source)
            assert not any(mark in str(caught.value) for mark in HOSTILE)
            gateway.faults.clear()
            assert len(await ask(source)) == 10

    @pytest.mark.parametrize("fault", ["nulls", "missing_cells", "wrong_types"])
    async def test_rows_without_readable_figures_are_reports_all_the_same(
        self, gateway: OpenDGateway, fault: str
    ) -> None:
        gateway.fail(fault, on=ASK)
        async with over(gateway) as source:
            page = await source.fetch_page(TENCENT, None, 10)
        assert len(page.days) + page.unreadable == 10
        assert page.unreadable == (fault == "wrong_types")
        for report in page.days:
            assert set(report[1:-1]) == {None}
            assert report.damaged == (fault == "wrong_types")

    async def test_hostile_text_in_rows_stays_outside(self, gateway: OpenDGateway) -> None:
        gateway.fail("hostile_text", on=ASK)
        async with over(gateway) as source:
            page = await source.fetch_page(TENCENT, None, 10)
        assert (len(page.days), page.unreadable) == (10, 1)
        assert not any(mark in repr(page) for mark in HOSTILE)
