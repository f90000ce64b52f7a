"""Who may come in: tokens of the file, tokens of an authorisation server, and each way to be turned away."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import jwt
import pytest
from anyio.from_thread import start_blocking_portal
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from mcp_shortvol.domain.errors import InvalidRequest
from mcp_shortvol.sandbox.http import HttpServer, Request, Response
from mcp_shortvol.serving.tokens import TokenFile
from tests.serving.served import COMMAND, Served, serving

PUBLIC = "https://shortvol.example"
RESOURCE = f"{PUBLIC}/mcp"


def cli(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "token", *arguments],
        env=os.environ | {"SHORTVOL_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


class TestTheFile:
    def test_a_token_is_shown_once_and_only_its_hash_is_kept(self, tmp_path: Path) -> None:
        made = cli(tmp_path, "new", "alice")
        token = made.stdout.strip()
        assert token.startswith("svt_")
        listed = cli(tmp_path, "list").stdout
        assert listed.startswith("alice: made ")
        assert "never used" in listed
        content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert token.rpartition("_")[2].encode() not in content
        assert token not in listed
        assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())

    def test_a_name_is_taken_once_and_revoked_once(self, tmp_path: Path) -> None:
        cli(tmp_path, "new", "alice")
        assert cli(tmp_path, "new", "alice").returncode == 2
        assert cli(tmp_path, "revoke", "alice").returncode == 0
        assert cli(tmp_path, "revoke", "alice").returncode == 2
        assert cli(tmp_path, "list").stdout == "There are no tokens.\n"

    @pytest.mark.parametrize("name", ["", "a b", "a\n", "\u00e9", "x" * 65, "-x"])
    def test_a_name_is_a_plain_one(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(InvalidRequest):
            anyio.run(TokenFile(tmp_path / "tokens").issue, name, None)

    def test_secrets_are_compared_in_constant_time_whether_or_not_the_token_is_known(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        compared: list[int] = []
        real = __import__("hmac").compare_digest

        def counting(one: str, other: str) -> bool:
            compared.append(len(one))
            return bool(real(one, other))

        monkeypatch.setattr("mcp_shortvol.serving.tokens.hmac.compare_digest", counting)

        async def check() -> None:
            file = TokenFile(tmp_path / "tokens")
            token = await file.issue("alice", 1)
            assert await file.verify(token)
            number = token.split("_")[1]
            assert await file.verify(f"svt_{number}_{'A' * 43}") is None
            assert await file.verify(f"svt_{'0' * 16}_{'A' * 43}") is None
            assert await file.verify("not one") is None
            await file.aclose()

        anyio.run(check)
        assert compared == [64, 64, 64]

    def test_one_whose_time_is_over_is_none_also_while_it_is_remembered(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def check() -> None:
            file = TokenFile(tmp_path / "tokens")
            token = await file.issue("alice", 1)
            assert await file.verify(token)
            monkeypatch.setattr("mcp_shortvol.serving.tokens.time", lambda: time.time() + 86_401)
            assert await file.verify(token) is None
            await file.aclose()

        anyio.run(check)


@pytest.fixture(scope="module")
def alice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str, Path]]:
    """A server that Alice has a token of."""
    folder = tmp_path_factory.mktemp("tokens")
    token = cli(folder, "new", "alice").stdout.strip()
    with serving(folder) as running:
        yield running, token, folder


class TestTokens:
    def test_whoever_has_one_comes_in_and_the_log_says_who(self, alice: tuple[Served, str, Path]) -> None:
        served, token, folder = alice
        assert served.post(token=token, x_request_id="by-alice").status_code == 200
        assert served.line("by-alice")["caller"] == "alice"
        assert "last used " in cli(folder, "list").stdout
        assert token not in served.log()

    @pytest.mark.parametrize(
        "authorization",
        [
            None,
            "Bearer",
            "Bearer wrong",
            "Basic YWxpY2U6eA==",
            f"Bearer svt_{'0' * 16}_{'A' * 43}",
            "Token {}",
            "Bearer {}x",
        ],
    )
    def test_whoever_has_none_gets_401_and_nothing_else(
        self, alice: tuple[Served, str, Path], authorization: str | None
    ) -> None:
        served, token, _ = alice
        headers = {} if authorization is None else {"authorization": authorization.format(token)}
        answer = served.post(**headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
        assert answer.json() == {"error": "invalid_token", "error_description": "Authentication required"}

    def test_probes_need_none(self, alice: tuple[Served, str, Path]) -> None:
        assert alice[0].get("/healthz").status_code == alice[0].get("/readyz").status_code == 200

    def test_one_that_is_revoked_is_refused_within_seconds(self, alice: tuple[Served, str, Path]) -> None:
        served, _, folder = alice
        token = cli(folder, "new", "bob").stdout.strip()
        assert served.post(token=token).status_code == 200
        cli(folder, "revoke", "bob")
        for _ in range(80):
            if served.post(token=token).status_code == 401:
                return
            time.sleep(0.1)
        pytest.fail("a revoked token was accepted for 8 seconds")


class Issuer:
    """An authorisation server's keys and tokens."""

    def __init__(self) -> None:
        self.keys = {"one": rsa.generate_private_key(65537, 2048), "two": ec.generate_private_key(ec.SECP256R1())}
        self.published = ["one"]
        self.down = False
        self.asked = 0
        self.url = ""

    def __call__(self, request: Request) -> Response:
        self.asked += request.path == "/.well-known/jwks.json"
        if self.down:
            return Response(503, b"")
        keys = []
        for kid in self.published:
            kind = jwt.algorithms.RSAAlgorithm if kid == "one" else jwt.algorithms.ECAlgorithm
            keys.append(json.loads(kind.to_jwk(self.keys[kid].public_key())) | {"kid": kid, "use": "sig"})
        return Response(200, json.dumps({"keys": keys}).encode())

    def token(self, kid: str = "one", *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        now = int(time.time())
        body = {
            "iss": self.url,
            "aud": RESOURCE,
            "sub": "u1",
            "client_id": "desk",
            "exp": now + 300,
            "scope": "read",
        } | claims
        algorithm = "RS256" if kid == "one" else "ES256"
        return jwt.encode(
            {name: value for name, value in body.items() if value is not None},
            self.keys[kid],  # type: ignore[arg-type]
            algorithm=algorithm,
            headers={"kid": kid, **(headers or {})},
        )

    @property
    def public_pem(self) -> bytes:
        return (
            self.keys["one"]
            .public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    made = Issuer()
    with start_blocking_portal() as portal:
        server = HttpServer(made)
        made.url = f"http://127.0.0.1:{portal.call(server.start)}"
        yield made
        portal.call(server.stop)


@pytest.fixture(scope="module")
def resource(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = {
        "SHORTVOL_HTTP_ISSUER": issuer.url,
        "SHORTVOL_HTTP_PUBLIC_URL": PUBLIC,
        "SHORTVOL_HTTP_SCOPES": "read",
        "SHORTVOL_HTTP_ALGORITHMS": "RS256 ES256",
        "SHORTVOL_HTTP_CALLER_RATE": "off",
    }
    with serving(tmp_path_factory.mktemp("jwt"), **settings) as running:
        yield running


def unsigned(issuer: Issuer) -> str:
    return jwt.encode(
        jwt.decode(issuer.token(), options={"verify_signature": False}), None, algorithm="none", headers={"kid": "one"}
    )  # type: ignore[arg-type]


def signed_with_the_public_key(issuer: Issuer) -> str:
    """An HMAC over the public key, for a verifier that lets the token choose its algorithm."""
    import base64
    import hmac as mac

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    text = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'one'})}.{part(claims)}"
    signature = base64.urlsafe_b64encode(mac.digest(issuer.public_pem, text.encode(), "sha256")).rstrip(b"=").decode()
    return f"{text}.{signature}"


