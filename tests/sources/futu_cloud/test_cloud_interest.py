"""Short interest over the cloud: the published report exactly, and the newest 90 never taken for all there are."""

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
from mcp_shortvol.sandbox.futu_cloud.gateway import INTEREST_PATHS, FutuCloudGateway
from mcp_shortvol.sandbox.market.positions import reports
from mcp_shortvol.sandbox.runner import Sandbox
from mcp_shortvol.sources import InterestSource
from mcp_shortvol.sources.futu_cloud.auth import BearerToken
from mcp_shortvol.sources.futu_cloud.interest import FutuCloudInterest
from mcp_shortvol.sources.http import HttpClient
from tests.conftest import AS_OF
from tests.sources.futu_cloud.test_futu_cloud_failures import LASTING, PASSING

pytestmark = pytest.mark.anyio

TENCENT = Symbol.parse("700.HK")
TESLA = Symbol.parse("TSLA.US")
PRODUCTION, DOCUMENTED = INTEREST_PATHS


@pytest.fixture
async def interest(cloud: FutuCloudGateway, sandbox: Sandbox) -> AsyncIterator[InterestSource]:
    http = HttpClient("Futu cloud", sandbox.environment()["FUTU_API_URL"], timeout=0.5)
    yield FutuCloudInterest(http, BearerToken(SecretStr(cloud.authority.token)), Quota(None, concurrent=5))
    await http.aclose()


async def gather(
    source: InterestSource, count: int = 5, end: date | None = None, symbol: Symbol = TENCENT
) -> Collected[Report]:
    return await fetch_back(source, Question(symbol, count, None, end))


async def ask(
    source: InterestSource, count: int = 5, end: date | None = None, symbol: Symbol = TENCENT
) -> list[Report]:
    return (await gather(source, count, end, symbol)).newest_first[:count]


def paths(cloud: FutuCloudGateway) -> list[str]:
    return [request.path.replace("HK.00700", "{symbol}") for request in cloud.requests]


class TestReports:
    async def test_tencents_published_report_is_exact_and_the_row_before_is_the_24ths(
        self, interest: InterestSource
    ) -> None:
        newest, before = await ask(interest, 2, date(2026, 4, 30))
        assert newest == Report(date(2026, 4, 30), 51480638, 0.56, 467.8, 479.2)
        assert before.date == date(2026, 4, 24)

    async def test_us_reports_carry_the_average_volume_and_the_vendors_days_to_cover(
        self, interest: InterestSource
    ) -> None:
        (report,) = await ask(interest, 1, date(2026, 3, 31), TESLA)
        assert report == Report(date(2026, 3, 31), 65598603, 1.75, 371.75, 372.53, None, 62121644, 1.06)

    async def test_what_the_percentage_is_of_differs_by_market(self, interest: InterestSource) -> None:
        assert interest.pct_basis(TENCENT.market) == "issued shares"
        assert interest.pct_basis(TESLA.market) == "a base Futu does not name"

    async def test_it_is_labelled_as_the_sandboxs(self, interest: InterestSource) -> None:
        assert (await gather(interest)).sandbox


class TestHowFarItReaches:
    async def test_a_count_is_one_request_for_just_so_many(
        self, interest: InterestSource, cloud: FutuCloudGateway
    ) -> None:
        assert len(await ask(interest, 7)) == 7
        assert [request.raw_query for request in cloud.requests] == ["count=7"]

    async def test_more_than_ninety_end_at_the_sources_limit(self, interest: InterestSource) -> None:
        gathered = await gather(interest, 91)
        assert [len(gathered.newest_first), gathered.ending] == [90, Ending.SOURCE_LIMIT]
        assert gathered.newest_first[-1].date == reports(TENCENT, AS_OF)[-90].date

    async def test_a_short_history_is_told_from_the_limit(self, interest: InterestSource) -> None:
        assert (await gather(interest, 90, symbol=Symbol.parse("FIG.US"))).ending is Ending.HISTORY_BEGINS


