"""The optional credential of FINRA's Query API: an OAuth client whose token goes with each request.

The token is of the grant `client_credentials`, asked for with HTTP Basic. It is kept in memory only, and renewed a
minute before its end or once it is refused.
"""

from base64 import b64encode
from collections.abc import Mapping
from time import monotonic

import anyio
from pydantic import SecretStr

from mcp_shortvol.domain.credentials import account_mark
from mcp_shortvol.domain.errors import CredentialsRefused, UpstreamFault
from mcp_shortvol.sources.http import HttpClient, Reply, Target, retrying

__all__ = ["ClientCredentials"]

_PATH = "/fip/rest/ews/oauth2/access_token?grant_type=client_credentials"
_EARLY = 60.0
_LIFE = 1500.0  # half an hour is usual; where the answer does not say, a little less


class ClientCredentials:
    """Bearer tokens for the client `client_id`, fetched over `http` when first needed."""

    def __init__(self, client_id: str, secret: SecretStr, http: HttpClient) -> None:
        self.account = account_mark(client_id)
        self._basic = _Basic(client_id, secret)
        self._http = http
        self._token: SecretStr | None = None
        self._ends = 0.0
        self._renewing = anyio.Lock()

    async def authorize(self, _target: Target) -> Mapping[str, str]:
        """The header that authenticates one request."""
        async with self._renewing:
            if self._token is None or monotonic() >= self._ends:
                await self._fetch()
            assert self._token is not None
            return _bearer(self._token)

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Forget the token that was refused, so that the next request fetches one."""
        if self._token is not None and _bearer(self._token) == refused:
            self._token = None
        return True

    async def _fetch(self) -> None:
        reply = await retrying(self._ask)
        try:
            found = reply.json()
        except ValueError:
            found = None
        token = found.get("access_token") if isinstance(found, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
            raise UpstreamFault("FINRA's sign-in answered without a token.", "Try again later.")
        self._token = SecretStr(token)
        self._ends = monotonic() + max(_seconds(found) - _EARLY, 0.0)

    async def _ask(self) -> Reply:
        reply = await self._http.post_form(_PATH, {}, self._basic)
        if reply.status >= 500 or reply.status == 429:
            raise UpstreamFault(f"FINRA's sign-in is out of order (HTTP {reply.status}).", "Try again in a minute.")
        if reply.status != 200:
            raise CredentialsRefused(
                f"FINRA does not accept the credential (HTTP {reply.status}).",
                "Check FINRA_CLIENT_ID and FINRA_CLIENT_SECRET, or unset both: the figures are public.",
            )
        return reply


class _Basic:
    """HTTP Basic for the token's own request."""

    account = ""

    def __init__(self, client_id: str, secret: SecretStr) -> None:
        self._client_id = client_id
        self._secret = secret

    async def authorize(self, _target: Target) -> Mapping[str, str]:
        pair = f"{self._client_id}:{self._secret.get_secret_value()}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    async def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002 - what is set does not change
        return False


def _bearer(token: SecretStr) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token.get_secret_value()}"}


def _seconds(found: object) -> float:
    """How long a token lives, which comes as a number or as its digits."""
    value = found.get("expires_in") if isinstance(found, dict) else None
    text = str(value)
    return min(float(text), 86_400.0) if type(value) in {int, str} and text.isdecimal() and len(text) < 8 else _LIFE
