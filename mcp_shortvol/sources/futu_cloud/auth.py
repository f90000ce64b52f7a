"""Authentication at Futu's cloud: a bearer token, or an app key whose private key signs each request.

    X-Api-Key, X-Timestamp (ms, within 5 s of the server's clock), X-Nonce,
    Authorization: base64 of the signature over  {timestamp}\\n{METHOD}\\n{path}\\n{raw query}\\n{sha256 of the body}

The last line is empty where there is no body. The key's own type decides: Ed25519, or RSA-SHA256 with PKCS#1 v1.5.
"""

import re
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

import anyio.to_thread
from pydantic import SecretStr

from mcp_shortvol.domain.credentials import account_mark
from mcp_shortvol.domain.errors import NotConfigured
from mcp_shortvol.sources.http import Target

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["ApiKey", "BearerToken", "CloudCredentials", "cloud_credentials"]

Sign = Callable[[bytes], bytes]

_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class BearerToken:
    """An access token of the vendor's OAuth sign-in, good for two hours."""

    token: SecretStr
    account = ""  # a token changes every two hours and does not say whose it is
    next_step = "Sign in again and set FUTU_API_TOKEN to the new token: each is good for two hours."

    def __post_init__(self) -> None:
        _check_header("FUTU_API_TOKEN", self.token)

    async def authorize(self, _target: Target) -> Mapping[str, str]:
        """The header that authenticates one request."""
        return {"Authorization": f"Bearer {self.token.get_secret_value()}"}

    async def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002
        """False: whoever signed in keeps the refresh token."""
        return False


@dataclass(slots=True)
class ApiKey:
    """An app key and the file of its private key, which is read once, when the first request is signed."""

    key: SecretStr
    private_key_file: Path
    _sign: Sign | None = field(default=None, init=False, repr=False)
    next_step = (
        "Check that FUTU_API_KEY and FUTU_API_PRIVATE_KEY_FILE belong together, and this machine's clock: it may be "
        "5 seconds wrong at most."
    )

    def __post_init__(self) -> None:
        _check_header("FUTU_API_KEY", self.key)

    @property
    def account(self) -> str:
        """The app key's mark."""
        return account_mark(self.key.get_secret_value())

    async def authorize(self, target: Target) -> Mapping[str, str]:
        """The headers of one request, signed now; raises NotConfigured where the key file cannot be used."""
        if self._sign is None:
            # A thread, because loading cryptography and checking an RSA key takes a tenth of a second.
            self._sign = await anyio.to_thread.run_sync(_signer, self.private_key_file)
        timestamp = str(int(time() * 1000))
        digest = sha256(target.body).hexdigest() if target.body else ""
        canonical = "\n".join((timestamp, target.method, target.path, target.query, digest))
        return {
            "X-Api-Key": self.key.get_secret_value(),
            "X-Timestamp": timestamp,
            "X-Nonce": secrets.token_urlsafe(24),
            "Authorization": b64encode(self._sign(canonical.encode())).decode("ascii"),
        }

    async def renew(self, refused: Mapping[str, str]) -> bool:  # noqa: ARG002
        """False: an app key has nothing to renew."""
        return False


CloudCredentials = BearerToken | ApiKey
"""What authenticates at the cloud; `next_step` says what to do where it is refused."""


def cloud_credentials(
    token: SecretStr | None, key: SecretStr | None, private_key_file: Path | None
) -> CloudCredentials | None:
    """What the settings give: the token where it is set, else the app key; None where nothing is set.

    Raises NotConfigured where an app key is only half set, or cannot be sent.
    """
    if token is not None:
        return BearerToken(token)
    if key is not None and private_key_file is not None:
        return ApiKey(key, private_key_file)
    if key is None and private_key_file is None:
        return None
    missing = "FUTU_API_KEY" if key is None else "FUTU_API_PRIVATE_KEY_FILE"
    raise NotConfigured(
        f"The app key of Futu's cloud is only half set: {missing} is missing.",
        "Set both FUTU_API_KEY and FUTU_API_PRIVATE_KEY_FILE, or FUTU_API_TOKEN instead.",
    )


def _check_header(variable: str, secret: SecretStr) -> None:
    if not _VISIBLE_ASCII.fullmatch(secret.get_secret_value()):
        raise NotConfigured(
            f"{variable} holds characters that it cannot have.",
            "Copy it again: Latin letters, digits and plain punctuation only.",
        )


def _signer(file: Path) -> Sign:
    """What signs with the private key in `file`; raises NotConfigured."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        # `~` is a shell's, and no shell reads the variables in an assistant's settings.
        key = _load(file.expanduser().read_bytes())
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder to expand to
        raise NotConfigured(
            "The file named by FUTU_API_PRIVATE_KEY_FILE cannot be read.",
            "Set it to the path of the app key's private key, readable by whoever runs this server.",
        ) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: the key has a password
        raise _no_key() from None
    return _sign_with(key)


def _load(data: bytes) -> "PrivateKeyTypes":
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    # ssh-keygen, which makes most Ed25519 keys, has a format of its own.
    load = load_ssh_private_key if b"BEGIN OPENSSH" in data else load_pem_private_key
    return load(data, password=None)


def _sign_with(key: "PrivateKeyTypes") -> Sign:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256

    if isinstance(key, Ed25519PrivateKey):
        return key.sign
    if isinstance(key, RSAPrivateKey):
        return lambda message: key.sign(message, PKCS1v15(), SHA256())
    raise _no_key()


def _no_key() -> NotConfigured:
    return NotConfigured(
        "The file named by FUTU_API_PRIVATE_KEY_FILE holds no private key that can sign here.",
        "It must be an Ed25519 or RSA private key in PEM form, without a password.",
    )
