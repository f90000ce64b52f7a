"""Authentication at the simulated Futu cloud: a bearer token, or an app key with signed requests.

Credentials are random for every run. Key pairs are generated only on demand, because generating them takes time.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mcp_shortvol.sandbox.http import Request

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    PublicKey = Ed25519PublicKey | RSAPublicKey

__all__ = ["AppKeyFile", "CloudAuthority", "signed_text"]

_MAX_CLOCK_SKEW_MS = 5_000
_NONCE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class AppKeyFile:
    """An app key, and the PEM file of its private key, readable by its owner only."""

    app_key: str
    private_key_file: Path


def signed_text(request: Request) -> bytes:
    """The text that a signature of `request` covers, from the headers of the request."""
    digest = hashlib.sha256(request.body).hexdigest() if request.body else ""
    timestamp = request.headers.get("x-timestamp", "")
    return f"{timestamp}\n{request.method}\n{request.path}\n{request.raw_query}\n{digest}".encode()


class CloudAuthority:
    """Issues credentials and authenticates requests."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.required = True
        """Whether a request without credentials is refused; whether the vendor always refuses one is unknown."""
        self.token = _new_token()
        self._now = now
        self._keys: dict[str, PublicKey] = {}

    def revoke(self) -> None:
        """Revoke every app key and replace the bearer token."""
        self.token = _new_token()
        self._keys.clear()

    def issue_key(self, folder: Path, kind: Literal["ed25519", "rsa"] = "ed25519") -> AppKeyFile:
        """A new app key; its private key is stored only in a new file in `folder`."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        key = Ed25519PrivateKey.generate() if kind == "ed25519" else generate_private_key(65537, _RSA_BITS)
        issued = f"sandbox{secrets.token_hex(12)}"
        file = folder / f"private-key-{secrets.token_hex(4)}.pem"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self._keys[issued] = key.public_key()
        return AppKeyFile(issued, file)

    def accepts(self, request: Request) -> bool:
        """Whether the request has valid credentials, or has none where none are required."""
        authorization = request.headers.get("authorization")
        app_key = request.headers.get("x-api-key")
        if authorization is None and app_key is None:
            return not self.required
        if authorization is None or app_key is None:
            expected = f"Bearer {self.token}"
            return hmac.compare_digest((authorization or "").encode(), expected.encode())
        key = self._keys.get(app_key)
        return key is not None and self._is_fresh(request) and _is_signed(request, authorization, key)

    def _is_fresh(self, request: Request) -> bool:
        timestamp = request.headers.get("x-timestamp", "")
        if not timestamp.isascii() or not timestamp.isdigit():
            return False
        late = abs(self._now() * 1000 - int(timestamp))
        return late <= _MAX_CLOCK_SKEW_MS and bool(_NONCE.fullmatch(request.headers.get("x-nonce", "")))


def _is_signed(request: Request, authorization: str, key: "PublicKey") -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        signature = base64.b64decode(authorization, validate=True)
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, signed_text(request))
        else:
            key.verify(signature, signed_text(request), PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature):
        return False
    return True


def _new_token() -> str:
    return f"sandbox{secrets.token_urlsafe(48)}"
