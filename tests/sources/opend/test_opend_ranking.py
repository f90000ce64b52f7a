"""OpenD as a source of rankings: the right question, the recorded answers, names as names, faults in words of ours."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import get_args

import anyio
import pytest

from mcp_shortvol.domain.errors import (
    NotEntitled,
    RateLimited,
    SetupError,
    ShortVolumeError,
    UpstreamChanged,
    UpstreamFault,
)
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.ranking import Direction, OrderBy, Ranked, RankingEnding, RankingResult
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.ranking_pages import fetch_ranking
from mcp_shortvol.quotas.quota import Quota, Rate
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.sources import RankingSource
from mcp_shortvol.sources.opend import OpenDRanking
from mcp_shortvol.sources.opend.frame import HEADER_LENGTH, Frame
from mcp_shortvol.sources.opend.messages import Json, Protocol
from tests.sources.opend.fake_opend import FakeOpenD, Peer, golden, ok, opend_at, refused
from tests.sources.opend.sandboxed import FAILURES, HOSTILE, ONCE, PATIENCE, sandboxed

pytestmark = pytest.mark.anyio

ASK = Protocol.GET_SHORT_SELLING_RANK
ORDERS = get_args(OrderBy)
GME = {"market": 11, "code": "GME"}
# Nothing is asked about a symbol, and no answer has a key to the next page.
RANKING_FAILURES = FAILURES | dict.fromkeys(["unknown_code", "unknown_code_english", "no_data"], UpstreamFault)
del RANKING_FAILURES["odd_cursor"]


def recorded(name: str) -> Json:
    """The content of a recorded packet: an answer's s2c, a question's c2s."""
    envelope = json.loads(golden("opend_positions")[name][HEADER_LENGTH:])
    content: Json = envelope.get("s2c") or envelope["c2s"]
    return content


@asynccontextmanager
async def answering(fake: FakeOpenD, body: bytes) -> AsyncIterator[OpenDRanking]:
    async def script(peer: Peer, frame: Frame, content: Json) -> None:
        await peer.answer(frame, body)

    fake.scripts[ASK] = script
    async with opend_at(fake) as opend:
        yield OpenDRanking(opend, Quota(None, concurrent=8, pause=0))


async def first(source: OpenDRanking, market: Market = Market.US) -> Ranked:
    page = await source.fetch_ranking(market, "short_ratio", "desc", 0, 10)
    return page.rows[0]


class TestTheWire:
    async def test_it_is_a_source(self, fake: FakeOpenD) -> None:
        async with opend_at(fake) as opend:
            source: RankingSource = OpenDRanking(opend, Quota(None, concurrent=1))
        assert (source.name, source.title, source.page_limit) == ("futu_opend", "Futu OpenD", 35)

    async def test_it_asks_as_the_sdk_does(self, fake: FakeOpenD) -> None:
        async with answering(fake, ok({})) as source:
            await source.fetch_ranking(Market.HK, "days_to_cover", "asc", 2, 3)
        assert fake.asked_of(ASK) == [recorded("019_c2s_3415_json")]

    @pytest.mark.parametrize(("count", "asked"), [(-1, 1), (0, 1), (35, 35), (100, 35)])
    async def test_a_page_asks_for_one_to_thirty_five_names(self, fake: FakeOpenD, count: int, asked: int) -> None:
        async with answering(fake, ok({})) as source:
            await source.fetch_ranking(Market.US, "short_ratio", "desc", 0, count)
        assert fake.asked_of(ASK)[0]["count"] == asked

    async def test_a_recorded_name(self, fake: FakeOpenD) -> None:
        async with answering(fake, ok(recorded("020_s2c_3415_json"))) as source:
            page = await source.fetch_ranking(Market.HK, "days_to_cover", "asc", 2, 3)
        assert page.rows[0] == Ranked(
            symbol=Symbol("60039", Market.HK),
            name="假股60039",
            close=345.94,
            change_pct=0.859,
            change_5d_pct=8.165,
            change_10d_pct=-8.58,
            volume=47416448,
            short_volume=8911398,
            short_volume_change=1956814,
            short_ratio_pct=18.794,
            short_ratio_change=28.137,
            short_interest=16933354,
            short_interest_pct=1.139,
            days_to_cover=0.31,
            week_average_short_volume=6915930,
            week_average_short_ratio_pct=15.0,
            month_average_short_volume=7622834,
            month_average_short_ratio_pct=14.0,
        )
        assert (len(page.rows), page.total, page.unreadable, page.sandbox) == (3, 90, 0, False)

    @pytest.mark.parametrize(
        "name",
        ["016_s2c_3415_json", "018_s2c_3415_json", "020_s2c_3415_json", "022_s2c_3415_json", "032_s2c_3415_json"],
    )
    async def test_every_recorded_name_is_read_whole(self, fake: FakeOpenD, name: str) -> None:
        content = recorded(name)
        market = Market.HK if name.startswith("020") else Market.US
        async with answering(fake, ok(content)) as source:
            page = await source.fetch_ranking(market, "short_ratio", "desc", 0, 35)
        items = content["dataList"]
        assert isinstance(items, list)
        assert [row.symbol.futu_code for row in page.rows] == [item["security"]["code"] for item in items]
        assert [row.short_volume_change for row in page.rows] == [int(item["shortNumberChange"]) for item in items]
        assert not any(row.damaged or None in row for row in page.rows)
        assert page.total == content["allCount"]

    async def test_a_name_may_have_no_figures_and_no_name(self, fake: FakeOpenD) -> None:
        async with answering(fake, ok(recorded("024_s2c_3415_json"))) as source:
            page = await source.fetch_ranking(Market.US, "short_ratio", "desc", 118, 35)
        assert page.rows[0].short_volume_change == -8466928
        assert page.rows[1] == Ranked(Symbol("NVDA", Market.US), "")

    async def test_beyond_the_end_there_are_none(self, fake: FakeOpenD) -> None:
        async with answering(fake, ok(recorded("026_s2c_3415_json"))) as source:
            page = await source.fetch_ranking(Market.US, "short_ratio", "desc", 120, 35)
        assert (page.rows, page.total) == ([], 120)

    async def test_no_names_at_all_are_an_answer(self, fake: FakeOpenD) -> None:
        async with answering(fake, ok({"allCount": 0})) as source:
            found = await fetch_ranking(source, Market.US, "short_ratio", "desc", 10)
        assert (found.rows, found.total, found.complete) == ([], 0, True)

    @pytest.mark.parametrize(
        ("security", "symbol"),
        [
            ({"market": 1, "code": "00005"}, "5.HK"),
            ({"market": "1", "code": "89988"}, "89988.HK"),
            ({"market": 11, "code": "BRK.B"}, None),
            ({"market": 1, "code": "00000"}, None),
            ({"market": 1, "code": "700700"}, None),
            ({"market": 1, "code": "７００"}, None),
            ({"market": 21, "code": "00700"}, None),
            ({"market": True, "code": "00700"}, None),
            ({"market": 1}, None),
            ({"market": 1, "code": 700}, None),
            (None, None),
            ("HK.00700", None),
        ],
    )
    async def test_a_security_is_one_of_the_market_or_cannot_be_read(
        self, fake: FakeOpenD, security: object, symbol: str | None
    ) -> None:
        tencent = {"security": {"market": 1, "code": "00700"}}
        async with answering(fake, ok({"dataList": [tencent, {"security": security}], "allCount": 2})) as source:
            page = await source.fetch_ranking(Market.HK, "short_ratio", "desc", 0, 35)
        assert [str(row.symbol) for row in page.rows] == ["700.HK", *([symbol] if symbol else [])]
        assert page.unreadable == (symbol is None)

    @pytest.mark.parametrize("code", ["BRK.B", "GME", "BAC-L", "FK118"])
    async def test_us_codes_stay_as_they_are(self, fake: FakeOpenD, code: str) -> None:
        async with answering(fake, ok({"dataList": [{"security": {"market": 11, "code": code}}]})) as source:
            assert str((await first(source)).symbol) == f"{code}.US"

    @pytest.mark.parametrize("days", [999.99, 1000, "1000.00", 1e6])
    async def test_a_sentinel_is_no_reading_and_no_damage(self, fake: FakeOpenD, days: object) -> None:
        async with answering(fake, ok({"dataList": [{"security": GME, "daysToCover": days}]})) as source:
            row = await first(source)
        assert (row.days_to_cover, row.damaged) == (None, False)

    @pytest.mark.parametrize(
        "damage",
        [
            {"volume": "-5"},
            {"shortNumber": -1},
            {"shortRatio": -0.1},
            {"shortNumberChange": "--5"},
            {"shortNumberChange": 1.5},
            {"changeRatio": "NaN"},
            {"daysToCover": []},
        ],
    )
    async def test_a_damaged_figure_marks_its_name(self, fake: FakeOpenD, damage: Json) -> None:
        async with answering(fake, ok({"dataList": [{"security": GME, "closePrice": 20.4, **damage}]})) as source:
            row = await first(source)
        assert row == Ranked(Symbol("GME", Market.US), "", close=20.4, damaged=True)

    @pytest.mark.parametrize("total", [None, -1, "many", [], True])
    async def test_a_total_that_cannot_be_read_is_not_known(self, fake: FakeOpenD, total: object) -> None:
        async with answering(fake, ok({"dataList": [{"security": GME}], "allCount": total})) as source:
            page = await source.fetch_ranking(Market.US, "short_ratio", "desc", 0, 1)
        assert page.total is None

    async def test_further_down_names_that_cannot_be_read_do_not_spoil_the_rest(self, fake: FakeOpenD) -> None:
        async with answering(fake, ok({"dataList": [{"security": 7}], "allCount": 36})) as source:
            page = await source.fetch_ranking(Market.US, "short_ratio", "desc", 35, 1)
            assert (page.rows, page.unreadable) == ([], 1)
            with pytest.raises(UpstreamChanged, match="ranking"):
                await first(source)

    @pytest.mark.parametrize(
        ("text", "kind", "words"),
        [
            ("频率太高，请求失败，每30秒最多60次。", RateLimited, "60 requests in 30 seconds"),
            ("行情权限不足", NotEntitled, "quotes of US stocks"),
            ("未知协议", SetupError, "Update OpenD to 10.8"),
            ("没有数据", UpstreamFault, "no short selling ranking of US stocks"),
            ("count is out of range", UpstreamFault, "Check OpenD's own log"),
            ("<script>", UpstreamFault, "the short selling ranking of US stocks"),
        ],
    )
    async def test_each_refusal_has_its_own_words(
        self, fake: FakeOpenD, text: str, kind: type[ShortVolumeError], words: str
    ) -> None:
        async with answering(fake, refused(text)) as source:
            with pytest.raises(kind) as caught, anyio.fail_after(PATIENCE):
                await first(source)
        assert words in str(caught.value)
        assert "script" not in str(caught.value)

    @pytest.mark.parametrize(("version", "kind"), [(1007, SetupError), (1008, UpstreamFault), (1011, UpstreamFault)])
    async def test_an_opend_that_refuses_in_words_of_its_own_may_be_too_old(
        self, fake: FakeOpenD, version: int, kind: type[ShortVolumeError]
    ) -> None:
        fake.greeting["serverVer"] = version
        async with answering(fake, refused("?")) as source:
            with pytest.raises(kind) as caught:
                await first(source)
        assert ("10.8" in str(caught.value)) == (kind is SetupError)

    async def test_pages_wait_for_the_quota_and_say_so(self, fake: FakeOpenD) -> None:
        waits: list[float] = []

        async def on_wait(seconds: float) -> None:
            waits.append(seconds)

        async with opend_at(fake) as opend, answering(fake, ok({})):
            source = OpenDRanking(opend, Quota(Rate(2, 0.05), concurrent=1))
            for _ in range(3):
                await source.fetch_ranking(Market.US, "volume", "desc", 0, 1, on_wait)
        assert len(waits) == 1


@asynccontextmanager
async def over(gateway: OpenDGateway, seconds: float = 2.0) -> AsyncIterator[OpenDRanking]:
    async with sandboxed(gateway, seconds=seconds) as opend:
        yield OpenDRanking(opend, Quota(None, concurrent=8, pause=0))


async def ask(source: OpenDRanking, wanted: int = 60) -> RankingResult:
    return await fetch_ranking(source, Market.HK, "short_volume", "desc", wanted)


def pages(gateway: OpenDGateway) -> list[tuple[object, object]]:
    asked = [request.c2s for request in gateway.requests if request.protocol == ASK]
    return [(c2s["offset"], c2s["count"]) for c2s in asked]


@pytest.fixture
def gateway() -> OpenDGateway:
    return OpenDGateway(date(2026, 6, 12), limited=False)


class TestTheSandbox:
    @pytest.mark.parametrize("direction", ["desc", "asc"])
    @pytest.mark.parametrize("order_by", ORDERS)
    async def test_the_names_come_in_the_order_asked_for(
        self, gateway: OpenDGateway, order_by: OrderBy, direction: Direction
    ) -> None:
        async with over(gateway) as source:
            found = await fetch_ranking(source, Market.US, order_by, direction, 100)
        figures = [row.figure(order_by) for row in found.rows]
        known = [figure for figure in figures if figure is not None]
        assert known == sorted(known, reverse=direction == "desc")
        assert len(known) > 90

    async def test_a_hundred_names_are_three_pages(self, gateway: OpenDGateway) -> None:
        async with over(gateway) as source:
            found = await ask(source, 100)
        assert pages(gateway) == [(0, 35), (35, 35), (70, 30)]
        assert len({row.symbol for row in found.rows}) == 100
        assert (found.source, found.ending, found.complete) == ("sandbox:futu_opend", RankingEnding.COVERED, True)
        assert "騰訊控股" in {row.name for row in found.rows}

    async def test_a_hundred_names_of_a_list_that_moves_are_at_most_four(self, gateway: OpenDGateway) -> None:
        gateway.moving_list = True
        async with over(gateway) as source:
            found = await ask(source, 100)
            still = await source.fetch_ranking(Market.HK, "short_volume", "desc", 35, 1)
        assert len(pages(gateway)) - 1 <= 4
        assert len({row.symbol for row in found.rows}) == len(found.rows) == 100
        assert still.rows[0].symbol != found.rows[35].symbol

    async def test_the_whole_list_is_read_to_its_end_without_the_rmb_counters(self, gateway: OpenDGateway) -> None:
        def rmb(row: Ranked) -> str | None:
            return "RMB counters" if row.name.endswith("R") else None

        async with over(gateway) as source:
            found = await fetch_ranking(source, Market.HK, "short_ratio", "desc", 1000, rmb)
        assert found.total == len(found.rows) + found.left_out["RMB counters"]
        assert found.left_out["RMB counters"] > 20
        assert found.ending is RankingEnding.LIST_ENDS

    @pytest.mark.parametrize("fault", ["colliding_pushes", "tiny_chunks", "duplicates"])
    async def test_what_can_be_read_all_the_same_is_read(self, gateway: OpenDGateway, fault: str) -> None:
        async with over(gateway) as source:
            expected = await ask(source, 30)
            gateway.fail(fault, on=ASK, times=1)
            assert (await ask(source, 30)).rows == expected.rows

    @pytest.mark.parametrize("fault", ONCE)
    async def test_what_passes_is_tried_again(self, gateway: OpenDGateway, fault: str) -> None:
        async with over(gateway) as source:
            expected = await ask(source)
            gateway.fail(fault, times=1, on=ASK)
            assert (await ask(source)).rows == expected.rows

    @pytest.mark.parametrize("fault", RANKING_FAILURES)
    async def test_each_failure_has_its_words_and_leaves_the_source_usable(
        self, gateway: OpenDGateway, fault: str
    ) -> None:
        async with over(gateway, seconds=0.5) as source:
            gateway.fail(fault, seconds=1.0, on=ASK)
            with pytest.raises(RANKING_FAILURES[fault]) as caught, anyio.fail_after(PATIENCE):
                await ask(source)
            assert not any(mark in str(caught.value) for mark in HOSTILE)
            gateway.faults.clear()
            assert len((await ask(source)).rows) == 60

    @pytest.mark.parametrize("fault", ["nulls", "missing_cells", "wrong_types"])
    async def test_names_without_readable_figures_are_names_all_the_same(
        self, gateway: OpenDGateway, fault: str
    ) -> None:
        gateway.fail(fault, on=ASK)
        async with over(gateway) as source:
            page = await source.fetch_ranking(Market.HK, "short_volume", "desc", 0, 10)
        assert len(page.rows) + page.unreadable == 10
        assert page.unreadable == (fault == "wrong_types")
        for row in page.rows:
            assert row.damaged == (fault == "wrong_types")
            assert row.name == ""

    async def test_rows_that_are_none_are_counted(self, gateway: OpenDGateway) -> None:
        gateway.fail("null_rows", on=ASK)
        async with over(gateway) as source:
            page = await source.fetch_ranking(Market.HK, "short_volume", "desc", 0, 10)
        assert (len(page.rows), page.unreadable) == (10, 2)

    async def test_an_upstream_that_goes_in_circles_is_left(self, gateway: OpenDGateway) -> None:
        gateway.fail("circling", on=ASK)
        async with over(gateway) as source:
            found = await ask(source, 100)
        assert (len(found.rows), found.ending) == (35, RankingEnding.STALLED)
        assert len(pages(gateway)) == 4

    async def test_hostile_names_become_names(self, gateway: OpenDGateway) -> None:
        gateway.fail("hostile_text", on=ASK)
        async with over(gateway) as source:
            page = await source.fetch_ranking(Market.HK, "short_volume", "desc", 0, 10)
        assert (len(page.rows), page.unreadable) == (10, 1)
        for row in page.rows:
            assert len(row.name) <= 40
            assert row.name.isprintable()
            assert not set(row.name) & set("<>[")
