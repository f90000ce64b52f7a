"""The SFC's weekly files over real HTTP: the real row, cells out of a spreadsheet, weeks that are not there."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from mcp_shortvol.domain import errors
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.collected import Collected
from mcp_shortvol.history.history import fetch_back
from mcp_shortvol.sandbox.sfc.gateway import SfcGateway
from mcp_shortvol.settings import load_settings
from mcp_shortvol.sources import InterestSource
from mcp_shortvol.sources.sfc.files import PATH, Position, path_of, read_week
from mcp_shortvol.upstreams import Upstreams
from tests.conftest import AS_OF

pytestmark = pytest.mark.anyio

GOLDEN = Path(__file__).parents[2] / "wire" / "golden" / "sfc" / "rows_quoted.csv"
HEAD = "Date,Stock Code,Stock Name,Aggregated Reportable Short Positions (Shares),Aggregated (HK$)"
APRIL = date(2026, 4, 17)
HSBC, TENCENT = Symbol.parse("5.HK"), Symbol.parse("700.HK")


def week_of(*lines: str, head: str = HEAD, end: str = "\r\n") -> bytes:
    return ("\r\n".join([head, *lines]) + end).encode()


class TestAFile:
    def test_the_real_row(self) -> None:
        week = read_week(GOLDEN.read_bytes(), APRIL, invented=False)
        assert week is not None
        assert week.positions["5"] == Position(64_312_593, 9_100_231_910)

    def test_its_path(self) -> None:
        assert path_of(PATH, APRIL) == (
            "/-/media/EN/pdf/spr/2026/04/17/Short_Position_Reporting_Aggregated_Data_20260417.csv"
        )

    @pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf"])
    def test_a_byte_order_mark_may_come_first(self, before: bytes) -> None:
        week = read_week(before + week_of("17/04/2026,00700,TENCENT,1,2"), APRIL, invented=False)
        assert week is not None
        assert week.positions == {"700": Position(1, 2)}

    @pytest.mark.parametrize(
        ("shares", "value", "position"),
        [
            ('"1,234"', '"$ 5,000"', Position(1234, 5000.0)),
            ("n.a.", "N.A.", Position(None, None)),
            ("-", "", Position(None, None)),
            ("1.18734E+11", "5", Position(None, 5.0, damaged=True)),
            ("-5", "NaN", Position(None, None, damaged=True)),
        ],
    )
    def test_cells_out_of_a_spreadsheet(self, shares: str, value: str, position: Position) -> None:
        week = read_week(week_of(f"17/04/2026,5,HSBC,{shares},{value}"), APRIL, invented=False)
        assert week is not None
        assert week.positions["5"] == position

    def test_a_name_with_a_comma_moves_no_figure(self) -> None:
        week = read_week(week_of("17/04/2026,5,HSBC, HOLDINGS,7,8"), APRIL, invented=False)
        assert week is not None
        assert week.positions["5"] == Position(7, 8)

    def test_what_does_not_begin_as_a_file_is_a_week_not_published(self) -> None:
        assert read_week(b"<!DOCTYPE html>", APRIL, invented=False) is None

    def test_a_file_of_another_date_is_refused(self) -> None:
        with pytest.raises(errors.UpstreamChanged, match="not of the date in its name"):
            read_week(week_of("10/04/2026,5,HSBC,1,2"), APRIL, invented=False)

    @pytest.mark.parametrize("lines", [(), ("17/04/2026,5,HSBC",), ("17/04/2026,x,HSBC,1,2",)])
    def test_a_file_cut_short_is_refused(self, lines: tuple[str, ...]) -> None:
        with pytest.raises(errors.UpstreamFault):
            read_week(week_of(*lines), APRIL, invented=False)

    def test_the_last_figure_of_a_file_without_an_end_is_not_trusted(self) -> None:
        body = week_of("17/04/2026,5,HSBC,1,2", "17/04/2026,700,TENCENT,123,45", end="")
        week = read_week(body, APRIL, invented=False)
        assert week is not None
        assert week.positions["5"] == Position(1, 2)
        assert week.positions["700"].damaged


@pytest.fixture(autouse=True)
def _the_sandbox_s_last_day_is_yesterday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Market, "today", lambda _market: AS_OF + timedelta(1))


@pytest.fixture
async def source(sfc: SfcGateway, environment: dict[str, str]) -> AsyncIterator[InterestSource]:
    async with Upstreams(load_settings(SHORTVOL_TIMEOUT="1")) as upstreams:
        yield (await upstreams.interest("sfc", Market.HK))[0]


async def reports(source: InterestSource, symbol: Symbol, count: int, end: date | None = None) -> Collected:  # type: ignore[type-arg]
    return await fetch_back(source, Question(symbol, count, None, end), unit="reports")


async def test_the_real_report(source: InterestSource) -> None:
    (report, *_) = (await reports(source, HSBC, 1, APRIL)).newest_first
    assert (report.date, report.short_interest, report.short_interest_value) == (APRIL, 64_312_593, 9_100_231_910)


async def test_reporting_dates_are_the_last_trading_days_of_weeks(source: InterestSource) -> None:
    found = (await reports(source, TENCENT, 9)).newest_first
    # Good Friday was 3 April, and Easter Monday no trading day; 1 May was a holiday.
    dates = [str(report.date) for report in found]
    assert dates[:9] == [
        "2026-06-05", "2026-05-29", "2026-05-22", "2026-05-15", "2026-05-08",
        "2026-04-30", "2026-04-24", "2026-04-17", "2026-04-10",
    ]  # fmt: skip


async def test_a_file_is_fetched_once_for_all_stocks(source: InterestSource, sfc: SfcGateway) -> None:
    await reports(source, TENCENT, 3)
    asked = len(sfc.requests)
    await reports(source, HSBC, 3)
    files = [request.path for request in sfc.requests if "0529" in request.path or "0522" in request.path]
    assert len(files) == 2
    assert len(sfc.requests) - asked <= 2  # the newest weeks only, which may be out by now


async def test_a_stock_without_a_position_ends_the_search(source: InterestSource, sfc: SfcGateway) -> None:
    found = await reports(source, Symbol.parse("9999.HK"), 6)
    assert found.newest_first == []
    assert len(sfc.requests) <= 9
    assert "under HKD 30 M" in source.older_rows


async def test_a_week_that_is_missing_is_unknown_and_not_nothing(source: InterestSource, sfc: SfcGateway) -> None:
    sfc.fail("not_published", on="/-/media/EN/pdf/spr/2026/05/22")
    found = (await reports(source, TENCENT, 4)).newest_first
    missing = next(report for report in found if report.date == date(2026, 5, 22))
    assert (missing.short_interest, missing.damaged) == (None, True)


async def test_a_missing_week_is_unknown_wherever_a_page_begins(source: InterestSource, sfc: SfcGateway) -> None:
    whole = [report.date for report in (await reports(source, TENCENT, 16)).newest_first]
    for place in (12, 13, 14):  # around the end of the first page
        async with Upstreams(load_settings()) as again:
            sfc.fail("not_published", on=f"/-/media/EN/pdf/spr/{whole[place]:%Y/%m/%d}")
            other = (await again.interest("sfc", Market.HK))[0]
            found = (await reports(other, TENCENT, 16)).newest_first
            sfc.faults.clear()
        assert [report.date for report in found] == whole
        assert [report.date for report in found if report.damaged] == [whole[place]]


async def test_a_missing_week_at_the_end_asked_for_is_unknown(source: InterestSource, sfc: SfcGateway) -> None:
    sfc.fail("not_published", on="/-/media/EN/pdf/spr/2026/04/17")
    (newest, *_) = (await reports(source, TENCENT, 2, APRIL)).newest_first
    assert (newest.date, newest.damaged) == (APRIL, True)


async def test_a_week_with_a_rounded_figure_is_kept_and_one_cut_short_is_not(
    source: InterestSource, sfc: SfcGateway
) -> None:
    sfc.fail("rounded", on="/-/media/EN/pdf/spr/2026/05/22")
    sfc.fail("wrong_types", on="/-/media/EN/pdf/spr/2026/05/29")
    await reports(source, TENCENT, 3)
    sfc.requests.clear()
    await reports(source, HSBC, 3)
    assert [request.path[-12:-4] for request in sfc.requests] == ["20260529"]


@pytest.mark.parametrize("name", ["HSBC\rHOLDINGS", "H" * 200_000, 'H"SB"C'])
async def test_no_name_ends_in_anything_but_words(name: str) -> None:
    try:
        week = read_week(week_of(f"17/04/2026,5,{name},1,2"), APRIL, invented=False)
    except errors.ShortVolumeError:
        return
    assert week is not None
    assert week.positions["5"] == Position(1, 2)


async def test_a_site_that_moved_is_said(source: InterestSource, sfc: SfcGateway) -> None:
    sfc.fail("not_published")
    with pytest.raises(errors.UpstreamChanged, match="It may have moved: check SFC_URL and SFC_PATH"):
        await reports(source, TENCENT, 4)


async def test_us_stocks_are_refused_with_who_has_them(source: InterestSource) -> None:
    with pytest.raises(errors.InvalidRequest, match="source=finra"):
        await reports(source, Symbol.parse("AAPL"), 1)


@pytest.mark.parametrize("fault", ["unsorted", "duplicates", "thousands", "no_bom", "hostile_text"])
async def test_the_same_positions_in_another_dress(source: InterestSource, sfc: SfcGateway, fault: str) -> None:
    found = (await reports(source, TENCENT, 3)).newest_first
    async with Upstreams(load_settings()) as again:
        sfc.fail(fault)
        other = (await again.interest("sfc", Market.HK))[0]
        assert (await reports(other, TENCENT, 3)).newest_first == found


@pytest.mark.parametrize("fault", ["rounded", "wrong_types", "nulls"])
async def test_figures_that_cannot_be_read_are_null(source: InterestSource, sfc: SfcGateway, fault: str) -> None:
    sfc.fail(fault)
    found = (await reports(source, TENCENT, 2)).newest_first
    assert {report.short_interest for report in found} == {None}
    assert all(report.damaged == (fault != "nulls") for report in found)