class TestPaths:
    async def test_the_production_path_is_asked_first(self, interest: InterestSource, cloud: FutuCloudGateway) -> None:
        await ask(interest)
        assert paths(cloud) == [PRODUCTION]

    async def test_the_documented_one_after_a_404_and_then_always(
        self, interest: InterestSource, cloud: FutuCloudGateway
    ) -> None:
        cloud.interest_paths = [DOCUMENTED]
        assert await ask(interest) == await ask(interest)
        assert paths(cloud) == [PRODUCTION, DOCUMENTED, DOCUMENTED]

    async def test_without_either_the_settings_are_named(
        self, interest: InterestSource, cloud: FutuCloudGateway
    ) -> None:
        cloud.interest_paths = []
        with pytest.raises(errors.NotConfigured, match="HTTP 404"):
            await ask(interest)


class TestFaults:
    @pytest.mark.usefixtures("_without_pauses")
    @pytest.mark.parametrize("fault", PASSING)
    async def test_what_can_pass_is_tried_again(
        self, interest: InterestSource, cloud: FutuCloudGateway, fault: str
    ) -> None:
        expected = await ask(interest)
        cloud.requests.clear()
        cloud.fail(fault, times=1, **PASSING[fault])
        assert await ask(interest) == expected
        assert len(cloud.requests) == 2

    @pytest.mark.parametrize("fault", LASTING)
    async def test_what_cannot_pass_is_asked_once_and_worded(
        self, interest: InterestSource, cloud: FutuCloudGateway, fault: str
    ) -> None:
        kind, what, next_step = LASTING[fault]
        cloud.fail(fault)
        with pytest.raises(kind) as caught:
            await ask(interest)
        assert what in caught.value.what
        assert next_step in caught.value.next_step
        assert len(cloud.requests) == 1

    @pytest.mark.parametrize("symbol", [TENCENT, TESLA])
    @pytest.mark.parametrize(
        "fault", ["unsorted", "duplicates", "strings_for_numbers", "timestamps_only", "hostile_text"]
    )
    async def test_rows_in_another_dress_are_the_same_reports(
        self, interest: InterestSource, cloud: FutuCloudGateway, fault: str, symbol: Symbol
    ) -> None:
        expected = await ask(interest, 60, symbol=symbol)
        cloud.fail(fault)
        assert await ask(interest, 60, symbol=symbol) == expected

    @pytest.mark.parametrize("fault", ["nulls", "missing_cells"])
    async def test_missing_figures_are_none(
        self, interest: InterestSource, cloud: FutuCloudGateway, fault: str
    ) -> None:
        expected = await ask(interest)
        cloud.fail(fault)
        assert await ask(interest) == [Report(report.date, None, None, None) for report in expected]

    async def test_cells_of_the_wrong_type_are_damage_and_no_figures(
        self, interest: InterestSource, cloud: FutuCloudGateway
    ) -> None:
        cloud.fail("wrong_types")
        gathered = await gather(interest, symbol=TESLA)
        assert [len(gathered.newest_first), gathered.unreadable] == [4, 1]
        assert all(report.damaged for report in gathered.newest_first)

    @pytest.mark.parametrize("fault", ["code_-10", "empty", "null_items"])
    async def test_no_data_is_an_answer(self, interest: InterestSource, cloud: FutuCloudGateway, fault: str) -> None:
        cloud.fail(fault)
        assert await ask(interest) == []

    @pytest.mark.parametrize(
        ("fault", "days_to_cover", "knows_volume"),
        [("sentinel_days_to_cover", 999.99, True), ("no_average_volume", 1000.0, False)],
    )
    async def test_sentinels_are_passed_on_as_the_vendors_own(
        self,
        interest: InterestSource,
        cloud: FutuCloudGateway,
        fault: str,
        days_to_cover: float,
        knows_volume: bool,
    ) -> None:
        cloud.fail(fault)
        (report,) = await ask(interest, 1, symbol=TESLA)
        assert report.source_days_to_cover == days_to_cover
        assert bool(report.average_daily_volume) is knows_volume
        assert (await ask(interest, 1))[0].source_days_to_cover is None  # Hong Kong has none to spoil
