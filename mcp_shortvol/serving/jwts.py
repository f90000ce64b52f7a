"""Tokens of an authorisation server (JWT, RFC 7519), verified with the keys it publishes (JWKS, RFC 7517).

Only asymmetric algorithms that are set are accepted, so that neither `none` nor a public key taken for an HMAC secret
passes. A key that is not known yet is looked for at the server once in a while (rotation); keys that cannot be fetched
now stay good for a time.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import anyio
import jwt

from mcp_shortvol.domain.errors import ShortVolumeError
from mcp_shortvol.sources.http import HttpClient

__all__ = ["Identity", "JwtVerifier"]

_KEYS_HOLD = 600.0
_STALE_KEYS_HOLD = 86_400.0
_LOOKS_EVERY = 10.0
_LEEWAY = 30.0  # seconds by which two clocks may differ
_MOST_KEYS = 50

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in: the client, the subject where there is one, the scopes granted, and when it ends (Unix time)."""

    client_id: str
    subject: str | None
    scopes: Sequence[str]
    ends_at: int
    claims: Mapping[str, Any]


class JwtVerifier:
    """Verifies tokens that `issuer` made for `audience`, with one of `algorithms`; keys come from `jwks_url`."""

    def __init__(self, issuer: str, audience: str, jwks_url: str, algorithms: Sequence[str], *, timeout: float) -> None:
        self._issuer = issuer
        self._audience = audience
        self._algorithms = list(algorithms)
        parts = urlsplit(jwks_url)
        self._path = parts.path
        self._http = HttpClient("The authorisation server", f"{parts.scheme}://{parts.netloc}", timeout=timeout)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = self._looked_at = -_STALE_KEYS_HOLD
        self._fetching = anyio.Lock()

    async def aclose(self) -> None:
        """Close the connection to the authorisation server."""
        await self._http.aclose()

    async def verify(self, text: str) -> Identity | None:
        """Who signed in; None for any token that is not in order."""
        try:
            header = jwt.get_unverified_header(text)
        except jwt.PyJWTError:
            return None
        if header.get("alg") not in self._algorithms:
            return None
        key = await self._key(str(header.get("kid", "")))
        if key is None:
            return None
        try:
            claims = jwt.decode(
                text,
                key.key,
                algorithms=self._algorithms,
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (jwt.PyJWTError, TypeError, ValueError):  # the latter two: a key of another kind than the algorithm
            return None
        subject = claims.get("sub")
        return Identity(
            client_id=str(claims.get("client_id") or claims.get("azp") or subject or "unknown"),
            subject=subject if isinstance(subject, str) else None,
            scopes=_scopes(claims),
            ends_at=int(claims["exp"]),
            claims=claims,
        )

    async def _key(self, kid: str) -> jwt.PyJWK | None:
        now = monotonic()
        if kid not in self._keys or now - self._fetched_at > _KEYS_HOLD:
            await self._fetch(kid)
        if monotonic() - self._fetched_at > _STALE_KEYS_HOLD:
            return None
        return self._keys.get(kid)

    async def _fetch(self, kid: str) -> None:
        async with self._fetching:
            fresh = monotonic() - self._fetched_at <= _KEYS_HOLD
            if (kid in self._keys and fresh) or monotonic() - self._looked_at < _LOOKS_EVERY:
                return
            self._looked_at = monotonic()
            try:
                reply = await self._http.get(self._path, {}, None)
                keys = _keys_in(reply.json()) if reply.status == 200 else None
            except (ShortVolumeError, ValueError):
                keys = None
            if keys is None:
                logger.warning("The keys of the authorisation server cannot be fetched; known ones hold for a day.")
                return
            self._keys = keys
            self._fetched_at = monotonic()


def _keys_in(document: object) -> dict[str, jwt.PyJWK] | None:
    """The asymmetric signing keys of a JWKS by their id; None where it is none."""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        return None
    found = {}
    for each in listed[:_MOST_KEYS]:
        if not isinstance(each, dict) or each.get("kty") == "oct" or each.get("use", "sig") != "sig":
            continue
        try:
            found[str(each.get("kid", ""))] = jwt.PyJWK.from_json(json.dumps(each))
        except jwt.PyJWTError:
            continue  # a kind of key that is not known here
    return found


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    """The scopes of a token: `scope` in words (RFC 8693), or `scp` as a list or in words."""
    value = claims.get("scope", claims.get("scp", ""))
    words = value.split() if isinstance(value, str) else value
    return [word for word in words if isinstance(word, str)] if isinstance(words, list) else []
