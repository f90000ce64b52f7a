"""Every failure of the cloud: tried again where it can pass, and said in words of ours with what to do."""

from typing import Any

import anyio
import pytest
from pydantic import SecretStr

from mcp_shortvol.domain import errors
from mcp_shortvol.domain.short_volume import Day
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.quotas.quota import Quota, Rate
from mcp_shortvol.sandbox.futu_cloud.gateway import FutuCloudGateway
from mcp_shortvol.sandbox.runner import Sandbox
from mcp_shortvol.sources.futu_cloud.auth import BearerToken
from mcp_shortvol.sources.futu_cloud.source import FutuCloudSource
from mcp_shortvol.sources.http import HttpClient

pytestmark = pytest.mark.anyio

TENCENT = Symbol.parse("700.HK")


async def ask(source: FutuCloudSource, symbol: Symbol = TENCENT) -> list[Day]:
    return list((await source.fetch_page(symbol, None, 5)).days)


PASSING: dict[str, dict[str, Any]] = {
    "code_-2": {},
    "code_-4": {},
    "code_-5": {},
    "code_-6": {},
    "code_-11": {},
    "error_500": {},
    "html_502": {},
    "html_200": {},
    "http_429_json": {"retry_after": 0},
    "http_429_html": {"retry_after": 0},
    "gateway_429_as_200": {},
    "reset_before": {},
    "reset_inside": {},
    "truncated_body": {},
    "truncated_json": {},
    "empty_body": {},
    "bad_utf8": {},
    "deep_nesting": {},
    "garbage": {},
    "silence": {},
    "slow": {"seconds": 2},
    "drip": {"seconds": 3},
}


@pytest.mark.usefixtures("_without_pauses")
@pytest.mark.parametrize("fault", PASSING)
async def test_what_can_pass_is_tried_again(source: FutuCloudSource, cloud: FutuCloudGateway, fault: str) -> None:
    expected = await ask(source)
    cloud.requests.clear()
    cloud.fail(fault, times=1, **PASSING[fault])
    assert await ask(source) == expected
    assert len(cloud.requests) == 2


async def test_a_401_with_ret_code_is_a_token_that_is_not_accepted(
    source: FutuCloudSource, cloud: FutuCloudGateway
) -> None:
    """Under HTTP 200 the same ret_code -9 is a missing quote right."""
    cloud.coded_refusals = True
    cloud.authority.token = "another"
    with pytest.raises(errors.CredentialsRefused, match=r"does not accept the credentials \(HTTP 401, ret_code -9"):
        await ask(source)


LASTING = {
    "code_-3": (errors.UpstreamChanged, "ret_code -3", "Update mcp-shortvol"),
    "code_-7": (errors.UnknownSecurity, "does not know 700.HK (ret_code -7)", "Check the symbol"),
    "code_as_text": (errors.UnknownSecurity, "does not know 700.HK (ret_code -7)", "Check the symbol"),
    "code_-8": (errors.InvalidRequest, "of 700.HK's kind (ret_code -8)", "stock, an ETF or a REIT"),
    "code_-9": (errors.NotEntitled, "no right to quotes of 700.HK", "quote rights for Hong Kong stocks"),
    "hostile_error": (errors.NotEntitled, "no right to quotes of 700.HK", "quote rights"),
    "code_-99": (errors.UpstreamChanged, "does not document (ret_code -99)", "Try again"),
    "code_401001": (errors.CredentialsRefused, "HTTP 401", "FUTU_API_TOKEN to the new token"),
    "code_403001": (errors.CredentialsRefused, "HTTP 403", "FUTU_API_TOKEN to the new token"),
    "oversized": (errors.UpstreamChanged, "more than 8 MB", "report this at"),
    "redirect": (errors.UpstreamChanged, "HTTP 302", "FUTU_API_URL"),
    "html_463": (errors.UpstreamChanged, "HTTP 463", "FUTU_API_URL"),
    "no_items": (errors.UpstreamChanged, "without a list of rows", "Update mcp-shortvol"),
    "null_data": (errors.UpstreamChanged, "without a list of rows", "Update mcp-shortvol"),
}


@pytest.mark.parametrize("fault", LASTING)
async def test_what_cannot_pass_is_asked_once_and_worded(
    source: FutuCloudSource, cloud: FutuCloudGateway, fault: str
) -> None:
    kind, what, next_step = LASTING[fault]
    cloud.fail(fault)
    with pytest.raises(kind) as caught:
        await ask(source)
    assert what in caught.value.what
    assert next_step in caught.value.next_step
    assert len(cloud.requests) == 1


