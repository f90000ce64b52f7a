"""Authentication by OAuth 2.0, with the token file of Longbridge's own SDK and CLI.

    ~/.longbridge/openapi/tokens/<client_id>
    {"client_id": …, "access_token": …, "refresh_token": … or null, "expires_at": Unix seconds}

Refresh tokens roll: each can be used once. A refresh therefore holds a lock that all programs of this machine share,
and reads the file again first. The new token is written to the disk before it is used. A cancelled call does not
interrupt a refresh; only the end of the process does.
"""

import json
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from time import time
from typing import IO, Annotated

import anyio
import anyio.to_thread
from filelock import FileLock, Timeout
from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr, ValidationError

from mcp_shortvol.domain.credentials import account_mark, header_text
from mcp_shortvol.domain.errors import CredentialsRefused, NotConfigured, UpstreamError, UpstreamUnreachable
from mcp_shortvol.sources.http import HttpClient, Target
from mcp_shortvol.sources.longbridge.region import data_center

__all__ = ["OAuth", "locked", "replacement", "sign_in_ends", "token_folder"]

_TEMPORARY = ".token-"
_EARLY = 60  # seconds before its end at which a token counts as expired: clocks differ, and calls take time
_LOCK_WAIT = 20.0
_USUAL_LIFETIME = 3600.0
_LONGEST_LIFETIME = 10 * 365 * 86400.0
_SIGN_IN = (
    "Sign in with mcp-shortvol login longbridge, or with Longbridge's SDK or CLI, "
    "or set LONGBRIDGE_APP_KEY, LONGBRIDGE_APP_SECRET and LONGBRIDGE_ACCESS_TOKEN."
)
_ASK_AGAIN = f"Ask again in a minute; if it is refused then: {_SIGN_IN[0].lower()}{_SIGN_IN[1:]}"


def token_folder() -> Path:
    """Where Longbridge's SDK keeps its tokens, one file a client id."""
    try:
        return Path.home() / ".longbridge" / "openapi" / "tokens"
    except RuntimeError:
        raise NotConfigured("This machine names no home folder, where the sign-in would be.", "Set HOME.") from None


def sign_in_ends(client_id: str, folder: Path) -> float:
    """When the access token of a sign-in ends, in Unix seconds; raises NotConfigured where there is none."""
    return _read_token(folder / client_id).expires_at


Secret = Annotated[SecretStr, BeforeValidator(header_text)]


class _Token(BaseModel):
    """The SDK's token file; keys of its own that we do not know are kept."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    access_token: Secret
    refresh_token: Annotated[SecretStr | None, BeforeValidator(header_text)] = None
    expires_at: float

    @property
    def fresh(self) -> bool:
        return time() < self.expires_at - _EARLY

    def renewed_by(self, new: "_Refreshed") -> dict[str, object]:
        """The file's content with the new tokens, and with everything else as it was."""
        refresh_token = new.refresh_token or self.refresh_token
        return self.model_dump() | {
            "access_token": new.access_token.get_secret_value(),
            "refresh_token": refresh_token.get_secret_value() if refresh_token else None,
            "expires_at": int(time() + min(max(new.expires_in, 0), _LONGEST_LIFETIME)),
        }


