"""A running sandbox whose newest date is 2026-05-22, and a client that its gateway accepts."""

import time
from collections.abc import Generator, Iterator
from datetime import date

import httpx
import pytest

from mcp_shortvol.sandbox.http import Request
from mcp_shortvol.sandbox.longbridge.auth import Credentials, signature
from mcp_shortvol.sandbox.runner import Sandbox

AS_OF = date(2026, 5, 22)


class AppKey(httpx.Auth):
    """Signs a request as the wire notes say, at a moment of its own."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["X-Api-Key"] = self.credentials.app_key
        request.headers["Authorization"] = self.credentials.access_token
        request.headers["X-Timestamp"] = f"{time.time():.3f}"
        path, _, query = request.url.raw_path.decode().partition("?")
        seen = Request(request.method, path, query, {k.lower(): v for k, v in request.headers.items()}, request.content)
        request.headers["X-Api-Signature"] = signature(self.credentials.app_secret, seen)
        yield request


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(AS_OF) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[httpx.Client]:
    base = sandbox.environment()["LONGBRIDGE_HTTP_URL"]
    auth = AppKey(sandbox.longbridge.credentials)
    with httpx.Client(base_url=base, auth=auth, trust_env=False, timeout=5) as opened:
        yield opened
