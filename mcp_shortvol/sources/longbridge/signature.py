"""Authentication by app key: the signature of Longbridge's OpenAPI.

The canonical string and the header are the vendor's; the captured vectors in tests/wire/golden reproduce them.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from time import time

from pydantic import SecretStr

from mcp_shortvol.domain.credentials import account_mark
from mcp_shortvol.sources.http import Target
from mcp_shortvol.sources.longbridge.region import data_center

__all__ = ["AppKey"]

_SIGNED_HEADERS = "authorization;x-api-key;x-timestamp"


class Clock:
    """The X-Timestamp of one request after another: Unix seconds with three decimals, no two the same.

    Equal calls with equal timestamps share a signature, and the gateway knows a "duplicate request".
    """

    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> str:
        self._last = max(self._last + 1, int(time() * 1000))
        return f"{self._last / 1000:.3f}"


@dataclass(frozen=True, slots=True)
class AppKey:
    """An app key, its secret and its access token; `now` gives the X-Timestamp of a request."""

    key: SecretStr
    secret: SecretStr
    token: SecretStr
    now: Callable[[], str] = field(default_factory=Clock)

    @property
    def account(self) -> str:
        """The app key's mark."""
        return account_mark(self.key.get_secret_value())

    async def authorize(self, target: Target) -> Mapping[str, str]:
        """The headers that authenticate one request."""
        token, key, timestamp = self.token.get_secret_value(), self.key.get_secret_value(), self.now()
        body_digest = sha1(target.body, usedforsecurity=False).hexdigest() if target.body else ""
        canonical = "|".join(
            (
                target.method,
                target.path,
                target.query,
                f"authorization:{token}\nx-api-key:{key}\nx-timestamp:{timestamp}\n",
                _SIGNED_HEADERS,
                body_digest,
            )
        )
        digest = sha1(canonical.encode(), usedforsecurity=False).hexdigest()
        secret = self.secret.get_secret_value().encode()
        signature = hmac.new(secret, f"HMAC-SHA256|{digest}".encode(), sha256).hexdigest()
        return {
            "Authorization": token,
            "X-Api-Key": key,
            "X-Timestamp": timestamp,
            "X-Api-Signature": f"HMAC-SHA256 SignedHeaders={_SIGNED_HEADERS}, Signature={signature}",
            "X-Dc-Region": data_center(self.key, self.secret, self.token),
        }

    async def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002
        """False: only the user can replace an app key's token."""
        return False
