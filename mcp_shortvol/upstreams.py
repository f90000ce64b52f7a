"""The vendors this process talks to: settings → sources, each opened on first use and closed at the end.

Heavy imports stand inside, because the server answers tools/list long before anyone asks for a day.
"""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

import anyio
import anyio.to_thread

from mcp_shortvol.errors import NotConfigured
from mcp_shortvol.settings import Settings, load_settings

if TYPE_CHECKING:
    from mcp_shortvol.sources import Source
    from mcp_shortvol.sources.http import Credentials
    from mcp_shortvol.sources.longbridge.source import LongbridgeSource

__all__ = ["Upstreams"]


class Upstreams:
    """Opens what the settings name. Where the sandbox is asked for, it stands in for every vendor."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = anyio.Lock()
        self._closing = AsyncExitStack()
        self._longbridge: LongbridgeSource | None = None
        self._sandbox_started = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()

    @property
    def deadline(self) -> float:
        """Seconds one call may take, with all its pages, waits and retries."""
        return self._settings.deadline

    async def longbridge(self) -> "Source":
        """Longbridge OpenAPI; raises NotConfigured where no credentials are set."""
        async with self._opening:
            if self._longbridge is None:
                await self._start_sandbox_if_asked()
                self._longbridge = await self._open_longbridge()
            return self._longbridge

    async def _open_longbridge(self) -> "LongbridgeSource":
        from mcp_shortvol.quota import Quota
        from mcp_shortvol.sources.http import HttpClient
        from mcp_shortvol.sources.longbridge.region import base_url
        from mcp_shortvol.sources.longbridge.source import LongbridgeSource

        settings = self._settings
        credentials = await self._longbridge_credentials()
        url = settings.longbridge_http_url or base_url(settings.longbridge_region)
        headers = {"Accept-Language": settings.longbridge_language}
        http = HttpClient("Longbridge", url, timeout=settings.timeout, headers=headers)
        self._closing.push_async_callback(http.aclose)
        # Published limits of an account: 10 calls a second, 5 at once.
        return LongbridgeSource(http, credentials, Quota(settings.longbridge_quota, concurrent=5))

    async def _longbridge_credentials(self) -> "Credentials":
        from mcp_shortvol.sources.http import HttpClient
        from mcp_shortvol.sources.longbridge.oauth import OAuth, token_folder
        from mcp_shortvol.sources.longbridge.region import base_url
        from mcp_shortvol.sources.longbridge.signature import AppKey

        settings = self._settings
        key, secret, token = (
            settings.longbridge_app_key,
            settings.longbridge_app_secret,
            settings.longbridge_access_token,
        )
        if key and secret and token:
            return AppKey(key, secret, token)
        if settings.longbridge_client_id and not (key or secret or token):
            url = settings.longbridge_oauth_url or base_url(settings.longbridge_region)
            http = HttpClient("Longbridge's sign-in", url, timeout=settings.timeout)
            self._closing.push_async_callback(http.aclose)
            return OAuth(settings.longbridge_client_id, http, token_folder())
        parts = {"APP_KEY": key, "APP_SECRET": secret, "ACCESS_TOKEN": token}
        missing = [f"LONGBRIDGE_{name}" for name, value in parts.items() if not value]
        what = "not set up" if len(missing) == len(parts) else f"only partly set up: {_listed(missing)} missing"
        raise NotConfigured(
            f"Longbridge is {what}.",
            "Set LONGBRIDGE_APP_KEY, LONGBRIDGE_APP_SECRET and LONGBRIDGE_ACCESS_TOKEN (from open.longbridge.com), or "
            "LONGBRIDGE_CLIENT_ID after a sign-in with Longbridge's SDK or CLI. To try without an account, set "
            "SHORTVOL_SANDBOX=1: its figures are invented.",
        )

    async def _start_sandbox_if_asked(self) -> None:
        if not self._settings.sandbox or self._sandbox_started:
            return
        from mcp_shortvol.sandbox.runner import Sandbox

        sandbox = Sandbox(as_of=self._settings.sandbox_as_of)
        await anyio.to_thread.run_sync(sandbox.__enter__)
        self._closing.push_async_callback(anyio.to_thread.run_sync, sandbox.__exit__, None, None, None)
        self._settings = load_settings(**sandbox.environment())
        self._sandbox_started = True


def _listed(names: list[str]) -> str:
    return f"{names[0]} is" if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]} are"
