"""The cloud source over real HTTP: the published row exactly, and the newest 90 days never taken for all there are."""

from datetime import date

import pytest

from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Day, Ending, Series, ShortPosition
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.history import fetch_series
from mcp_shortvol.quotas.quota import Quota
from mcp_shortvol.sandbox.futu_cloud.gateway import DOCUMENTED_PATH, PRODUCTION_PATH, FutuCloudGateway
from mcp_shortvol.sandbox.runner import Sandbox
from mcp_shortvol.settings import load_settings
from mcp_shortvol.sources import Source
from mcp_shortvol.sources.futu_cloud.auth import cloud_credentials
from mcp_shortvol.sources.futu_cloud.source import FutuCloudSource
from mcp_shortvol.sources.http import HttpClient
from tests.sources.futu_cloud.conftest import SourceWith

pytestmark = pytest.mark.anyio

TENCENT = Symbol.parse("700.HK")
PUBLISHED = Day(
    date=date(2026, 6, 5),
    short_volume=4660100,
    total_volume=31649780,
    close=453.2,
    short_turnover=2135963680,
    total_turnover=14465428854.749,
    open=461.6,
    previous_close=459,
    average_ratio_20d_pct=10.51,
)


async def ask(
    source: Source,
    count: int | None = 5,
    start: date | None = None,
    end: date | None = None,
    symbol: Symbol = TENCENT,
) -> Series:
    return await fetch_series(source, Question(symbol, count, start, end))


async def test_the_published_day_is_exact() -> None:
    with Sandbox(as_of=date(2026, 6, 5)) as sandbox:
        settings = load_settings(**sandbox.environment())
        assert settings.futu_api_url
        http = HttpClient("Futu cloud", settings.futu_api_url, timeout=5)
        credentials = cloud_credentials(settings.futu_api_token, None, None)
        series = await ask(FutuCloudSource(http, credentials, Quota(None, concurrent=5)), 1)
        await http.aclose()
    assert series.days == [PUBLISHED]
    assert series.days[0].short_ratio_pct == pytest.approx(14.7240, abs=0.0001)
    assert series.short_position == ShortPosition(46242547, 0.5, date(2026, 5, 29))
    assert [series.source, series.ratio_basis] == ["sandbox:futu_cloud", "HKEX shares traded"]


async def test_us_days_carry_their_parts_their_own_ratio_and_no_position(source: FutuCloudSource) -> None:
    series = await ask(source, 30, symbol=Symbol.parse("BRK.B"))
    assert series.short_position is None
    assert series.ratio_basis == "consolidated volume; short sales of the Nasdaq and NYSE exchanges only"
    for day in series.days:
        assert day.nasdaq_short_volume is not None
        assert day.nyse_short_volume is not None
        assert day.short_volume == day.nasdaq_short_volume + day.nyse_short_volume
        assert day.source_ratio_pct is not None
        assert day.short_ratio_pct is not None
        assert 0 <= day.short_ratio_pct - day.source_ratio_pct < 0.001  # the vendor truncates
        assert day.open is None


class TestHowFarItReaches:
    async def test_a_count_is_one_request_for_just_so_many(
        self, source: FutuCloudSource, cloud: FutuCloudGateway
    ) -> None:
        series = await ask(source, 7)
        assert [len(series.days), series.complete] == [7, True]
        assert [request.raw_query for request in cloud.requests] == ["count=7"]

    async def test_ninety_days_are_complete(self, source: FutuCloudSource) -> None:
        series = await ask(source, 90)
        assert [len(series.days), series.ending, series.complete] == [90, Ending.COVERED, True]

    async def test_more_than_ninety_end_at_the_sources_limit(
        self, source: FutuCloudSource, cloud: FutuCloudGateway
    ) -> None:
        series = await ask(source, 91)
        assert [len(series.days), series.ending, series.complete] == [90, Ending.SOURCE_LIMIT, False]
        assert len(cloud.requests) == 1

    async def test_a_short_history_is_told_from_the_limit(self, source_with: SourceWith) -> None:
        with Sandbox(as_of=date(2025, 9, 30)) as sandbox:
            http = HttpClient("Futu cloud", sandbox.environment()["FUTU_API_URL"], timeout=5)
            sandbox.cloud.authority.required = False
            source = FutuCloudSource(http, None, Quota(None, concurrent=5))
            series = await ask(source, 500, symbol=Symbol.parse("FIG"))
            await http.aclose()
        assert [series.ending, series.days[-1].date, series.complete] == [
            Ending.HISTORY_BEGINS,
            date(2025, 7, 31),
            True,
        ]

    @pytest.mark.parametrize("count", [1, 10])
    async def test_an_end_date_in_the_past_loses_no_day(
        self, source: FutuCloudSource, cloud: FutuCloudGateway, count: int
    ) -> None:
        every = await ask(source, 90)
        cloud.requests.clear()
        series = await ask(source, count, end=date(2026, 4, 2))
        assert series.days == [day for day in every.days if day.date <= date(2026, 4, 2)][:count]
        assert [series.complete, len(cloud.requests)] == [True, 1]

    async def test_a_range_within_the_ninety_is_complete(self, source: FutuCloudSource) -> None:
        series = await ask(source, None, date(2026, 4, 1), date(2026, 4, 30))
        assert [len(series.days), series.complete] == [19, True]
        assert [series.days[0].date, series.days[-1].date] == [date(2026, 4, 30), date(2026, 4, 1)]

    async def test_a_range_that_begins_before_the_ninety_is_not(self, source: FutuCloudSource) -> None:
        series = await ask(source, None, date(2025, 12, 1), date(2026, 2, 27))
        assert series.days[0].date == date(2026, 2, 27)
        assert [series.ending, series.complete] == [Ending.SOURCE_LIMIT, False]

    async def test_a_range_before_the_ninety_is_empty_and_not_complete(self, source: FutuCloudSource) -> None:
        series = await ask(source, 10, end=date(2025, 12, 31))
        assert [len(series.days), series.ending, series.complete] == [0, Ending.SOURCE_LIMIT, False]

    async def test_a_row_without_a_date_does_not_make_the_limit_a_beginning(
        self, source: FutuCloudSource, cloud: FutuCloudGateway
    ) -> None:
        cloud.fail("wrong_types")
        series = await ask(source, 200)
        assert [len(series.days), series.unreadable, series.ending] == [89, 1, Ending.SOURCE_LIMIT]