WRONG: dict[str, Callable[[Issuer], str]] = {
    "expired": lambda issuer: issuer.token(exp=int(time.time()) - 60),
    "not yet valid": lambda issuer: issuer.token(nbf=int(time.time()) + 120),
    "without an end": lambda issuer: issuer.token(exp=None),
    "for another resource": lambda issuer: issuer.token(aud="https://elsewhere.example/mcp"),
    "without an audience": lambda issuer: issuer.token(aud=None),
    "of another issuer": lambda issuer: issuer.token(iss="https://elsewhere.example"),
    "of a key that is not published": lambda issuer: issuer.token("two"),
    "of another key under a known id": lambda issuer: issuer.token("two", headers={"kid": "one"}),
    "alg=none": unsigned,
    "the public key as a secret": signed_with_the_public_key,
    "cut": lambda issuer: issuer.token()[:-6],
    "no token at all": lambda _: "a.b.c",
}


class TestAuthorisationServer:
    def test_its_tokens_come_in(self, resource: Served, issuer: Issuer) -> None:
        assert resource.post(token=issuer.token(), host="shortvol.example", x_request_id="j1").status_code == 200
        assert resource.post(token=issuer.token(aud=["other", RESOURCE])).status_code == 200
        assert resource.line("j1")["caller"] == "desk"

    def test_a_clock_that_is_a_little_off_is_forgiven(self, resource: Served, issuer: Issuer) -> None:
        assert resource.post(token=issuer.token(nbf=int(time.time()) + 10)).status_code == 200

    @pytest.mark.parametrize("case", WRONG)
    def test_a_token_that_is_not_in_order_gets_401(self, resource: Served, issuer: Issuer, case: str) -> None:
        answer = resource.post(token=WRONG[case](issuer))
        assert answer.status_code == 401
        challenge = answer.headers["www-authenticate"]
        assert challenge.startswith('Bearer error="invalid_token"')
        assert f'resource_metadata="{PUBLIC}/.well-known/oauth-protected-resource/mcp"' in challenge
        assert set(answer.json()) == {"error", "error_description"}

    @pytest.mark.parametrize("scopes", [{"scope": ""}, {"scope": "write"}, {"scope": None, "scp": ["write"]}])
    def test_one_without_the_scope_gets_403(self, resource: Served, issuer: Issuer, scopes: dict[str, Any]) -> None:
        answer = resource.post(token=issuer.token(**scopes))
        assert answer.status_code == 403
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]

    def test_scp_is_a_scope_too(self, resource: Served, issuer: Issuer) -> None:
        assert resource.post(token=issuer.token(scope=None, scp=["read"])).status_code == 200

    def test_the_metadata_say_where_to_sign_in(self, resource: Served, issuer: Issuer) -> None:
        found = resource.get("/.well-known/oauth-protected-resource/mcp").json()
        assert found["resource"] == RESOURCE
        assert [url.rstrip("/") for url in found["authorization_servers"]] == [issuer.url]
        assert found["scopes_supported"] == ["read"]

    def test_a_new_key_is_found_and_keys_are_not_asked_for_each_time(self, resource: Served, issuer: Issuer) -> None:
        issuer.published = ["one", "two"]
        for _ in range(120):  # at most every ten seconds
            if resource.post(token=issuer.token("two")).status_code == 200:
                break
            time.sleep(0.1)
        asked = issuer.asked
        for _ in range(10):
            assert resource.post(token=issuer.token("two")).status_code == 200
        assert issuer.asked == asked

    def test_known_keys_hold_while_the_server_is_down(self, resource: Served, issuer: Issuer) -> None:
        issuer.down = True
        assert resource.post(token=issuer.token()).status_code == 200
        issuer.down = False

    def test_no_token_is_in_the_log(self, resource: Served, issuer: Issuer) -> None:
        token = issuer.token()
        resource.post(token=token)
        assert token.rpartition(".")[2] not in resource.log()

    @pytest.mark.parametrize("algorithms", ["HS256", "none", "RS256 HS256"])
    def test_no_symmetric_algorithm_can_be_set(self, tmp_path: Path, algorithms: str) -> None:
        env = os.environ | {"SHORTVOL_HTTP_ALGORITHMS": algorithms, "SHORTVOL_DATA_DIR": str(tmp_path)}
        done = subprocess.run([COMMAND, "serve", "--http"], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 3
        assert "SHORTVOL_HTTP_ALGORITHMS: must be of RS256" in done.stderr