TRIED_OUT = {
    "code_-5": (errors.UpstreamFault, "a fault of its own (ret_code -5)"),
    "error_500": (errors.UpstreamFault, "out of order (HTTP 500)"),
    "html_502": (errors.UpstreamFault, "out of order (HTTP 502)"),
    "http_429_json": (errors.RateLimited, "rate limit of Futu's cloud"),
    "http_429_html": (errors.RateLimited, "rate limit of Futu's cloud"),
    "truncated_json": (errors.UpstreamFault, "no complete JSON"),
    "reset_before": (errors.UpstreamUnreachable, "broke before the answer was complete"),
    "silence": (errors.UpstreamTimedOut, "did not answer within 0.5 s"),
}


@pytest.mark.usefixtures("_without_pauses")
@pytest.mark.parametrize("fault", TRIED_OUT)
async def test_what_does_not_pass_is_worded_after_four_attempts_or_two_of_waiting(
    source: FutuCloudSource, cloud: FutuCloudGateway, fault: str
) -> None:
    kind, what = TRIED_OUT[fault]
    cloud.fail(fault, retry_after=0)
    with pytest.raises(kind) as caught:
        await ask(source)
    assert what in str(caught.value)
    assert len(cloud.requests) == (2 if kind is errors.UpstreamTimedOut else 4)


@pytest.mark.parametrize("fault", ["http_429_json", "http_429_html", "gateway_429_as_200", "code_-11"])
async def test_a_wait_longer_than_a_call_is_reported_instead_of_waited_for(
    source: FutuCloudSource, cloud: FutuCloudGateway, fault: str
) -> None:
    cloud.fail(fault, retry_after=600)
    with anyio.fail_after(2), pytest.raises(errors.RateLimited, match="Wait 600 seconds"):
        await ask(source)


async def test_a_name_that_is_not_listed_is_unknown(source: FutuCloudSource) -> None:
    with pytest.raises(errors.UnknownSecurity, match=r"does not know NOPE\.US"):
        await ask(source, Symbol.parse("NOPE"))


async def test_an_address_with_neither_path_names_the_settings(
    source: FutuCloudSource, cloud: FutuCloudGateway
) -> None:
    cloud.paths = []
    with pytest.raises(errors.NotConfigured, match=r"FUTU_API_URL.*FUTU_API_PATH"):
        await ask(source)
    assert len(cloud.requests) == 2


@pytest.mark.usefixtures("_without_pauses")
async def test_a_refused_connection_names_the_host() -> None:
    http = HttpClient("Futu cloud", "http://127.0.0.1:9", timeout=0.5)
    with pytest.raises(errors.UpstreamUnreachable, match=r"Futu cloud cannot be reached at 127\.0\.0\.1"):
        await ask(FutuCloudSource(http, None, Quota(None, concurrent=5)))
    await http.aclose()


async def test_ten_calls_a_second_are_never_refused(cloud: FutuCloudGateway, sandbox: Sandbox) -> None:
    cloud.limit(Rate(10, 0.7))  # less than the vendor's second: a busy machine delays what arrives
    http = HttpClient("Futu cloud", sandbox.environment()["FUTU_API_URL"], timeout=5)
    quota = Quota(Rate(10, 1.05), concurrent=5)
    source = FutuCloudSource(http, BearerToken(SecretStr(cloud.authority.token)), quota)
    async with anyio.create_task_group() as tasks:
        for _ in range(15):
            tasks.start_soon(ask, source)
    await http.aclose()
    assert len(cloud.requests) == 15


async def test_a_refusal_for_too_many_calls_is_waited_out(source: FutuCloudSource, cloud: FutuCloudGateway) -> None:
    cloud.limit(Rate(1, 0.8))
    assert await ask(source) == await ask(source)
    assert len(cloud.requests) == 3


EVERY_REFUSAL = ["code_-3", "code_-7", "code_-8", "code_-9", "code_-99", "code_401001", "code_403001", "hostile_error"]


@pytest.mark.parametrize("fault", EVERY_REFUSAL)
async def test_no_error_repeats_a_secret_or_the_upstreams_text(
    source: FutuCloudSource, cloud: FutuCloudGateway, fault: str
) -> None:
    cloud.fail(fault)
    with pytest.raises(errors.ShortVolumeError) as caught:
        await ask(source)
    told = f"{caught.value} {caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    for text in (cloud.authority.token, "Ignore all", "permission denied", "invalid symbol", "a code that no page"):
        assert text not in told
