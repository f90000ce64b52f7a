"""Opens Futu's cloud with the credentials that the settings hold, or without any."""

from contextlib import AsyncExitStack

from mcp_shortvol.domain.errors import NotConfigured
from mcp_shortvol.quotas.quota import Rate
from mcp_shortvol.quotas.quotas import Quotas
from mcp_shortvol.settings import Settings
from mcp_shortvol.sources import Vendor
from mcp_shortvol.sources.futu_cloud.auth import cloud_credentials
from mcp_shortvol.sources.futu_cloud.envelope import SET_UP
from mcp_shortvol.sources.futu_cloud.interest import FutuCloudInterest
from mcp_shortvol.sources.futu_cloud.source import BASE_URL, FutuCloudSource
from mcp_shortvol.sources.http import HttpClient

__all__ = ["open_futu_cloud"]

_RATE = Rate(10, 1.05)  # a little more than the vendor's second, because arrivals jitter
_CONCURRENT = 5
_PAUSE = 1.05


def open_futu_cloud(settings: Settings, quotas: Quotas, closing: AsyncExitStack) -> Vendor:
    """The cloud's interfaces, closed by `closing`; raises NotConfigured without settings or a usable key file."""
    if not settings.cloud_set_up:
        raise NotConfigured("Futu's cloud is not set up.", SET_UP)
    credentials = cloud_credentials(settings.futu_api_token, settings.futu_api_key, settings.futu_api_private_key_file)
    url = settings.futu_api_url or BASE_URL
    http = HttpClient("Futu's cloud", url, timeout=settings.timeout)
    closing.push_async_callback(http.aclose)
    quota = quotas.quota(
        "Futu's cloud",
        _RATE if settings.futu_quota else None,
        concurrent=_CONCURRENT,
        bucket=f"{url} {credentials.account if credentials else ''}",
        pause=_PAUSE,
    )
    return Vendor(
        FutuCloudSource(http, credentials, quota, settings.futu_api_path), FutuCloudInterest(http, credentials, quota)
    )
