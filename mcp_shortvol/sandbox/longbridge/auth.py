"""Authentication at the simulated Longbridge gateway: signed app keys, OAuth bearer tokens, rotating refresh tokens.

Credentials are random for every run, so credentials that a sandbox prints are valid nowhere else.
"""

import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict
from urllib.parse import urlencode

from mcp_shortvol.sandbox.http import Request, Response

__all__ = ["Authority", "Credentials", "TokenFile", "signature"]

_SIGNED_HEADERS = "authorization;x-api-key;x-timestamp"
_REFRESHED_LIFETIME_S = 3600


@dataclass(frozen=True, slots=True)
class Credentials:
    """An app key with its secret and access token."""

    app_key: str = field(default_factory=lambda: f"sandbox{secrets.token_hex(12)}")
    app_secret: str = field(default_factory=lambda: secrets.token_hex(32), repr=False)
    access_token: str = field(default_factory=lambda: f"sandbox{secrets.token_urlsafe(48)}", repr=False)


class TokenFile(TypedDict):
    """The token file in which Longbridge's SDK stores an OAuth grant; `expires_at` is in Unix seconds."""

    client_id: str
    access_token: str
    refresh_token: str
    expires_at: int


@dataclass(slots=True)
class _Grant:
    client_id: str
    expires_at: float


def signature(app_secret: str, request: Request) -> str:
    """The `X-Api-Signature` that Longbridge expects for a request with these headers."""
    signed = "".join(f"{name}:{request.headers.get(name, '')}\n" for name in _SIGNED_HEADERS.split(";"))
    body = hashlib.sha1(request.body, usedforsecurity=False).hexdigest() if request.body else ""
    canonical = "|".join((request.method, request.path, request.raw_query, signed, _SIGNED_HEADERS, body))
    digest = hashlib.sha1(canonical.encode(), usedforsecurity=False).hexdigest()
    signed_digest = hmac.new(app_secret.encode(), f"HMAC-SHA256|{digest}".encode(), hashlib.sha256).hexdigest()
    return f"HMAC-SHA256 SignedHeaders={_SIGNED_HEADERS}, Signature={signed_digest}"


class Authority:
    """Issues credentials and authenticates requests."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.credentials = Credentials()
        self.refuse_duplicates = False
        """Whether a repeated signature is refused; whether the vendor always refuses one is unknown."""
        self._now = now
        self._access: dict[str, _Grant] = {}
        self._refresh: dict[str, _Grant] = {}
        self._seen: set[str] = set()
        self.refuse_sign_in = False
        self._clients: dict[str, tuple[str, ...]] = {}
        self._codes: dict[str, tuple[str | None, str | None, str]] = {}

    def issue_token(self, client_id: str, expires_in: float = _REFRESHED_LIFETIME_S) -> TokenFile:
        """A new OAuth grant in the form of the SDK's token file; `expires_in` is seconds and may be negative."""
        access, refresh = f"sandbox{secrets.token_urlsafe(48)}", f"sandbox{secrets.token_urlsafe(48)}"
        expires_at = self._now() + expires_in
        self._access[access] = self._refresh[refresh] = _Grant(client_id, expires_at)
        return TokenFile(client_id=client_id, access_token=access, refresh_token=refresh, expires_at=int(expires_at))

    def expire_tokens(self) -> None:
        """Expire every OAuth access token now, regardless of its file; refresh tokens stay valid."""
        for grant in self._access.values():
            grant.expires_at = self._now()

    def revoke_tokens(self) -> None:
        """Revoke every OAuth grant and its refresh token."""
        self._access.clear()
        self._refresh.clear()

    def refusal(self, request: Request) -> tuple[int, str] | None:
        """The gateway's error code and message for a request that fails authentication; None where it passes."""
        key, token = request.headers.get("x-api-key", ""), request.headers.get("authorization", "")
        if token.startswith("Bearer "):
            return self._bearer_refusal(key, token.removeprefix("Bearer "))
        if key != self.credentials.app_key:
            return 403203, "app key illegal"
        signed = request.headers.get("x-api-signature", "")
        expected = signature(self.credentials.app_secret, request)
        if not hmac.compare_digest(signed.encode(), expected.encode()):
            return 403201, "signature invalid"
        if token != self.credentials.access_token:
            return 401004, "token invalid"
        if self.refuse_duplicates and signed in self._seen:
            return 403202, "duplicate request"
        self._seen.add(signed)
        return None

    def _bearer_refusal(self, client_id: str, token: str) -> tuple[int, str] | None:
        grant = self._access.get(token)
        if grant is None or grant.client_id != client_id:
            return 401004, "token invalid"
        return (401003, "token expired") if grant.expires_at <= self._now() else None

    def token(self, request: Request) -> Response:
        """The response of `/oauth2/token`: a new pair of tokens, once for each code or refresh token."""
        form = request.form
        if form.get("grant_type") == "authorization_code":
            return self._exchange(form)
        if form.get("grant_type") != "refresh_token":
            return _oauth_response(400, {"error": "unsupported_grant_type"})
        grant = self._refresh.get(form.get("refresh_token", ""))
        if grant is None or grant.client_id != form.get("client_id"):
            return _oauth_response(400, {"error": "invalid_grant"})
        del self._refresh[form["refresh_token"]]
        return self._issued(grant.client_id)

    def register(self, request: Request) -> Response:
        """The response of `/oauth2/register`: a client id (RFC 7591)."""
        client = json.loads(request.body or b"{}")
        client_id = f"sandbox-{secrets.token_hex(6)}"
        self._clients[client_id] = tuple(client.get("redirect_uris", ()))
        return _oauth_response(201, {"client_id": client_id})

    def authorize(self, request: Request) -> Response:
        """The response of `/oauth2/authorize`: whoever comes is signed in and sent back with a code."""
        query = request.query
        redirect = query.get("redirect_uri", "")
        known = self._clients.get(query.get("client_id", ""))
        if known is None or redirect not in known or query.get("code_challenge_method") != "S256":
            return _oauth_response(400, {"error": "invalid_request"})
        code = secrets.token_urlsafe(24)
        self._codes[code] = (query["client_id"], redirect, query.get("code_challenge", ""))
        answer = {"error": "access_denied"} if self.refuse_sign_in else {"code": code}
        return Response(302, b"", {"location": f"{redirect}?{urlencode({**answer, 'state': query.get('state', '')})}"})

    def _exchange(self, form: Mapping[str, str]) -> Response:
        """A code for tokens, once, to whoever has the verifier of its challenge (RFC 7636)."""
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(digest).decode().rstrip("=")
        expected = (form.get("client_id"), form.get("redirect_uri"), challenge)
        if self._codes.pop(form.get("code", ""), None) != expected:
            return _oauth_response(400, {"error": "invalid_grant"})
        return self._issued(expected[0] or "")

    def _issued(self, client_id: str) -> Response:
        issued = self.issue_token(client_id)
        tokens = {"access_token": issued["access_token"], "refresh_token": issued["refresh_token"]}
        return _oauth_response(200, {**tokens, "token_type": "Bearer", "expires_in": _REFRESHED_LIFETIME_S})


def _oauth_response(status: int, members: Mapping[str, str | int]) -> Response:
    return Response(status, json.dumps(members).encode(), {"cache-control": "no-store"})
