"""FINRA over real HTTP: one request a year, pages, the window's end, credentials, and each failure in words."""

import json
from collections.abc import AsyncIterator
from datetime import date, timedelta

import anyio
import pytest

from mcp_shortvol.domain import errors
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Ending, Series
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.history import fetch_back, fetch_series
from mcp_shortvol.sandbox.finra.gateway import MOST_RECORDS, FinraGateway
from mcp_shortvol.settings import load_settings
from mcp_shortvol.sources import Vendor
from mcp_shortvol.sources.finra.api import FinraApi, _Page
from mcp_shortvol.sources.finra.market import read_market
from mcp_shortvol.sources.finra.records import DATE, FACILITY, SHORT, SYMBOL, TOTAL
from mcp_shortvol.upstreams import Upstreams
from tests.conftest import AS_OF

pytestmark = pytest.mark.anyio

APPLE = Symbol.parse("AAPL")
DATA = "/data/group/otcMarket/name/"


@pytest.fixture(autouse=True)
def _the_sandbox_s_last_day_is_yesterday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Market, "today", lambda _market: AS_OF + timedelta(1))


@pytest.fixture
async def vendor(finra: FinraGateway, environment: dict[str, str]) -> AsyncIterator[Vendor]:
    async with Upstreams(load_settings(SHORTVOL_TIMEOUT="1")) as upstreams:
        yield await upstreams.open("finra", Market.US)


async def ask(vendor: Vendor, count: int | None = 5, start: date | None = None, end: date | None = None) -> Series:
    return await fetch_series(vendor.volume, Question(APPLE, count, start, end))


def bodies(finra: FinraGateway) -> list[dict[str, object]]:
    return [json.loads(request.body) for request in finra.requests]


class TestDays:
    async def test_the_real_day(self, vendor: Vendor) -> None:
        (day,) = (await ask(vendor, None, date(2026, 5, 15), date(2026, 5, 15))).days
        assert (day.short_volume, day.total_volume, day.exempt_short_volume) == (8_714_049, 16_275_823, 41_327)
        assert round(day.short_ratio_pct or 0, 2) == 53.54
        assert day.close is None

    async def test_a_year_is_one_request(self, vendor: Vendor, finra: FinraGateway) -> None:
        series = await ask(vendor, 250)
        assert [len(series.days), series.ending] == [250, Ending.COVERED]
        assert len(finra.requests) == 1
        (body,) = bodies(finra)
        assert "sortFields" not in body
        assert body["limit"] == MOST_RECORDS

    async def test_beyond_365_days_it_is_incomplete_and_says_the_way(self, vendor: Vendor) -> None:
        series = await ask(vendor, 300)
        assert [series.complete, series.ending] == [False, Ending.SOURCE_LIMIT]
        assert 249 <= len(series.days) <= 253
        assert "365 days only" in series.older_rows

    async def test_a_history_that_begins_inside_the_year_is_complete(self, vendor: Vendor) -> None:
        figma = Question(Symbol.parse("FIG"), 300)
        series = await fetch_series(vendor.volume, figma)
        assert [series.complete, series.ending, str(series.days[-1].date)] == [
            True,
            Ending.HISTORY_BEGINS,
            "2025-07-31",
        ]

    async def test_a_date_long_past_is_limited_and_not_wrong(self, vendor: Vendor) -> None:
        series = await ask(vendor, 5, end=date(2024, 5, 15))
        assert [list(series.days), series.ending] == [[], Ending.SOURCE_LIMIT]

    async def test_an_unknown_symbol_has_no_days(self, vendor: Vendor, finra: FinraGateway) -> None:
        series = await fetch_series(vendor.volume, Question(Symbol.parse("QQQQQ"), 5))
        assert [list(series.days), series.complete] == [[], True]
        assert len(finra.requests) == 2  # the range, then the whole year

    @pytest.mark.parametrize("count", [1, 2, 7, 30, 123])
    async def test_however_many_days_are_asked_for_they_are_the_newest(self, vendor: Vendor, count: int) -> None:
        whole = (await ask(vendor, 200)).days
        assert list((await ask(vendor, count)).days) == list(whole[:count])

    async def test_dates_alone_give_every_day_between(self, vendor: Vendor) -> None:
        days = (await ask(vendor, None, date(2026, 5, 20), date(2026, 5, 27))).days
        assert [day.date.day for day in days] == [27, 26, 22, 21, 20]  # Memorial Day

    @pytest.mark.parametrize("fault", ["unsorted", "duplicates", "strings", "lower_case", "no_total"])
    async def test_the_same_days_in_another_dress(self, vendor: Vendor, finra: FinraGateway, fault: str) -> None:
        expected = await ask(vendor, 120)
        finra.fail(fault)
        assert (await ask(vendor, 120)).days == expected.days

    async def test_what_it_says_of_itself(self, vendor: Vendor) -> None:
        series = await ask(vendor, 1)
        assert series.source == "sandbox:finra"
        assert series.ratio_basis == "off-exchange volume reported to FINRA"
        assert "Short sale data \u00a9 FINRA." in series.caveat


