"""What one caller, and all together, may take: size and pace of a request, calls at once, a queue, calls a minute.

413  the body is larger than allowed            408  the body did not come in time
429  this caller asks too often or too much     503  the queue is full; these two say when to come again

A caller is known by its token before the token is verified, else by its address. A request counts as its caller's from
its head on. It has a place only once its body is here, so that a slow sender holds none of those that all share.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import sha256

import anyio
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_shortvol import telemetry
from mcp_shortvol.quotas.quota import LocalBucket, Rate

__all__ = ["Limits", "Most"]

_BODY_SECONDS = 10.0
_KNOWN_CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class Most:
    """The most bytes of a body, calls at once and waiting, and of one caller calls at once and in a time."""

    body: int
    concurrent: int
    queued: int
    of_a_caller: int
    rate: Rate | None


@dataclass(slots=True)
class _Caller:
    bucket: LocalBucket = field(default_factory=LocalBucket)
    under_way: int = 0


class Limits:
    """Lets requests to `path` through to `app` as far as `most` allows; other paths are let through as they are."""

    def __init__(self, app: ASGIApp, path: str, most: Most) -> None:
        self._app = app
        self._path = path
        self._most = most
        self._places = anyio.Semaphore(most.concurrent)
        self._admitted = 0  # with a place, or waiting for one
        self._callers: OrderedDict[str, _Caller] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        if scope["method"] == "GET":  # a stateless server has no stream to listen to
            await _refusal(405, "This server sends no stream of its own.", allow="POST")(scope, receive, send)
            return
        caller = self._caller(scope)
        if (refused := await self._refused(caller)) is not None:
            await refused(scope, receive, send)
            return
        caller.under_way += 1
        try:
            await self._pass_on(scope, receive, send)
        finally:
            caller.under_way -= 1

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await self._body(Headers(scope=scope), receive)
        if isinstance(body, JSONResponse):
            await body(scope, receive, send)
            return
        if self._admitted >= self._most.concurrent + self._most.queued:
            busy = _refusal(503, "The server is busy and its queue is full.", retry_after=1)
            await busy(scope, receive, send)
            return
        self._admitted += 1
        try:
            async with self._places:
                await self._app(scope, _replayed(body, receive), send)
        finally:
            self._admitted -= 1

    def _caller(self, scope: Scope) -> _Caller:
        authorization = Headers(scope=scope).get("authorization")
        address = scope["client"][0] if scope.get("client") else ""
        name = sha256(authorization.encode()).hexdigest() if authorization else address
        caller = self._callers.setdefault(name, _Caller())
        self._callers.move_to_end(name)
        while len(self._callers) > _KNOWN_CALLERS:
            self._callers.popitem(last=False)
        return caller

    async def _refused(self, caller: _Caller) -> JSONResponse | None:
        if caller.under_way >= self._most.of_a_caller:
            return _refusal(
                429, f"You have {caller.under_way} calls under way, the most for one caller.", retry_after=1
            )
        rate = self._most.rate
        if rate is not None and (wait := await caller.bucket.claim(rate)) > 0:
            seconds = math.ceil(wait)
            return _refusal(
                429,
                f"You asked {rate.requests} times in {rate.seconds:g} seconds, the most allowed.",
                retry_after=seconds,
            )
        return None

    async def _body(self, headers: Headers, receive: Receive) -> bytes | JSONResponse:
        """The whole body, or the refusal of it."""
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:19]) > self._most.body:
            return self._too_large()
        body = bytearray()
        try:
            with anyio.fail_after(_BODY_SECONDS):
                while True:
                    message = await receive()
                    body += message.get("body", b"")
                    if len(body) > self._most.body:
                        return self._too_large()
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            return _refusal(408, f"The request did not come within {_BODY_SECONDS:g} seconds.", close=True)

    def _too_large(self) -> JSONResponse:
        return _refusal(413, f"A request has at most {self._most.body:,} bytes.")


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A channel that gives the body that was read already, then what comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _refusal(
    status: int, what: str, *, retry_after: int | None = None, allow: str = "", close: bool = False
) -> JSONResponse:
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    telemetry.refused(status)
    headers |= {"allow": allow} if allow else {}
    headers |= {"connection": "close"} if close else {}
    later = "" if retry_after is None else f" Ask again in {retry_after} {'second' if retry_after == 1 else 'seconds'}."
    return JSONResponse({"error": f"{what}{later}"}, status_code=status, headers=headers)
