"""Which source answers is what the settings say: decided before a call, never silently changed."""

import socket
from pathlib import Path

import anyio
import pytest

from mcp_shortvol.automatic import FUTU_OR_FINRA
from mcp_shortvol.domain.errors import NotConfigured, SetupError, UpstreamUnreachable
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.history import fetch_series
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.settings import load_settings
from mcp_shortvol.sources import Vendor
from mcp_shortvol.upstreams import Upstreams

pytestmark = pytest.mark.anyio

NOWHERE = "9"


async def futu(upstreams: Upstreams) -> Vendor:
    return await upstreams.open("auto", Market.HK, FUTU_OR_FINRA)


async def chosen(**settings: str | None) -> str:
    """The source that answers, by its own word."""
    async with Upstreams(load_settings(**settings)) as upstreams:
        series = await fetch_series((await futu(upstreams)).volume, Question(Symbol.parse("700.HK"), 1))
    return series.source.removeprefix("sandbox:")


@pytest.fixture
def at_the_usual_address(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """OpenD is not named, but runs where it is looked for."""
    monkeypatch.delenv("FUTU_OPEND_HOST")
    monkeypatch.delenv("FUTU_OPEND_PORT")
    monkeypatch.setattr("mcp_shortvol.sources.opend.open._PORT", int(environment["FUTU_OPEND_PORT"]))


async def test_an_opend_at_the_usual_address_needs_no_setting(at_the_usual_address: None, opend: OpenDGateway) -> None:
    assert await chosen(FUTU_API_URL=None, FUTU_API_TOKEN=None) == "futu_opend"


async def test_opend_comes_before_a_configured_cloud(at_the_usual_address: None, opend: OpenDGateway) -> None:
    assert await chosen() == "futu_opend"


async def test_the_cloud_answers_where_opend_is_absent_or_logged_out(
    at_the_usual_address: None, opend: OpenDGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    opend.logged_in = False
    assert await chosen() == "futu_cloud"
    monkeypatch.setattr("mcp_shortvol.sources.opend.open._PORT", int(NOWHERE))
    assert await chosen() == "futu_cloud"


async def test_an_opend_that_was_named_and_is_absent_is_an_error(environment: dict[str, str]) -> None:
    with pytest.raises(UpstreamUnreachable, match="No OpenD answers"):
        await chosen(FUTU_OPEND_PORT=NOWHERE)


async def test_a_silent_listener_at_the_usual_address_holds_nobody_up_for_long(
    environment: dict[str, str], at_the_usual_address: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr("mcp_shortvol.sources.opend.open._PORT", silent.getsockname()[1])
        async with Upstreams(load_settings(SHORTVOL_TIMEOUT="1.5")) as upstreams:

            async def ask() -> None:
                vendor = await futu(upstreams)
                assert vendor.volume.name == "futu_cloud"

            with anyio.fail_after(1.4):  # one probe of a third of the time-out, shared and remembered
                async with anyio.create_task_group() as tasks:
                    for _ in range(12):
                        tasks.start_soon(ask)
                await ask()


async def test_futu_source_decides(opend: OpenDGateway, environment: dict[str, str]) -> None:
    assert await chosen(FUTU_SOURCE="futu_cloud") == "futu_cloud"
    assert await chosen(FUTU_SOURCE="futu_opend") == "futu_opend"
    opend.logged_in = False
    with pytest.raises(SetupError, match="not logged in"):
        await chosen(FUTU_SOURCE="futu_opend")


async def test_the_embedded_sandbox_leaves_out_what_is_set_for_the_real_vendors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FUTU_OPEND_RSA_KEY_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("FUTU_API_PATH", "/other/{symbol}")
    monkeypatch.setenv("LONGPORT_APP_KEY", "real")
    monkeypatch.setenv("SHORTVOL_SANDBOX", "1")
    assert await chosen() == "futu_opend"
    assert await chosen(FUTU_SOURCE="futu_cloud") == "futu_cloud"
    async with Upstreams(load_settings()) as upstreams:
        assert (await fetch_series((await upstreams.longbridge()).volume, Question(Symbol.parse("AAPL"), 1))).days


async def test_a_cloud_without_any_setting_says_what_to_set() -> None:
    with pytest.raises(NotConfigured, match=r"Futu's cloud is not set up\. Set FUTU_API_TOKEN, or FUTU_API_KEY"):
        await chosen(FUTU_SOURCE="futu_cloud")
    async with Upstreams(load_settings(FUTU_API_URL="http://127.0.0.1:9")) as upstreams:
        assert (await upstreams.open("futu_cloud", Market.HK)).volume.name == "futu_cloud"


async def test_half_an_app_key_of_the_cloud_says_what_is_missing() -> None:
    with pytest.raises(NotConfigured, match="FUTU_API_PRIVATE_KEY_FILE"):
        await chosen(FUTU_API_KEY="key", FUTU_SOURCE="futu_cloud")


async def test_what_ends_the_block_comes_out_as_it_is(opend: OpenDGateway, environment: dict[str, str]) -> None:
    async def fail_with_a_connection_open() -> None:
        async with Upstreams(load_settings()) as upstreams:
            await fetch_series((await futu(upstreams)).volume, Question(Symbol.parse("700.HK"), 1))
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await fail_with_a_connection_open()
