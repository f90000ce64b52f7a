"""The sign-in to Longbridge by OAuth 2.0 with PKCE (RFC 7636), as its SDK does it, up to the SDK's own token file."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from urllib.parse import parse_qs, urlencode, urlsplit

from mcp_shortvol.domain.errors import CredentialsRefused, InvalidRequest, UpstreamError
from mcp_shortvol.sources.http import HttpClient, Reply
from mcp_shortvol.sources.longbridge.oauth import locked, replacement

__all__ = ["REDIRECT_PORT", "SignIn", "register"]

REDIRECT_PORT = 60355
"""The port of the SDK's redirect, `http://localhost:60355/callback`: the only one that a sign-in may come back to."""

_REDIRECT = f"http://localhost:{REDIRECT_PORT}/callback"
_USUAL_LIFETIME = 3600


async def register(http: HttpClient) -> str:
    """A client id for this machine (RFC 7591, a public client); raises UpstreamError where none is given."""
    client = {
        "client_name": "mcp-shortvol",
        "redirect_uris": [_REDIRECT],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    client_id = _members(await http.post_json("/oauth2/register", client)).get("client_id")
    if not isinstance(client_id, str) or not client_id.isascii():
        raise UpstreamError("Longbridge registered this program without giving it a client id.", "Try again later.")
    return client_id


@dataclass(frozen=True, slots=True)
class SignIn:
    """One sign-in of a client, from the address to open to the token file."""

    client_id: str
    base_url: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @property
    def address(self) -> str:
        """What the user opens in a browser."""
        challenge = urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": _REDIRECT,
            "state": self.state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.base_url}/oauth2/authorize?{urlencode(query)}"

    def code_in(self, redirected: str) -> str:
        """The code in the address that the browser was sent back to; raises InvalidRequest where it is not ours."""
        answer = {name: values[-1] for name, values in parse_qs(urlsplit(redirected.strip()).query).items()}
        if not secrets.compare_digest(answer.get("state", "").encode(), self.state.encode()):
            raise InvalidRequest(
                "That address does not belong to this sign-in.", "Open the printed one, and give the one it leads to."
            )
        if "error" in answer or "code" not in answer:
            raise InvalidRequest("Longbridge did not allow the sign-in.", "Run the login again and allow it.")
        return answer["code"]

    async def finish(self, http: HttpClient, code: str, folder: Path) -> Path:
        """Exchange the code, and keep the tokens as the SDK does; the file, readable by its owner only."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": _REDIRECT,
            "client_id": self.client_id,
            "code_verifier": self.verifier,
        }
        tokens = _members(await http.post_form("/oauth2/token", form))
        access, refresh = tokens.get("access_token"), tokens.get("refresh_token")
        if not isinstance(access, str) or not access:
            raise UpstreamError("Longbridge answered the sign-in without a token.", "Run the login again.")
        lifetime = tokens.get("expires_in")
        seconds = lifetime if isinstance(lifetime, int | float) else _USUAL_LIFETIME
        content = {
            "client_id": self.client_id,
            "access_token": access,
            "refresh_token": refresh if isinstance(refresh, str) else None,
            "expires_at": int(time() + seconds),
        }
        file = folder / self.client_id
        with suppress(OSError):  # what is wrong with the folder is said by the lock
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # noqa: ASYNC240 - once, and by a command
        async with locked(file):
            with replacement(file) as new:
                json.dump(content, new)
        return file


def _members(reply: Reply) -> Mapping[str, object]:
    """The JSON object of a reply; raises where the authorisation server refused or sent none."""
    if reply.status in {400, 401, 403}:
        raise CredentialsRefused("Longbridge refused the sign-in.", "Run the login again.")
    try:
        content = reply.json()
    except ValueError:
        content = None
    if not 200 <= reply.status < 300 or not isinstance(content, dict):
        raise UpstreamError(f"Longbridge's sign-in is out of order (HTTP {reply.status}).", "Try again later.")
    return content
