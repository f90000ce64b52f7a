"""Short positions over Longbridge's gateway: the published reports exactly, in the market's dates, come what may."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
from pydantic import SecretStr

from mcp_shortvol.domain import errors
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.short_volume import Ending
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.collected import Collected
from mcp_shortvol.history.history import fetch_back
from mcp_shortvol.quotas.quota import Quota
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.sandbox.market.positions import reports
from mcp_shortvol.sandbox.runner import Sandbox
from mcp_shortvol.sources import InterestSource
from mcp_shortvol.sources.http import HttpClient
from mcp_shortvol.sources.longbridge.interest import LongbridgeInterest
from mcp_shortvol.sources.longbridge.signature import AppKey
from tests.conftest import AS_OF
from tests.sources.longbridge.test_source import LASTING, PASSING, TRIED_OUT, UNHARMED

pytestmark = pytest.mark.anyio

TENCENT = Symbol.parse("700.HK")
TESLA = Symbol.parse("TSLA.US")


@pytest.fixture
async def source(gateway: LongbridgeGateway, sandbox: Sandbox) -> AsyncIterator[InterestSource]:
    accepted = gateway.credentials
    key, secret, token = (SecretStr(text) for text in (accepted.app_key, accepted.app_secret, accepted.access_token))
    http = HttpClient("Longbridge", sandbox.environment()["LONGBRIDGE_HTTP_URL"], timeout=0.5)
    yield LongbridgeInterest(http, AppKey(key, secret, token), Quota(None, concurrent=5))
    await http.aclose()


async def gather(
    source: InterestSource, count: int = 5, end: date | None = None, symbol: Symbol = TENCENT
) -> Collected[Report]:
    return await fetch_back(source, Question(symbol, count, None, end))


async def ask(
    source: InterestSource, count: int = 5, end: date | None = None, symbol: Symbol = TENCENT
) -> list[Report]:
    return (await gather(source, count, end, symbol)).newest_first[:count]


class TestReports:
    async def test_teslas_published_reports_are_exact(self, source: InterestSource) -> None:
        assert await ask(source, 3, date(2026, 3, 31), TESLA) == [
            Report(date(2026, 3, 31), 65598603, 1.75, 371.75, None, None, 62121644, 1.06),
            Report(date(2026, 3, 13), 60860404, 1.62, 391.2, None, None, 60676562, 1.0),
            Report(date(2026, 2, 27), 61839735, 1.65, 402.51, None, None, 51533435, 1.2),
        ]

    async def test_tencents_is_exact_on_hong_kongs_own_date(self, source: InterestSource) -> None:
        # Its timestamp is 16:00 of the 13th in UTC.
        assert await ask(source, 1, date(2024, 6, 14)) == [
            Report(date(2024, 6, 14), 53677721, 0.57, 379.8, short_interest_value=20386798436.0)
        ]
        assert await ask(source, 1, date(2024, 6, 13)) != await ask(source, 1, date(2024, 6, 14))

    async def test_what_the_percentage_is_of_differs_by_market(self, source: InterestSource) -> None:
        assert source.pct_basis(TENCENT.market) == "issued shares"
        assert source.pct_basis(TESLA.market) == "shares outstanding"

    async def test_it_is_labelled_as_the_sandboxs(self, source: InterestSource) -> None:
        assert (await gather(source)).sandbox


class TestPaging:
    @pytest.mark.parametrize("inclusive", [True, False])
    async def test_250_reports_come_from_three_pages_however_the_cursor_is_read(
        self, source: InterestSource, gateway: LongbridgeGateway, inclusive: bool
    ) -> None:
        gateway.inclusive = inclusive
        dates = [report.date for report in await ask(source, 250)]
        assert dates == [position.date for position in reports(TENCENT, AS_OF)][:-251:-1]
        assert len(gateway.requests) == 3

    async def test_both_names_of_the_page_size_are_sent_and_within_its_bounds(
        self, source: InterestSource, gateway: LongbridgeGateway
    ) -> None:
        await ask(source, 250)
        for request in gateway.requests:
            assert request.path == "/v1/quote/short-positions/hk"
            assert request.query["count"] == request.query["page_size"]
            assert 1 <= int(request.query["count"]) <= 100

    async def test_the_history_ends_where_it_begins(self, source: InterestSource) -> None:
        gathered = await gather(source, 500, symbol=TESLA)
        assert gathered.ending is Ending.HISTORY_BEGINS
        assert len(gathered.newest_first) == len(reports(TESLA, AS_OF))

    async def test_a_page_that_repeats_for_ever_is_left(
        self, source: InterestSource, gateway: LongbridgeGateway
    ) -> None:
        gateway.fail("repeated_page")
        assert len(await ask(source, 250)) == 100
        assert len(gateway.requests) < 5


class TestFaults:
    @pytest.mark.parametrize("fault", PASSING)
    async def test_what_can_pass_is_tried_again(
        self, source: InterestSource, gateway: LongbridgeGateway, fault: str
    ) -> None:
        expected = await ask(source)
        gateway.requests.clear()
        gateway.fail(fault, times=1, **PASSING[fault])
        assert await ask(source) == expected
        assert len(gateway.requests) == 2

    @pytest.mark.parametrize("fault", LASTING)
    async def test_what_cannot_pass_is_asked_once_and_worded(
        self, source: InterestSource, gateway: LongbridgeGateway, fault: str
    ) -> None:
        kind, what, next_step = LASTING[fault]
        gateway.fail(fault)
        with pytest.raises(kind) as caught:
            await ask(source)
        assert what in str(caught.value)
        assert next_step in str(caught.value)
        assert len(gateway.requests) == 1

    @pytest.mark.parametrize("fault", TRIED_OUT)
    async def test_what_does_not_pass_after_four_attempts_is_worded(
        self, source: InterestSource, gateway: LongbridgeGateway, fault: str
    ) -> None:
        kind, what = TRIED_OUT[fault]
        gateway.fail(fault, retry_after=0)
        with pytest.raises(kind) as caught:
            await ask(source)
        assert what in str(caught.value)
        assert len(gateway.requests) == 4

    @pytest.mark.parametrize("symbol", [TENCENT, TESLA])
    @pytest.mark.parametrize("fault", UNHARMED)
    async def test_rows_in_another_dress_are_the_same_reports(
        self, source: InterestSource, gateway: LongbridgeGateway, fault: str, symbol: Symbol
    ) -> None:
        expected = await ask(source, 120, symbol=symbol)
        gateway.fail(fault)
        assert await ask(source, 120, symbol=symbol) == expected

    @pytest.mark.parametrize("fault", ["nulls", "missing_cells"])
    async def test_missing_figures_are_none(
        self, source: InterestSource, gateway: LongbridgeGateway, fault: str
    ) -> None:
        expected = await ask(source)
        gateway.fail(fault)
        assert await ask(source) == [Report(report.date, None, None, None) for report in expected]

    async def test_cells_of_the_wrong_type_are_damage_and_no_figures(
        self, source: InterestSource, gateway: LongbridgeGateway
    ) -> None:
        gateway.fail("wrong_types", times=1)
        gathered = await gather(source, symbol=TESLA)
        assert gathered.unreadable == 1
        assert any(report.damaged for report in gathered.newest_first)

    @pytest.mark.parametrize("fault", ["empty", "null_data"])
    async def test_no_rows_is_an_answer(self, source: InterestSource, gateway: LongbridgeGateway, fault: str) -> None:
        gateway.fail(fault)
        assert await ask(source) == []

    @pytest.mark.parametrize(
        ("fault", "days_to_cover", "knows_volume"),
        [("sentinel_days_to_cover", 999.99, True), ("no_average_volume", 1000.0, False)],
    )
    async def test_sentinels_are_passed_on_as_the_vendors_own(
        self,
        source: InterestSource,
        gateway: LongbridgeGateway,
        fault: str,
        days_to_cover: float,
        knows_volume: bool,
    ) -> None:
        gateway.fail(fault)
        (report,) = await ask(source, 1, symbol=TESLA)
        assert report.source_days_to_cover == days_to_cover
        assert bool(report.average_daily_volume) is knows_volume
        assert not report.damaged
        assert (await ask(source, 1))[0].source_days_to_cover is None  # Hong Kong has none to spoil

    async def test_a_refused_token_that_cannot_be_renewed_says_so(
        self, source: InterestSource, gateway: LongbridgeGateway
    ) -> None:
        gateway.fail("expired_token")
        with pytest.raises(errors.CredentialsRefused, match="LONGBRIDGE_ACCESS_TOKEN"):
            await ask(source)
