"""Credentials of the cloud: a token, a signed app key or none; a key file of no use says so; no secret in any repr."""

import base64
import stat
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Literal

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pydantic import SecretStr

from mcp_shortvol.domain.errors import CredentialsRefused, NotConfigured
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.futu_cloud.gateway import FutuCloudGateway
from mcp_shortvol.sources.futu_cloud.auth import ApiKey, BearerToken, cloud_credentials
from mcp_shortvol.sources.futu_cloud.source import FutuCloudSource
from mcp_shortvol.sources.http import Target
from tests.sources.futu_cloud.conftest import SourceWith

pytestmark = pytest.mark.anyio

TARGET = Target("GET", "/api/v1.0/quote/HK.00700/short/daily-volume", "count=5", b"")
Kind = Literal["ed25519", "rsa"]


async def ask(source: FutuCloudSource) -> int:
    return len((await source.fetch_page(Symbol.parse("700.HK"), None, 5)).days)


def issued(cloud: FutuCloudGateway, folder: Path, kind: Kind = "ed25519") -> ApiKey:
    key = cloud.authority.issue_key(folder, kind)
    return ApiKey(SecretStr(key.app_key), key.private_key_file)


class TestWhatIsSent:
    async def test_nothing_where_nothing_is_set(self, source_with: SourceWith, cloud: FutuCloudGateway) -> None:
        cloud.authority.required = False
        assert await ask(source_with(None)) == 5
        sent = cloud.requests[0].headers
        assert not {"authorization", "x-api-key", "x-timestamp", "x-nonce"} & set(sent)

    async def test_a_token_as_a_bearer(self, source: FutuCloudSource, cloud: FutuCloudGateway) -> None:
        assert await ask(source) == 5
        assert cloud.requests[0].headers["authorization"] == f"Bearer {cloud.authority.token}"

    @pytest.mark.parametrize("kind", ["ed25519", "rsa"])
    async def test_a_signature_by_the_keys_own_type(
        self, source_with: SourceWith, cloud: FutuCloudGateway, tmp_path: Path, kind: Kind
    ) -> None:
        source = source_with(issued(cloud, tmp_path, kind))
        assert [await ask(source), await ask(source)] == [5, 5]
        first, second = (request.headers for request in cloud.requests)
        assert first["x-nonce"] != second["x-nonce"]
        assert not first["authorization"].startswith("Bearer")

    async def test_an_attempt_after_a_failure_is_signed_anew(
        self, source_with: SourceWith, cloud: FutuCloudGateway, tmp_path: Path
    ) -> None:
        cloud.fail("html_502", times=1)
        assert await ask(source_with(issued(cloud, tmp_path))) == 5
        first, second = (request.headers for request in cloud.requests)
        assert first["x-timestamp"] != second["x-timestamp"]

    async def test_the_signed_text_is_the_vendors(self, tmp_path: Path) -> None:
        private = Ed25519PrivateKey.generate()
        file = write(tmp_path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        target = Target("POST", "/v1/a", "b=1&c=%20", b'{"d":2}')
        headers = await ApiKey(SecretStr("key"), file).authorize(target)
        digest = sha256(b'{"d":2}').hexdigest()
        signed = f"{headers['X-Timestamp']}\nPOST\n/v1/a\nb=1&c=%20\n{digest}".encode()
        private.public_key().verify(base64.b64decode(headers["Authorization"]), signed)

    async def test_a_key_of_ssh_keygen_signs_too(self, tmp_path: Path) -> None:
        private = Ed25519PrivateKey.generate()
        file = write(tmp_path, private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        headers = await ApiKey(SecretStr("key"), file).authorize(TARGET)
        signed = f"{headers['X-Timestamp']}\nGET\n{TARGET.path}\n{TARGET.query}\n".encode()
        private.public_key().verify(base64.b64decode(headers["Authorization"]), signed)

    async def test_a_key_in_the_home_folder_is_found(self, tmp_path: Path) -> None:
        private = Ed25519PrivateKey.generate()
        write(tmp_path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        assert await ApiKey(SecretStr("key"), Path("~/key.pem")).authorize(TARGET)


class TestWhatIsRefused:
    async def test_no_credentials_are_told_what_to_set(self, source_with: SourceWith, cloud: FutuCloudGateway) -> None:
        with pytest.raises(NotConfigured, match="FUTU_API_TOKEN, or FUTU_API_KEY with FUTU_API_PRIVATE_KEY_FILE"):
            await ask(source_with(None))
        cloud.fail("code_-9")
        with pytest.raises(NotConfigured, match="none are set"):
            await ask(source_with(None))

    async def test_a_withdrawn_token_is_told_to_be_renewed(
        self, source: FutuCloudSource, cloud: FutuCloudGateway
    ) -> None:
        cloud.authority.revoke()
        with pytest.raises(CredentialsRefused, match="set FUTU_API_TOKEN to the new token"):
            await ask(source)
        assert len(cloud.requests) == 1

    async def test_a_key_of_another_pair_is_told_to_be_checked(
        self, source_with: SourceWith, cloud: FutuCloudGateway, tmp_path: Path
    ) -> None:
        one, other = issued(cloud, tmp_path), issued(cloud, tmp_path)
        with pytest.raises(CredentialsRefused, match=r"belong together.*clock"):
            await ask(source_with(ApiKey(one.key, other.private_key_file)))

    async def test_a_clock_more_than_five_seconds_wrong_is_too(
        self, source_with: SourceWith, cloud: FutuCloudGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = source_with(issued(cloud, tmp_path))
        monkeypatch.setattr("mcp_shortvol.sources.futu_cloud.auth.time", lambda: 1_780_000_000.0)
        with pytest.raises(CredentialsRefused, match="clock"):
            await ask(source)


def write(folder: Path, data: bytes) -> Path:
    file = folder / "key.pem"
    file.write_bytes(data)
    return file


def encrypted(_: Path) -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )


def of_another_type(_: Path) -> bytes:
    return generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def encrypted_by_ssh(_: Path) -> bytes:
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        .replace(b"b3BlbnNzaC1rZXktdjE", b"b3BlbnNzaC1rZXktdjF")
    )


def armoured(body: bytes) -> bytes:
    """A body between the lines that a private key stands between."""
    label = b"PRIVATE KEY"
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label, body, label)


USELESS: list[Callable[[Path], bytes]] = [
    encrypted,
    encrypted_by_ssh,
    of_another_type,
    lambda _: b"",
    lambda _: b"MARKER of a secret",
    lambda _: armoured(b"TUFSS0VS"),
    lambda _: b"\x00\xff" * 100,
]


@pytest.mark.parametrize("make", USELESS)
async def test_a_key_file_of_no_use_is_told_what_it_must_be(tmp_path: Path, make: Callable[[Path], bytes]) -> None:
    with pytest.raises(NotConfigured, match="Ed25519 or RSA private key in PEM form") as caught:
        await ApiKey(SecretStr("key"), write(tmp_path, make(tmp_path))).authorize(TARGET)
    assert "MARKER" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("name", ["missing.pem", "."])
async def test_a_key_file_that_cannot_be_read_is_told_from_one_of_no_use(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotConfigured, match="cannot be read"):
        await ApiKey(SecretStr("key"), tmp_path / name).authorize(TARGET)


class TestSettings:
    def test_nothing_set_is_no_credentials(self) -> None:
        assert cloud_credentials(None, None, None) is None

    def test_the_token_goes_before_the_app_key(self) -> None:
        assert cloud_credentials(SecretStr("t"), SecretStr("k"), Path("p")) == BearerToken(SecretStr("t"))

    def test_an_app_key_needs_its_file(self) -> None:
        assert cloud_credentials(None, SecretStr("k"), Path("p")) == ApiKey(SecretStr("k"), Path("p"))
        with pytest.raises(NotConfigured, match="FUTU_API_PRIVATE_KEY_FILE is missing"):
            cloud_credentials(None, SecretStr("k"), None)
        with pytest.raises(NotConfigured, match="FUTU_API_KEY is missing"):
            cloud_credentials(None, None, Path("p"))

    @pytest.mark.parametrize("text", ["MARKER\u201d", "MARKER\x00", "\u200bMARKER"])
    def test_what_no_header_can_carry_is_refused_without_repeating_it(self, text: str) -> None:
        with pytest.raises(NotConfigured, match="FUTU_API_TOKEN holds characters") as caught:
            cloud_credentials(SecretStr(text), None, None)
        assert "MARKER" not in str(caught.value)
        with pytest.raises(NotConfigured, match="FUTU_API_KEY holds characters"):
            cloud_credentials(None, SecretStr(text), Path("p"))

    async def test_no_representation_tells_a_secret(self, cloud: FutuCloudGateway, tmp_path: Path) -> None:
        token = BearerToken(SecretStr("MARKER"))
        assert "MARKER" not in repr(token) + str(token)
        key = issued(cloud, tmp_path)
        await key.authorize(TARGET)
        assert key.key.get_secret_value() not in repr(key)
        assert not await key.renew({})
        assert not await token.renew({})

    @pytest.mark.skipif(sys.platform == "win32", reason="files have no such modes there")
    def test_the_sandboxs_key_files_are_their_owners_only(self, cloud: FutuCloudGateway, tmp_path: Path) -> None:
        file = cloud.authority.issue_key(tmp_path).private_key_file
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
