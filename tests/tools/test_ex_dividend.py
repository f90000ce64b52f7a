"""An ex-dividend date over OpenD's TCP and the cloud's HTTP, with kept days: no day is lost, no price step shows."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from mcp_shortvol.sandbox.futu_cloud.gateway import FutuCloudGateway
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.sandbox.runner import Sandbox
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

pytestmark = pytest.mark.anyio

BEFORE, EX_DATE, AFTER = date(2026, 6, 5), date(2026, 6, 9), date(2026, 6, 11)
FACTOR = 0.9874


@pytest.fixture
def vendor(request: pytest.FixtureRequest) -> Iterator[OpenDGateway | FutuCloudGateway]:
    with Sandbox(as_of=BEFORE) as sandbox:
        for name, value in sandbox.environment().items():
            request.getfixturevalue("monkeypatch").setenv(name, value)
        yield sandbox.opend if request.param == "futu_opend" else sandbox.cloud


async def asked(client: Client, count: int) -> dict[str, Any]:
    arguments = {"symbol": "700.HK", "count": count, "response_format": "full"}
    result = await client.call_tool("get_daily_short_volume", arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


@pytest.mark.parametrize("vendor", ["futu_opend", "futu_cloud"], indirect=True)
async def test_it_costs_no_kept_day_and_shows_no_price_step(
    vendor: OpenDGateway | FutuCloudGateway, tmp_path: Path
) -> None:
    source = "futu_opend" if isinstance(vendor, OpenDGateway) else "futu_cloud"
    settings = load_settings(SHORTVOL_STORE=str(tmp_path / "days.sqlite3"), SHORTVOL_FRESH="0", FUTU_SOURCE=source)
    async with Client(build_server(settings), raise_exceptions=True) as client:
        # The cloud gives 90 days: the 4 that leave its window afterwards can come out of the store only.
        first = await asked(client, 90)
        vendor.as_of, vendor.dividends = AFTER, {EX_DATE: FACTOR}
        vendor.requests.clear()
        found = await asked(client, 94)
    assert [found["source"], found["returned"], found["complete"]] == [f"sandbox:{source}", 94, True]
    assert [request for request in vendor.requests if not is_handshake(request)] == vendor.requests[-1:]
    date_, close = found["columns"].index("date"), found["columns"].index("close")
    kept = {row[date_]: row[close] for row in first["rows"]}
    now = {row[date_]: row[close] for row in found["rows"]}
    assert set(kept) < set(now)
    for day, before in kept.items():
        assert now[day] == pytest.approx(before * FACTOR, abs=1e-4)
    volumes = {row[date_]: row[1:3] for row in found["rows"]}
    assert all(volumes[row[date_]] == row[1:3] for row in first["rows"])
    said = " ".join(found["notes"])
    assert "restated" not in said
    assert "The close goes from" not in said
    assert "closes are adjusted for dividends" in said


def is_handshake(request: object) -> bool:
    return getattr(request, "protocol", 3248) != 3248
