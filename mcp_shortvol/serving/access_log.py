"""One JSON line a request on standard error: when, who, what came of it, and an id to find it again by.

No header, no argument and no token is written; the caller is named as its token is. Everything goes through JSON, so
that no line break of a caller's begins a line of its own. A caller's own request id is kept where it is a plain one.
"""

import json
import re
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["AccessLog"]

_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MOST_OF_A_PATH = 100
_UNLOGGED = frozenset({"/healthz", "/readyz"})  # which come every few seconds


def _to_standard_error(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


class AccessLog:
    """Writes a line for each request to `app`, and gives the request's id back in X-Request-Id."""

    def __init__(self, app: ASGIApp, write: Callable[[str], None] = _to_standard_error) -> None:
        self._app = app
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _UNLOGGED:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _PLAIN_ID.fullmatch(given) else secrets.token_hex(8)
        began, status, size = perf_counter(), 500, 0

        async def sent(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            user = scope.get("user")
            self._write(
                json.dumps(
                    {
                        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                        "id": request_id,
                        "caller": user.display_name if user is not None and user.is_authenticated else None,
                        "method": scope["method"][:16],
                        "path": scope["path"][:_MOST_OF_A_PATH],
                        "status": status,
                        "bytes": size,
                        "ms": round(1000 * (perf_counter() - began), 1),
                    }
                )
            )
