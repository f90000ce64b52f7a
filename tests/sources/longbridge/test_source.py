"""The Longbridge source against its gateway, over real HTTP: what is tried again, and what each failure says."""

from collections.abc import AsyncIterator
from datetime import date

import anyio
import pytest

from mcp_shortvol.domain import errors
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Ending, Series
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.history import fetch_series
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.settings import load_settings
from mcp_shortvol.sources import Source
from mcp_shortvol.upstreams import Upstreams

pytestmark = pytest.mark.anyio

TENCENT = Symbol.parse("700.HK")


@pytest.fixture
async def source(gateway: LongbridgeGateway, environment: dict[str, str]) -> AsyncIterator[Source]:
    async with Upstreams(load_settings(SHORTVOL_TIMEOUT="0.5", SHORTVOL_LONGBRIDGE_QUOTA="off")) as upstreams:
        yield (await upstreams.longbridge()).volume


async def ask(source: Source, count: int | None = 5, start: date | None = None, end: date | None = None) -> Series:
    return await fetch_series(source, Question(TENCENT, count, start, end))


@pytest.mark.parametrize("inclusive", [True, False])
async def test_250_days_come_from_three_pages_however_the_cursor_is_read(
    source: Source, gateway: LongbridgeGateway, inclusive: bool
) -> None:
    gateway.inclusive = inclusive
    series = await ask(source, 250)
    dates = [day.date for day in series.days]
    assert len(dates) == len(set(dates)) == 250
    assert dates == sorted(dates, reverse=True)
    assert len(gateway.requests) == 3
    assert all(1 <= int(request.query["page_size"]) <= 100 for request in gateway.requests)
    whole = await ask(source, 1000)
    assert dates == [day.date for day in whole.days[:250]]


@pytest.mark.parametrize("inclusive", [True, False])
async def test_an_end_date_is_jumped_to_and_belongs_to_the_answer(
    source: Source, gateway: LongbridgeGateway, inclusive: bool
) -> None:
    gateway.inclusive = inclusive
    series = await ask(source, 3, end=date(2026, 5, 18))
    assert [str(day.date) for day in series.days] == ["2026-05-18", "2026-05-15", "2026-05-14"]
    assert len(gateway.requests) == 1


async def test_dates_alone_give_every_trading_day_between(source: Source) -> None:
    series = await ask(source, None, date(2026, 5, 15), date(2026, 5, 22))
    assert [str(day.date) for day in series.days] == [f"2026-05-{day}" for day in (22, 21, 20, 19, 18, 15)]
    assert series.complete


async def test_all_three_give_the_newest_of_the_range(source: Source) -> None:
    series = await ask(source, 2, date(2026, 5, 15), date(2026, 5, 20))
    assert [str(day.date) for day in series.days] == ["2026-05-20", "2026-05-19"]


async def test_a_history_that_begins_later_than_asked_is_complete(source: Source) -> None:
    listed_in_2025 = Question(Symbol.parse("FIG.US"), 500)
    series = await fetch_series(source, listed_in_2025)
    assert [series.ending, str(series.days[-1].date)] == [Ending.HISTORY_BEGINS, "2025-07-31"]
    assert series.complete


async def test_answers_of_the_sandbox_are_labelled(source: Source) -> None:
    assert (await ask(source)).source == "sandbox:longbridge"


PASSING = {
    "html_502": {},
    "error_500": {},
    "code_503000": {},
    "http_429_json": {"retry_after": 0},
    "http_429_html": {"retry_after": 0},
    "code_429001": {},
    "html_463": {},
    "duplicate_request": {},
    "reset_before": {},
    "reset_inside": {},
    "truncated_body": {},
    "truncated_json": {},
    "empty_body": {},
    "bad_utf8": {},
    "html_200": {},
    "deep_nesting": {},
    "garbage": {},
    "silence": {},
    "slow": {"seconds": 2},
    "drip": {"seconds": 3},
}


