"""The signatures that the vendor's own SDKs were captured sending are reproduced."""

import json
import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from mcp_shortvol.sources.http import Target
from mcp_shortvol.sources.longbridge.signature import AppKey

VECTORS = json.loads((Path(__file__).parents[2] / "wire/golden/longbridge_signatures.json").read_text())

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['captured_from']} {vector['target'][:24]}")
async def test_a_captured_signature_is_reproduced(vector: dict[str, str]) -> None:
    headers: dict[str, str] = vector["headers"]  # type: ignore[assignment]
    path, _, query = vector["target"].partition("?")
    app_key = AppKey(
        SecretStr(headers["x-api-key"]),
        SecretStr(vector["app_secret"]),
        SecretStr(headers["authorization"]),
        now=lambda: headers["x-timestamp"],
    )
    sent = await app_key.authorize(Target(vector["method"], path, query, vector["body"].encode()))
    assert sent["X-Api-Signature"] == vector["x_api_signature"]
    assert sent["Authorization"] == headers["authorization"]


async def test_no_two_requests_share_a_signature_however_close_they_come() -> None:
    app_key = AppKey(SecretStr("key"), SecretStr("secret"), SecretStr("token"))
    target = Target("GET", "/v1/quote/short-trades/us", "symbol=TSLA.US", b"")
    sent = [await app_key.authorize(target) for _ in range(50)]
    assert len({headers["X-Api-Signature"] for headers in sent}) == 50
    assert all(re.fullmatch(r"[0-9]{10}\.[0-9]{3}", headers["X-Timestamp"]) for headers in sent)


@pytest.mark.parametrize(("token", "region"), [("us_abc", "us"), ("abc", "ap")])
async def test_us_credentials_name_their_data_centre(token: str, region: str) -> None:
    app_key = AppKey(SecretStr("key"), SecretStr("secret"), SecretStr(token))
    assert (await app_key.authorize(Target("GET", "/", "", b"")))["X-Dc-Region"] == region


def test_no_secret_shows_in_a_repr() -> None:
    shown = repr(AppKey(SecretStr("marker-key"), SecretStr("marker-secret"), SecretStr("marker-token")))
    assert "marker" not in shown
