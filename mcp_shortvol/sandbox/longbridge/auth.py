"""Authentication at the simulated Longbridge gateway: signed app keys, OAuth bearer tokens, rotating refresh tokens.

Credentials are random for every run, so credentials that a sandbox prints are valid nowhere else.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypedDict

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

    def refresh(self, request: Request) -> Response:
        """The response of `/oauth2/token`: a new pair of tokens, once for each refresh token."""
        form = request.form
        if form.get("grant_type") != "refresh_token":
            return _oauth_response(400, {"error": "unsupported_grant_type"})
        grant = self._refresh.get(form.get("refresh_token", ""))
        if grant is None or grant.client_id != form.get("client_id"):
            return _oauth_response(400, {"error": "invalid_grant"})
        del self._refresh[form["refresh_token"]]
        issued = self.issue_token(grant.client_id)
        tokens = {"access_token": issued["access_token"], "refresh_token": issued["refresh_token"]}
        return _oauth_response(200, {**tokens, "token_type": "Bearer", "expires_in": _REFRESHED_LIFETIME_S})


def _oauth_response(status: int, members: Mapping[str, str | int]) -> Response:
    return Response(status, json.dumps(members).encode(), {"cache-control": "no-store"})