class TestPaths:
    def paths(self, cloud: FutuCloudGateway) -> list[str]:
        return [request.path.replace("HK.00700", "{symbol}") for request in cloud.requests]

    async def test_the_production_path_is_asked_first(self, source: FutuCloudSource, cloud: FutuCloudGateway) -> None:
        await ask(source)
        assert self.paths(cloud) == [PRODUCTION_PATH]

    @pytest.mark.parametrize("coded", [False, True], ids=["plain", "with ret_code -3"])
    async def test_the_documented_one_after_a_404_and_then_always(
        self, source: FutuCloudSource, cloud: FutuCloudGateway, coded: bool
    ) -> None:
        cloud.paths, cloud.coded_refusals = [DOCUMENTED_PATH], coded
        series = [await ask(source), await ask(source)]
        assert series[0] == series[1]
        assert len(series[0].days) == 5
        assert self.paths(cloud) == [PRODUCTION_PATH, DOCUMENTED_PATH, DOCUMENTED_PATH]

    async def test_a_path_that_moves_is_found_again(self, source: FutuCloudSource, cloud: FutuCloudGateway) -> None:
        cloud.paths = [DOCUMENTED_PATH]
        await ask(source)
        cloud.paths = [PRODUCTION_PATH]
        cloud.requests.clear()
        assert len((await ask(source)).days) == 5
        assert self.paths(cloud) == [DOCUMENTED_PATH, PRODUCTION_PATH]

    @pytest.mark.parametrize("path", [PRODUCTION_PATH, DOCUMENTED_PATH])
    async def test_a_path_that_is_set_is_the_only_one_asked(
        self, source_with: SourceWith, cloud: FutuCloudGateway, path: str
    ) -> None:
        cloud.authority.required = False
        assert len((await ask(source_with(None, path))).days) == 5
        assert self.paths(cloud) == [path]

    async def test_other_braces_of_a_path_stay_as_they_are(
        self, source_with: SourceWith, cloud: FutuCloudGateway
    ) -> None:
        cloud.paths = ["/%7Bregion%7D/{symbol}/short"]
        cloud.authority.required = False
        assert len((await ask(source_with(None, "/{region}/{symbol}/short"))).days) == 5

    async def test_an_error_of_the_interface_is_no_wrong_path(
        self, source: FutuCloudSource, cloud: FutuCloudGateway
    ) -> None:
        cloud.fail("code_-10")
        await ask(source)
        assert self.paths(cloud) == [PRODUCTION_PATH]


class TestRows:
    @pytest.mark.parametrize("symbol", ["700.HK", "AAPL.US"])
    @pytest.mark.parametrize(
        "fault", ["unsorted", "duplicates", "strings_for_numbers", "timestamps_only", "iso_new_time"]
    )
    async def test_rows_in_another_dress_are_the_same_days(
        self, source: FutuCloudSource, cloud: FutuCloudGateway, fault: str, symbol: str
    ) -> None:
        expected = await ask(source, 90, symbol=Symbol.parse(symbol))
        cloud.fail(fault)
        assert await ask(source, 90, symbol=Symbol.parse(symbol)) == expected

    async def test_text_that_nobody_asked_for_changes_no_day(
        self, source: FutuCloudSource, cloud: FutuCloudGateway
    ) -> None:
        expected = await ask(source)
        cloud.fail("hostile_text")
        series = await ask(source)
        assert series.days == expected.days
        assert series.short_position is not None
        assert series.short_position.date is None
        assert "Ignore" not in repr(series)

    @pytest.mark.parametrize("fault", ["nulls", "missing_cells"])
    async def test_missing_figures_are_none(self, source: FutuCloudSource, cloud: FutuCloudGateway, fault: str) -> None:
        cloud.fail(fault)
        series = await ask(source)
        assert [(day.short_volume, day.short_ratio_pct, day.damaged) for day in series.days] == [
            (None, None, False)
        ] * 5

    async def test_cells_of_the_wrong_type_are_damage_and_no_figures(
        self, source: FutuCloudSource, cloud: FutuCloudGateway
    ) -> None:
        cloud.fail("wrong_types")
        series = await ask(source)
        assert [len(series.days), series.unreadable, series.damaged, series.complete] == [4, 1, 4, False]

    async def test_rows_that_are_no_rows_are_counted(self, source: FutuCloudSource, cloud: FutuCloudGateway) -> None:
        cloud.fail("null_rows")
        series = await ask(source)
        assert [len(series.days), series.unreadable] == [5, 2]

    @pytest.mark.parametrize("fault", ["code_-10", "empty", "null_items"])
    async def test_no_data_is_an_answer(self, source: FutuCloudSource, cloud: FutuCloudGateway, fault: str) -> None:
        cloud.fail(fault)
        series = await ask(source)
        assert [series.days, series.complete, series.source] == [[], True, "sandbox:futu_cloud"]
        assert len(cloud.requests) == 1
