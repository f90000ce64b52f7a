"""A sign-in by OAuth: the SDK's token file is used, refreshed under a lock, and never half written."""

import errno
import json
import stat
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from mcp_shortvol.domain import errors
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Series
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.history.history import fetch_series
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.settings import load_settings
from mcp_shortvol.upstreams import Upstreams

pytestmark = pytest.mark.anyio

CLIENT = "client-1"


@pytest.fixture
def token_file(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the SDK would keep the token of this client, with the app key unset."""
    for name in ("APP_KEY", "APP_SECRET", "ACCESS_TOKEN"):
        monkeypatch.delenv(f"LONGBRIDGE_{name}")
    monkeypatch.setenv("LONGBRIDGE_CLIENT_ID", CLIENT)
    folder = Path.home() / ".longbridge" / "openapi" / "tokens"
    folder.mkdir(parents=True)
    return folder / CLIENT


@pytest.fixture
def signed_in(token_file: Path, gateway: LongbridgeGateway) -> Callable[..., Path]:
    """Signs in: writes a token of the gateway, good for so many seconds, as the SDK would."""

    def sign_in(expires_in: float = 3600, **changes: object) -> Path:
        token = {**gateway.issue_token(CLIENT, expires_in), "scope": "quote", **changes}
        token_file.write_text(json.dumps(token))
        return token_file

    return sign_in


async def ask() -> Series:
    async with Upstreams(load_settings()) as upstreams:
        return await fetch_series((await upstreams.longbridge()).volume, Question(Symbol.parse("700.HK"), 3))


def refreshes(gateway: LongbridgeGateway) -> int:
    return sum(request.path == "/oauth2/token" for request in gateway.requests)


async def test_a_good_token_is_used_as_a_bearer(signed_in: Callable[..., Path], gateway: LongbridgeGateway) -> None:
    token = json.loads(signed_in().read_text())
    assert len((await ask()).days) == 3
    (request,) = gateway.requests
    assert request.headers["authorization"] == f"Bearer {token['access_token']}"
    assert request.headers["x-api-key"] == CLIENT
    assert "x-api-signature" not in request.headers


async def test_an_expired_token_is_refreshed_and_kept(
    signed_in: Callable[..., Path], gateway: LongbridgeGateway
) -> None:
    file = signed_in(expires_in=-10)
    before = json.loads(file.read_text())
    assert len((await ask()).days) == 3
    after = json.loads(file.read_text())
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]
    assert after["expires_at"] > time.time() + 60
    assert after["scope"] == "quote"  # what we do not know is kept
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    # The lock lies beside a secret, and is nobody else's to hold or to read either.
    assert {stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()} == {0o600}
    assert sorted(path.name for path in file.parent.iterdir() if not path.name.endswith(".lock")) == [CLIENT]
    assert len((await ask()).days) == 3
    assert refreshes(gateway) == 1


async def test_a_token_refused_before_its_time_is_refreshed_once(
    signed_in: Callable[..., Path], gateway: LongbridgeGateway
) -> None:
    signed_in()
    gateway.authority.expire_tokens()
    assert len((await ask()).days) == 3
    assert refreshes(gateway) == 1


async def test_what_goes_wrong_after_the_refresh_was_sent_is_not_sent_again(
    signed_in: Callable[..., Path], gateway: LongbridgeGateway
) -> None:
    signed_in(expires_in=-10)
    gateway.fail("html_200", times=1, on="/oauth2")
    with pytest.raises(errors.UpstreamError, match="something that is no token") as caught:
        await ask()
    assert "Ask again in a minute; if it is refused then: sign in with" in str(caught.value)
    assert refreshes(gateway) == 1


async def test_an_address_that_is_not_allowed_does_not_spend_a_refresh_token(
    signed_in: Callable[..., Path], gateway: LongbridgeGateway
) -> None:
    signed_in()
    gateway.fail("code_403205")
    with pytest.raises(errors.CredentialsRefused, match="IP address"):
        await ask()
    assert refreshes(gateway) == 0


async def test_a_pasted_line_break_is_no_part_of_a_token(signed_in: Callable[..., Path]) -> None:
    file = signed_in()
    token = json.loads(file.read_text())
    file.write_text(json.dumps(token | {"access_token": token["access_token"] + "\n"}))
    (file.parent / ".token-left-over").touch()
    assert len((await ask()).days) == 3


async def test_many_calls_at_once_share_one_refresh(signed_in: Callable[..., Path], gateway: LongbridgeGateway) -> None:
    signed_in(expires_in=-10)
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(ask)
    assert refreshes(gateway) == 1


async def test_a_cancelled_call_does_not_lose_the_new_token(
    signed_in: Callable[..., Path], gateway: LongbridgeGateway
) -> None:
    signed_in(expires_in=-10)
    gateway.fail("slow", times=1, on="/oauth2", seconds=0.4)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        while not refreshes(gateway):  # noqa: ASYNC110 - the gateway runs in a thread of its own
            await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    assert refreshes(gateway) == 1
    assert len((await ask()).days) == 3
    assert refreshes(gateway) == 1


async def test_another_programs_refresh_is_taken_over(
    signed_in: Callable[..., Path], gateway: LongbridgeGateway
) -> None:
    signed_in()
    async with Upstreams(load_settings()) as upstreams:
        source = (await upstreams.longbridge()).volume
        gateway.authority.expire_tokens()
        signed_in()
        assert len((await fetch_series(source, Question(Symbol.parse("700.HK"), 3))).days) == 3
    assert refreshes(gateway) == 0


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "There is no sign-in to Longbridge"),
        ("", "cannot be read"),
        ("{}", "cannot be read"),
        ('{"access_token": "marker", "expires_at": "soon"}', "cannot be read"),
        ('{"access_token": "marker"', "cannot be read"),
    ],
)
async def test_a_missing_or_broken_file_says_how_to_sign_in(token_file: Path, content: str | None, what: str) -> None:
    if content is not None:
        token_file.write_text(content)
    with pytest.raises(errors.NotConfigured, match=what) as caught:
        await ask()
    assert "Sign in with mcp-shortvol login" in str(caught.value)
    assert "marker" not in str(caught.value)


async def test_a_sign_in_without_refresh_token_ends(signed_in: Callable[..., Path]) -> None:
    signed_in(expires_in=-10, refresh_token=None)
    with pytest.raises(errors.CredentialsRefused, match="has expired"):
        await ask()


async def test_a_revoked_sign_in_says_so(signed_in: Callable[..., Path], gateway: LongbridgeGateway) -> None:
    signed_in(expires_in=-10, refresh_token="marker-refresh")
    with pytest.raises(errors.CredentialsRefused, match="no longer accepts this sign-in") as caught:
        await ask()
    assert "marker" not in str(caught.value)


async def test_a_token_that_could_not_be_kept_is_not_asked_for(
    signed_in: Callable[..., Path], gateway: LongbridgeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in(expires_in=-10)

    def full_disk(**_: object) -> tuple[int, str]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full_disk)
    with pytest.raises(errors.NotConfigured, match="cannot be saved"):
        await ask()
    assert refreshes(gateway) == 0


@pytest.mark.parametrize("client_id", ["../../etc/passwd", "a/b", ".", "..", "-" * 200])
async def test_a_client_id_that_could_leave_the_folder_is_refused(
    token_file: Path, client_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGBRIDGE_CLIENT_ID", client_id)
    with pytest.raises(errors.NotConfigured, match="is not a client id"):
        await ask()
