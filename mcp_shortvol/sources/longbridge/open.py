"""Opens Longbridge OpenAPI with the credentials that the settings hold."""

from contextlib import AsyncExitStack

from mcp_shortvol.domain.errors import NotConfigured
from mcp_shortvol.domain.wording import listed
from mcp_shortvol.quotas.quotas import Quotas
from mcp_shortvol.settings import Settings
from mcp_shortvol.sources import Vendor
from mcp_shortvol.sources.http import Credentials, HttpClient
from mcp_shortvol.sources.longbridge.interest import LongbridgeInterest
from mcp_shortvol.sources.longbridge.oauth import OAuth, token_folder
from mcp_shortvol.sources.longbridge.region import base_url
from mcp_shortvol.sources.longbridge.signature import AppKey
from mcp_shortvol.sources.longbridge.source import LongbridgeSource

__all__ = ["open_longbridge"]

_CONCURRENT = 5
_PAUSE = 1.05


def open_longbridge(settings: Settings, quotas: Quotas, closing: AsyncExitStack) -> Vendor:
    """Longbridge's interfaces, closed by `closing`; raises NotConfigured where no credentials are set."""
    credentials = _credentials(settings, closing)
    url = settings.longbridge_http_url or base_url(settings.longbridge_region)
    headers = {"Accept-Language": settings.longbridge_language}
    http = HttpClient("Longbridge", url, timeout=settings.timeout, headers=headers)
    closing.push_async_callback(http.aclose)
    # One quota for both interfaces: the account's limit counts every call.
    quota = quotas.quota(
        "Longbridge",
        settings.longbridge_quota,
        concurrent=_CONCURRENT,
        bucket=f"{url} {credentials.account}",
        pause=_PAUSE,
    )
    return Vendor(LongbridgeSource(http, credentials, quota), LongbridgeInterest(http, credentials, quota))


def _credentials(settings: Settings, closing: AsyncExitStack) -> Credentials:
    key, secret = settings.longbridge_app_key, settings.longbridge_app_secret
    token = settings.longbridge_access_token
    if key and secret and token:
        return AppKey(key, secret, token)
    if settings.longbridge_client_id and not (key or secret or token):
        url = settings.longbridge_oauth_url or base_url(settings.longbridge_region)
        http = HttpClient("Longbridge's sign-in", url, timeout=settings.timeout)
        closing.push_async_callback(http.aclose)
        return OAuth(settings.longbridge_client_id, http, token_folder())
    parts = {"APP_KEY": key, "APP_SECRET": secret, "ACCESS_TOKEN": token}
    missing = [f"LONGBRIDGE_{name}" for name, value in parts.items() if not value]
    lack = f"{listed(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    raise NotConfigured(
        f"Longbridge is {'not' if len(missing) == len(parts) else 'only partly'} set up: {lack}.",
        "Set LONGBRIDGE_APP_KEY, LONGBRIDGE_APP_SECRET and LONGBRIDGE_ACCESS_TOKEN (from open.longbridge.com), or "
        "only LONGBRIDGE_CLIENT_ID after mcp-shortvol login longbridge. Without an account "
        "get_daily_short_volume answers from FINRA for US stocks, and SHORTVOL_SANDBOX=1 gives invented figures.",
    )