class TestPaging:
    @pytest.mark.parametrize("size", [1, 7, 40])
    async def test_pages_by_offset_lose_and_repeat_nothing(
        self, vendor: Vendor, finra: FinraGateway, monkeypatch: pytest.MonkeyPatch, size: int
    ) -> None:
        expected = (await ask(vendor, 20)).days
        monkeypatch.setattr("mcp_shortvol.sources.finra.api.PAGE", size)
        finra.requests.clear()
        assert (await ask(vendor, 20)).days == expected
        assert len(finra.requests) == -(-60 // size)

    async def test_a_full_page_and_then_204(
        self, vendor: Vendor, finra: FinraGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = (await ask(vendor, 20)).days
        finra.requests.clear()
        finra.fail("no_total")  # so that only the next page tells the end
        monkeypatch.setattr("mcp_shortvol.sources.finra.api.PAGE", 60)
        assert (await ask(vendor, 20)).days == expected
        assert len(finra.requests) == 2

    async def test_a_list_that_moves_is_read_again_and_one_that_never_stands_still_is_an_error(
        self, vendor: Vendor, finra: FinraGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mcp_shortvol.sources.finra.api.PAGE", 40)
        expected = (await ask(vendor, 20)).days
        finra.requests.clear()
        finra.fail("moving_total", times=2)
        assert (await ask(vendor, 20)).days == expected
        assert len(finra.requests) == 4
        finra.fail("moving_total")
        with pytest.raises(errors.UpstreamFault, match="changed its list while it was read"):
            await ask(vendor, 20)

    @pytest.mark.parametrize(
        ("readings", "records", "read"),
        [
            ([["ab", "cd"]], "abcd", 1),
            ([["ab", "bc"], ["ab", "cd"]], "abcd", 2),  # it moved while it was read
            ([["ab", "bc"], ["ab", "bc"]], "abbc", 2),  # the list itself has one twice
            ([["ab", "c"], ["ab", "cd"]], "abcd", 2),  # a record went missing
        ],
    )
    async def test_a_list_that_shifts_between_two_pages_is_read_again(
        self, monkeypatch: pytest.MonkeyPatch, readings: list[list[str]], records: str, read: int
    ) -> None:
        left = [[_Page([{"name": name} for name in page], 4, sandbox=True) for page in pages] for pages in readings]

        async def pages(*_: object) -> list[_Page]:
            return left.pop(0)

        monkeypatch.setattr(FinraApi, "_pages", pages)
        api = FinraApi(None, None, None)  # type: ignore[arg-type]
        found = await api.records("regShoDaily", ["name"], {})
        assert "".join(row["name"] for row in found.rows) == records
        assert len(readings) - len(left) == read

    async def test_no_more_than_two_requests_are_under_way(
        self, vendor: Vendor, finra: FinraGateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mcp_shortvol.sources.finra.api.PAGE", 15)
        finra.fail("slow", seconds=0.2)
        began = anyio.current_time()
        await ask(vendor, 20)  # 60 records: one page, then three
        assert anyio.current_time() - began > 0.55


class TestInterest:
    async def test_the_real_report(self, finra: FinraGateway, environment: dict[str, str]) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(finra, "_as_of", date(2026, 10, 5))
            async with Upstreams(load_settings()) as upstreams:
                interest, _ = await upstreams.interest("auto", Market.US)
                collected = await fetch_back(interest, Question(APPLE, 3), unit="reports")
        newest = collected.newest_first[0]
        assert (str(newest.date), newest.short_interest) == ("2026-09-15", 128_753_092)
        assert newest.average_daily_volume == 45_135_477

    async def test_the_whole_history_is_one_request(self, vendor: Vendor, finra: FinraGateway) -> None:
        collected = await fetch_back(vendor.interest, Question(APPLE, 100), unit="reports")
        assert len(collected.newest_first) >= 100
        assert len(finra.requests) == 1


class TestTheMarket:
    async def test_a_date_with_a_midnight_behind_it_is_that_date(self) -> None:
        rows = [{DATE: "2026-05-15T00:00:00.000Z", SYMBOL: "A", FACILITY: "NQTRF", SHORT: 1, TOTAL: 2}]
        assert read_market(rows, date(2026, 5, 15)) == ({"A.US": (1, 2)}, 0)

    async def test_records_that_cannot_be_read_are_no_empty_day(self, vendor: Vendor, finra: FinraGateway) -> None:
        finra.fail("missing_cells")
        assert vendor.market is not None
        with pytest.raises(errors.UpstreamChanged, match="none of them can be read"):
            await vendor.market.fetch_day(date(2026, 5, 15))


FAILURES = {
    "error_400": (errors.UpstreamChanged, "refuses the form of this question"),
    "error_400_hostile": (errors.UpstreamChanged, "refuses the form of this question"),
    "asks_for_key": (errors.NotConfigured, "FINRA asks for a credential (HTTP 401). Make a free public one"),
    "forbidden": (errors.NotConfigured, "FINRA asks for a credential (HTTP 403)"),
    "error_500": (errors.UpstreamFault, "FINRA is out of order (HTTP 500)"),
    "html_502": (errors.UpstreamFault, "FINRA is out of order (HTTP 502)"),
    "html_200": (errors.UpstreamChanged, "an HTML page instead of JSON"),
    "csv": (errors.UpstreamChanged, "CSV, as if the Accept header had been dropped"),
    "truncated_json": (errors.UpstreamFault, "no complete JSON"),
    "not_a_list": (errors.UpstreamChanged, "no list of records"),
    "another_security": (errors.UpstreamChanged, "another security"),
    "drip": (errors.UpstreamTimedOut, "did not answer within"),
    "reset_inside": (errors.UpstreamUnreachable, "broke before the answer was complete"),
}


class TestFailures:
    @pytest.mark.parametrize("fault", FAILURES)
    async def test_a_failure_is_worded(self, vendor: Vendor, finra: FinraGateway, fault: str) -> None:
        kind, said = FAILURES[fault]
        finra.fail(fault)
        with pytest.raises(kind) as found:
            await ask(vendor)
        assert said in str(found.value)
        assert "gnore all" not in str(found.value)

    @pytest.mark.parametrize("fault", ["error_500", "html_502", "truncated_json", "reset_inside", "reset_before"])
    async def test_what_can_pass_is_tried_again(self, vendor: Vendor, finra: FinraGateway, fault: str) -> None:
        expected = await ask(vendor)
        finra.fail(fault, times=1)
        assert (await ask(vendor)).days == expected.days

    async def test_a_rate_limit_is_waited_for(self, vendor: Vendor, finra: FinraGateway) -> None:
        finra.fail("http_429_json", times=1, retry_after=1)
        assert (await ask(vendor)).days

    async def test_nan_is_damage_and_no_number(self, vendor: Vendor, finra: FinraGateway) -> None:
        finra.fail("nan")
        series = await ask(vendor, 20)
        assert sum(day.damaged for day in series.days) == 1
        assert all(day.short_volume is None for day in series.days if day.damaged)


class TestCredentials:
    async def settings(self, finra: FinraGateway, **more: str) -> dict[str, str]:
        return {"FINRA_CLIENT_ID": finra.credential.client_id, "FINRA_CLIENT_SECRET": finra.credential.secret, **more}

    async def test_none_is_needed_and_one_is_used_where_it_is_set(
        self, finra: FinraGateway, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(finra, "asks_for_credential", True)
        async with Upstreams(load_settings(**await self.settings(finra))) as upstreams:
            vendor = await upstreams.open("finra", Market.US)
            assert (await ask(vendor)).days
            assert (await ask(vendor)).days
        assert [request.path.startswith("/fip") for request in finra.requests] == [True, False, False]

    async def test_a_refused_token_is_renewed_once(self, finra: FinraGateway, environment: dict[str, str]) -> None:
        async with Upstreams(load_settings(**await self.settings(finra))) as upstreams:
            vendor = await upstreams.open("finra", Market.US)
            await ask(vendor)
            finra.tokens.clear()
            assert (await ask(vendor)).days

    async def test_a_wrong_secret_is_worded_and_not_shown(
        self, finra: FinraGateway, environment: dict[str, str]
    ) -> None:
        wrong = await self.settings(finra, FINRA_CLIENT_SECRET="wrong-secret-0123456789")
        async with Upstreams(load_settings(**wrong)) as upstreams:
            vendor = await upstreams.open("finra", Market.US)
            with pytest.raises(errors.CredentialsRefused, match="FINRA_CLIENT_SECRET") as found:
                await ask(vendor)
        assert "wrong-secret" not in str(found.value)

    async def test_half_a_credential_says_what_is_missing(self, environment: dict[str, str]) -> None:
        async with Upstreams(load_settings(FINRA_CLIENT_ID="only")) as upstreams:
            with pytest.raises(errors.NotConfigured, match="FINRA_CLIENT_SECRET is missing"):
                await upstreams.open("finra", Market.US)

    async def test_it_says_who_asks(self, vendor: Vendor, finra: FinraGateway) -> None:
        await ask(vendor)
        headers = finra.requests[0].headers
        assert headers["user-agent"].startswith("mcp-shortvol/")
        assert "https://github.com/" in headers["user-agent"]
        assert headers["accept"] == "application/json"
        assert "authorization" not in headers

    async def test_switched_off_it_is_not_asked(self, finra: FinraGateway, environment: dict[str, str]) -> None:
        async with Upstreams(load_settings(SHORTVOL_FINRA="off")) as upstreams:
            with pytest.raises(errors.NotConfigured, match="SHORTVOL_FINRA=off"):
                await upstreams.open("finra", Market.US)
            interest, _ = await upstreams.interest("auto", Market.US)
            assert interest.name == "futu_opend"
        assert not finra.requests
