"""HTTP to a vendor: the only module that knows httpx.

Pooled connections, one time-out for a whole exchange (a slow drip is a time-out too), a limit on what an answer may
weigh, and every failure of the transport in our words. Retries of what can pass are `retrying`, for every vendor alike.
"""

import json
import logging
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from time import time
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import anyio
import httpx
import stamina
import stamina.instrumentation

from mcp_shortvol import telemetry
from mcp_shortvol.domain.errors import (
    UPDATE_OR_REPORT,
    NotConfigured,
    UpstreamChanged,
    UpstreamError,
    UpstreamFault,
    UpstreamTimedOut,
    UpstreamUnreachable,
)

__all__ = ["Credentials", "HttpClient", "Reply", "Target", "retrying"]

# Below WARNING they log headers, and with them what authenticates; a retry shows in its outcome.
for _noisy in ("httpcore", "httpx"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)
stamina.instrumentation.set_on_retry_hooks([])

_MAX_BODY = 8 * 1024 * 1024
_ATTEMPTS = 4
_TIMED_OUT_ATTEMPTS = 2  # more of them would outlast a call's deadline, and end in its words instead of these
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Target:
    """What is about to be sent, as the bytes on the wire: that is what signatures are made over."""

    method: str
    path: str
    query: str
    body: bytes


class Credentials(Protocol):
    """Authenticates requests. It is asked for headers at each attempt, because time stamps are signed."""

    @property
    def account(self) -> str:
        """What tells the account from others and is no secret; empty where it is not known."""

    async def authorize(self, target: Target) -> Mapping[str, str]:
        """The headers that authenticate one request."""

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Replace what the upstream refused, given the headers it refused; False where that is not possible."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer read to its end, and the credentials it was asked with. `headers` are looked up in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    credentials: Mapping[str, str] = field(repr=False)

    def json(self) -> object:
        """The body as JSON; raises ValueError where it is none."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None

    @property
    def trace_id(self) -> str | None:
        """The upstream's own reference; None where it sent none, or one that repeats part of what authenticates us."""
        trace_id = self.headers.get("x-trace-id")
        sent = [part for value in self.credentials.values() for part in value.split()]
        if trace_id and any(trace_id in part or (len(part) >= 8 and part in trace_id) for part in sent):
            return None
        return trace_id

    @property
    def retry_after(self) -> float | None:
        """Seconds the upstream asks to wait, where it says so: in seconds, or as the date to wait for."""
        value = self.headers.get("retry-after", "")
        if value.isascii() and value.isdigit():
            return float(value[:6])
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - time())
        except (ValueError, OverflowError):
            return None

    @property
    def sandbox(self) -> bool:
        """Whether the answer identifies itself as coming from our sandbox."""
        return bool(self.headers.get("x-shortvol-sandbox"))