@pytest.mark.parametrize("fault", PASSING)
async def test_what_can_pass_is_tried_again(source: Source, gateway: LongbridgeGateway, fault: str) -> None:
    expected = await ask(source)
    gateway.requests.clear()
    gateway.fail(fault, times=1, **PASSING[fault])
    assert await ask(source) == expected
    assert len(gateway.requests) == 2


LASTING = {
    "code_401003": (errors.CredentialsRefused, "expired (code 401003)", "LONGBRIDGE_ACCESS_TOKEN"),
    "code_401004": (errors.CredentialsRefused, "401004", "LONGBRIDGE_ACCESS_TOKEN"),
    "code_401102": (errors.CredentialsRefused, "401102", "LONGBRIDGE_ACCESS_TOKEN"),
    "code_403201": (errors.CredentialsRefused, "signature (code 403201)", "LONGBRIDGE_APP_SECRET"),
    "code_403203": (errors.CredentialsRefused, "app key (code 403203)", "LONGBRIDGE_APP_KEY"),
    "code_403205": (errors.CredentialsRefused, "IP address (code 403205)", "allow list"),
    "code_403308": (errors.NotEntitled, "quote scope (code 403308)", "Authorise"),
    "code_301604": (errors.NotEntitled, "no access to these quotes", "Subscribe"),
    "code_301600": (errors.UnknownSecurity, "code 301600", "TSLA.US"),
    "code_2601400": (errors.UnknownSecurity, "code 2601400", "TSLA.US"),
    "code_999999": (errors.UpstreamChanged, "does not document (999999)", "Try again"),
    "oversized": (errors.UpstreamChanged, "more than 8 MB", "report this at"),
    "redirect": (errors.UpstreamChanged, "HTTP 302", "LONGBRIDGE_HTTP_URL"),
}


@pytest.mark.parametrize("fault", LASTING)
async def test_what_cannot_pass_is_asked_once_and_worded(
    source: Source, gateway: LongbridgeGateway, fault: str
) -> None:
    kind, what, next_step = LASTING[fault]
    gateway.fail(fault)
    with pytest.raises(kind) as caught:
        await ask(source)
    assert what in str(caught.value)
    assert next_step in str(caught.value)
    assert len(gateway.requests) == 1


TRIED_OUT = {
    "error_500": (errors.UpstreamFault, "a fault of its own (code 500000)"),
    "html_502": (errors.UpstreamFault, "out of order (HTTP 502)"),
    "duplicate_request": (errors.UpstreamFault, "repeated one (code 403202)"),
    "http_429_json": (errors.RateLimited, "rate limit"),
    "http_429_html": (errors.RateLimited, "rate limit"),
    "truncated_json": (errors.UpstreamFault, "no complete JSON"),
    "reset_before": (errors.UpstreamUnreachable, "broke before the answer was complete"),
    "garbage": (errors.UpstreamUnreachable, "broke before"),
}


@pytest.mark.parametrize("fault", TRIED_OUT)
async def test_what_does_not_pass_after_four_attempts_is_worded(
    source: Source, gateway: LongbridgeGateway, fault: str
) -> None:
    kind, what = TRIED_OUT[fault]
    gateway.fail(fault, retry_after=0)
    with pytest.raises(kind) as caught:
        await ask(source)
    assert what in str(caught.value)
    assert len(gateway.requests) == 4


async def test_silence_is_tried_twice_so_that_its_own_words_come_before_the_deadline(
    source: Source, gateway: LongbridgeGateway
) -> None:
    gateway.fail("silence")
    with pytest.raises(errors.UpstreamTimedOut, match=r"did not answer within 0\.5 s"):
        await ask(source)
    assert len(gateway.requests) == 2


async def test_a_wait_longer_than_a_call_is_reported_instead_of_waited_for(
    source: Source, gateway: LongbridgeGateway
) -> None:
    gateway.fail("http_429_json", retry_after=600)
    with anyio.fail_after(2), pytest.raises(errors.RateLimited, match="Wait 600 seconds"):
        await ask(source)


UNHARMED = ["unsorted", "duplicates", "numbers_for_strings", "sdk_shape", "hostile_text"]