class _Refreshed(BaseModel):
    """The answer of the token endpoint."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    access_token: Secret
    refresh_token: Annotated[SecretStr | None, BeforeValidator(header_text)] = None
    expires_in: float = _USUAL_LIFETIME  # optional by RFC 6749, section 5.1


class OAuth:
    """A sign-in by client id; refreshes its access token when it ends or is refused."""

    def __init__(self, client_id: str, http: HttpClient, folder: Path) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", client_id):
            raise NotConfigured(
                "LONGBRIDGE_CLIENT_ID is not a client id: it may hold letters, digits, '.', '_' and '-' only.",
                "Copy it from the name of the file in ~/.longbridge/openapi/tokens.",
            )
        self.account = account_mark(client_id)
        self._client_id = client_id
        self._http = http
        self._file = folder / client_id
        self._turn = anyio.Lock()

    async def authorize(self, _target: Target) -> Mapping[str, str]:
        """The headers that authenticate one request; refreshes an expired token first."""
        token = self._read()
        if not token.fresh:
            token = await self._refresh(refused="")
        return {
            "X-Api-Key": self._client_id,
            "Authorization": _bearer(token),
            "X-Dc-Region": data_center(token.access_token),
        }

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Replace a token that the gateway refused although its time was not over."""
        await self._refresh(refused["Authorization"])
        return True

    async def _refresh(self, refused: str) -> _Token:
        with anyio.CancelScope(shield=True):  # a refresh half made has spent the only refresh token
            async with self._turn, locked(self._file):
                token = self._read()
                if not token.fresh or _bearer(token) == refused:  # else another task or program was quicker
                    # Opened before the exchange: a token that cannot be kept must not be asked for.
                    with replacement(self._file) as file:
                        json.dump(token.renewed_by(await self._exchange(token)), file)
        return self._read()

    async def _exchange(self, token: _Token) -> _Refreshed:
        """What the token endpoint gives for the refresh token."""
        if token.refresh_token is None:
            raise CredentialsRefused("The sign-in to Longbridge has expired.", _SIGN_IN)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": token.refresh_token.get_secret_value(),
            "client_id": self._client_id,
        }
        # Whatever goes wrong from here on is not tried again: the refresh token may be spent.
        try:
            reply = await self._http.post_form("/oauth2/token", form)
        except UpstreamUnreachable as error:
            raise UpstreamError(f"The sign-in to Longbridge could not be refreshed. {error.what}", _ASK_AGAIN) from None
        if reply.status in {400, 401, 403}:
            raise CredentialsRefused("Longbridge no longer accepts this sign-in.", _SIGN_IN)
        if not 200 <= reply.status < 300:
            raise UpstreamError(f"Longbridge could not refresh the sign-in (HTTP {reply.status}).", _ASK_AGAIN)
        try:
            return _Refreshed.model_validate_json(reply.body)
        except ValidationError:
            raise UpstreamError(
                "Longbridge answered the refresh of the sign-in with something that is no token.", _ASK_AGAIN
            ) from None

    def _read(self) -> _Token:
        return _read_token(self._file)


def _read_token(file: Path) -> _Token:
    try:
        return _Token.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        raise NotConfigured("There is no sign-in to Longbridge for this LONGBRIDGE_CLIENT_ID.", _SIGN_IN) from None
    except (OSError, ValidationError):
        raise NotConfigured("The file of the sign-in to Longbridge cannot be read.", _SIGN_IN) from None


@asynccontextmanager
async def locked(token_file: Path) -> AsyncIterator[None]:
    """The token file for this program alone: refreshes and sign-ins of all programs here wait for each other."""
    lock = FileLock(f"{token_file}.lock", timeout=_LOCK_WAIT, thread_local=False, mode=0o600)
    try:
        await anyio.to_thread.run_sync(lock.acquire)
    except Timeout:
        raise UpstreamUnreachable(
            "Another program has been refreshing the sign-in to Longbridge for too long.", "Try again."
        ) from None
    except OSError:
        raise _unusable_folder() from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def replacement(token_file: Path) -> Iterator[IO[str]]:
    """A file for its owner only that takes the token file's place in one step when the block ends well.

    Only for who holds the lock: what an ended process left over is removed.
    """
    try:
        for left_over in token_file.parent.glob(f"{_TEMPORARY}*"):
            left_over.unlink(missing_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=token_file.parent, prefix=_TEMPORARY)  # mode 0600
    except OSError:
        raise _unusable_folder() from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(token_file)
    except OSError:
        raise _unusable_folder() from None
    finally:
        with suppress(OSError):
            Path(temporary).unlink()  # gone where it took the file's place


def _bearer(token: _Token) -> str:
    return f"Bearer {token.access_token.get_secret_value()}"


def _unusable_folder() -> NotConfigured:
    return NotConfigured(
        "The sign-in to Longbridge cannot be saved.",
        "Make ~/.longbridge/openapi/tokens writable and leave room on the disk: each refresh must be kept.",
    )
