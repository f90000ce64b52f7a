"""Bearer tokens of this server: a file of hashes, from which nobody can sign in.

A token is `svt_ID_SECRET`. It is shown once, when it is made; the file keeps its id, the SHA-256 of its secret, whose
it is, when it ends, and when it was last used. The secret has 256 random bits, so that a fast hash is enough.
"""

import hmac
import re
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic, time

from mcp_shortvol.domain.errors import InvalidRequest, NotConfigured
from mcp_shortvol.files.database import Database

__all__ = ["Token", "TokenFile"]

_MARK = int.from_bytes(b"SVtk")
_SCHEMA = (
    "CREATE TABLE token (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash TEXT NOT NULL, created_at REAL NOT NULL, "
    "ends_at REAL, used_at REAL)",
)
_FORM = re.compile(r"svt_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_REMEMBERED = 5.0  # seconds: a token that is revoked ends this much later at the latest
_USE_NOTED_EVERY = 60.0
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Token:
    """Whose token it is, and its times in Unix seconds; `ends_at` is None for one that does not end."""

    name: str
    created_at: float
    ends_at: float | None
    used_at: float | None

    @property
    def ended(self) -> bool:
        """Whether its time is over."""
        return self.ends_at is not None and self.ends_at <= time()


class TokenFile:
    """The tokens in `file`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._database = Database(file, _SCHEMA, mark=_MARK, version=1, purpose="Tokens")
        self._known: dict[str, tuple[float, Token]] = {}

    async def issue(self, name: str, days: float | None) -> str:
        """A new token of `name`, valid for so many days or without end; raises InvalidRequest or NotConfigured."""
        if not _NAME.fullmatch(name):
            raise InvalidRequest(
                "The name of a token has letters, digits and . _ @ - only.", "Write for example alice or ci-runner."
            )
        number, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        now = time()
        ends_at = None if days is None else now + days * _DAY

        def work(connection: sqlite3.Connection) -> bool:
            taken = connection.execute("SELECT 1 FROM token WHERE name = ?", (name,)).fetchone()
            if not taken:
                row = (number, name, _hash(secret), now, ends_at)
                connection.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?, NULL)", row)
            return not taken

        made = await self._database.write(work, None)
        if made is None:
            raise NotConfigured(f"The file of tokens, {self.file}, cannot be written.", "Standard error says why.")
        if not made:
            raise InvalidRequest(f"There is a token of {name} already.", "Revoke it first, or choose another name.")
        return f"svt_{number}_{secret}"

    async def tokens(self) -> Sequence[Token]:
        """All tokens, the oldest first."""

        def work(connection: sqlite3.Connection) -> Sequence[Token]:
            found = connection.execute("SELECT name, created_at, ends_at, used_at FROM token ORDER BY created_at, name")
            return [Token(*row) for row in found]

        return await self._database.read(work, ())

    async def revoke(self, name: str) -> bool:
        """Remove the token of `name`; False where there is none."""

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute("DELETE FROM token WHERE name = ?", (name,)).rowcount > 0

        return await self._database.write(work, otherwise=False)

    async def verify(self, text: str) -> Token | None:
        """The token that `text` is; None where it is none, is revoked, or its time is over."""
        found = _FORM.fullmatch(text)
        if found is None:
            return None
        mark = _hash(text)
        seen_at, token = self._known.get(mark, (0.0, None))
        if token is None or monotonic() - seen_at > _REMEMBERED:
            token = await self._looked_up(*found.groups())
            if token is None:
                self._known.pop(mark, None)
                return None
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[mark] = monotonic(), token
        return None if token.ended else token

    async def aclose(self) -> None:
        """Close the file."""
        await self._database.aclose()

    async def _looked_up(self, number: str, secret: str) -> Token | None:
        def read(connection: sqlite3.Connection) -> tuple[str, Token] | None:
            row = connection.execute(
                "SELECT hash, name, created_at, ends_at, used_at FROM token WHERE id = ?", (number,)
            ).fetchone()
            return None if row is None else (row[0], Token(*row[1:]))

        found = await self._database.read(read, None)
        # Compared in constant time, and also where no such token is known.
        right = hmac.compare_digest(found[0] if found else _hash(""), _hash(secret))
        if found is None or not right:
            return None
        token = found[1]
        if not token.ended and (token.used_at is None or time() - token.used_at > _USE_NOTED_EVERY):
            await self._database.write(
                lambda connection: connection.execute("UPDATE token SET used_at = ? WHERE id = ?", (time(), number)),
                None,
            )
        return token


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