@pytest.mark.parametrize("fault", UNHARMED)
async def test_rows_in_another_dress_are_the_same_days(source: Source, gateway: LongbridgeGateway, fault: str) -> None:
    expected = await ask(source, 150)
    gateway.fail(fault)
    assert (await ask(source, 150)).days == expected.days


@pytest.mark.parametrize("fault", ["nulls", "missing_cells"])
async def test_missing_figures_are_none(source: Source, gateway: LongbridgeGateway, fault: str) -> None:
    gateway.fail(fault)
    series = await ask(source)
    assert [(day.short_volume, day.short_ratio_pct, day.damaged) for day in series.days] == [(None, None, False)] * 5


async def test_cells_of_the_wrong_type_are_counted(source: Source, gateway: LongbridgeGateway) -> None:
    gateway.fail("wrong_types", times=1)
    series = await ask(source)
    assert [series.unreadable, series.complete] == [1, False]
    assert series.damaged > 0


async def test_rows_that_are_no_rows_are_counted(source: Source, gateway: LongbridgeGateway) -> None:
    gateway.fail("null_rows", times=1)
    series = await ask(source)
    assert [len(series.days), series.unreadable] == [5, 2]


@pytest.mark.parametrize("fault", ["empty", "null_data"])
async def test_no_rows_is_an_answer(source: Source, gateway: LongbridgeGateway, fault: str) -> None:
    gateway.fail(fault)
    assert (await ask(source)).days == []


async def test_an_endless_history_ends_with_the_count(source: Source, gateway: LongbridgeGateway) -> None:
    gateway.fail("endless_paging")
    with pytest.raises(errors.UpstreamFault, match="changed its figures"):  # each page says something else of a day
        await ask(source, 1000)
    assert len(gateway.requests) < 6


async def test_a_page_that_repeats_for_ever_is_left(source: Source, gateway: LongbridgeGateway) -> None:
    gateway.fail("repeated_page")
    series = await ask(source, 300)
    assert [len(series.days), series.ending, series.complete] == [100, Ending.STALLED, False]
    assert len(gateway.requests) < 5


async def test_a_hostile_trace_id_is_not_passed_on(source: Source, gateway: LongbridgeGateway) -> None:
    gateway.fail("hostile_error")
    with pytest.raises(errors.NotEntitled) as caught:
        await ask(source)
    assert "ignore" not in str(caught.value).lower()
    assert "Trace" not in str(caught.value)


async def test_a_refused_connection_is_told_from_a_refusal(environment: dict[str, str]) -> None:
    settings = load_settings(LONGBRIDGE_HTTP_URL="http://127.0.0.1:9")
    async with Upstreams(settings) as upstreams:
        with pytest.raises(errors.UpstreamUnreachable, match=r"cannot be reached at 127\.0\.0\.1"):
            await ask((await upstreams.longbridge()).volume)


async def test_no_second_holds_more_than_ten_calls(gateway: LongbridgeGateway, environment: dict[str, str]) -> None:
    async with Upstreams(load_settings()) as upstreams, anyio.create_task_group() as tasks:
        source = (await upstreams.longbridge()).volume
        for _ in range(12):
            tasks.start_soon(ask, source)
    starts = sorted(request.at for request in gateway.requests)
    assert len(starts) == 12
    # As they arrived: a busy machine delays the first of them by some hundredths of a second.
    assert all(later - earlier >= 0.9 for earlier, later in zip(starts, starts[10:], strict=False))


async def test_no_more_than_five_calls_are_under_way(gateway: LongbridgeGateway, environment: dict[str, str]) -> None:
    gateway.fail("slow", seconds=0.2)
    settings = load_settings(SHORTVOL_LONGBRIDGE_QUOTA="off")
    async with Upstreams(settings) as upstreams, anyio.create_task_group() as tasks:
        source = (await upstreams.longbridge()).volume
        for _ in range(12):
            tasks.start_soon(ask, source)
    starts = sorted(request.at for request in gateway.requests)
    assert len(starts) == 12
    assert all(later - earlier >= 0.19 for earlier, later in zip(starts, starts[5:], strict=False))