def _name_socks_as_httpx_does() -> None:
    """GNOME exports ALL_PROXY=socks://…, by which it means SOCKS 5; httpx knows that as socks5:// only."""
    for name in ("ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        address = os.environ.get(name, "")
        if address.lower().startswith("socks://"):
            os.environ[name] = f"socks5://{address[len('socks://') :]}"


class HttpClient:
    """One upstream's HTTP interface. `title` names it in errors; `timeout` is seconds for one whole exchange."""

    def __init__(self, title: str, base_url: str, *, timeout: float, headers: Mapping[str, str] | None = None) -> None:
        self.base_url = base_url
        self._title = title
        self._timeout = timeout
        # A proxy set for the internet must not catch what never leaves this machine.
        trust_env = urlsplit(base_url).hostname not in _LOOPBACK
        _name_socks_as_httpx_does()
        try:
            httpx.URL(base_url)
            self._client = httpx.AsyncClient(headers=headers, timeout=timeout, trust_env=trust_env)
        except (httpx.InvalidURL, ImportError, OSError, ValueError):
            raise NotConfigured(
                f"The address of {title}, the proxy or the certificates that the environment names cannot be used.",
                "Check the URL that is set for it, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE.",
            ) from None

    async def aclose(self) -> None:
        """Close the pooled connections."""
        await self._client.aclose()

    async def get(self, path: str, params: Mapping[str, str | int], credentials: Credentials | None) -> Reply:
        """GET `path`; raises UpstreamUnreachable, NotConfigured or UpstreamChanged where no answer can be had."""
        request = self._client.build_request("GET", self.base_url + path, params=params)
        return await self._exchange(request, credentials)

    async def post_form(self, path: str, form: Mapping[str, str], credentials: Credentials | None = None) -> Reply:
        """POST a form to `path`; raises like `get`."""
        request = self._client.build_request("POST", self.base_url + path, data=form)
        return await self._exchange(request, credentials)

    async def post_json(
        self, path: str, content: Mapping[str, object], credentials: Credentials | None = None
    ) -> Reply:
        """POST a JSON object to `path`; raises like `get`."""
        request = self._client.build_request("POST", self.base_url + path, json=content)
        return await self._exchange(request, credentials)

    async def _exchange(self, request: httpx.Request, credentials: Credentials | None) -> Reply:
        sent: Mapping[str, str] = {}
        if credentials is not None:
            path, _, query = request.url.raw_path.decode("ascii").partition("?")
            sent = await credentials.authorize(Target(request.method, path, query, request.content))
            request.headers.update(sent)
        try:
            with anyio.fail_after(self._timeout):
                response = await self._client.send(request, stream=True)
                try:
                    return Reply(response.status_code, response.headers, await self._read(response), sent)
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException):
            raise UpstreamTimedOut(
                f"{self._title} did not answer within {self._timeout:g} s.",
                "Try again; on a slow line raise SHORTVOL_TIMEOUT.",
            ) from None
        except httpx.ProxyError:
            raise UpstreamUnreachable(
                f"The proxy between here and {self._title} refused.", "Check HTTPS_PROXY and NO_PROXY."
            ) from None
        except httpx.ConnectError as error:
            raise self._no_connection(error) from None
        except httpx.DecodingError:
            raise UpstreamFault(f"{self._title} sent an answer that cannot be unpacked.", "Try again later.") from None
        except httpx.TransportError:
            raise UpstreamUnreachable(
                f"The connection to {self._title} broke before the answer was complete.", "Try again."
            ) from None

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _MAX_BODY:
                raise UpstreamChanged(
                    f"{self._title} sent more than {_MAX_BODY // 1024**2} MB for one page.",
                    UPDATE_OR_REPORT,
                )
        return bytes(body)

    def _no_connection(self, error: httpx.ConnectError) -> UpstreamError | NotConfigured:
        host = urlsplit(self.base_url).hostname
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return NotConfigured(
                    f"The certificate of {host} is not trusted by this machine.",
                    "A proxy that inspects TLS is the usual cause: point SSL_CERT_FILE at its certificate.",
                )
            if isinstance(cause, ssl.SSLError):
                return UpstreamUnreachable(
                    f"What answers for {self._title} at {host} speaks no TLS, or none that is safe.",
                    "Check the URL that is set for it, its port, and HTTPS_PROXY if one is needed.",
                )
            cause = cause.__cause__ or cause.__context__
        return UpstreamUnreachable(
            f"{self._title} cannot be reached at {host}.", "Check the network, and HTTPS_PROXY if one is needed."
        )


async def retrying(call: Callable[[], Awaitable[T]]) -> T:
    """The result of `call`, tried again with growing, jittered pauses while its failure is one that can pass.

    Being asked to wait is not among them: that is the quota's affair.
    """
    timed_out = 0

    def again(error: Exception) -> bool:
        nonlocal timed_out
        timed_out += isinstance(error, UpstreamTimedOut)
        passes = timed_out < _TIMED_OUT_ATTEMPTS and isinstance(error, (UpstreamFault, UpstreamUnreachable))
        if passes:
            telemetry.retried(error)
        return passes

    attempts = stamina.retry_context(
        on=again, attempts=_ATTEMPTS, timeout=None, wait_initial=0.25, wait_jitter=0.25, wait_max=4
    )
    async for attempt in attempts:
        with attempt:
            return await call()
    raise AssertionError("unreachable: the last attempt returns or raises")
