"""Opens FINRA's Query API, with a credential where the settings hold one."""

from contextlib import AsyncExitStack

from mcp_shortvol import __version__
from mcp_shortvol.domain.errors import PROJECT, NotConfigured
from mcp_shortvol.quotas.quota import Rate
from mcp_shortvol.quotas.quotas import Quotas
from mcp_shortvol.settings import Settings
from mcp_shortvol.sources import Vendor
from mcp_shortvol.sources.finra.api import FinraApi
from mcp_shortvol.sources.finra.auth import ClientCredentials
from mcp_shortvol.sources.finra.interest import FinraInterest
from mcp_shortvol.sources.finra.market import FinraMarket
from mcp_shortvol.sources.finra.volume import FinraVolume
from mcp_shortvol.sources.http import HttpClient

__all__ = ["open_finra"]

_BASE_URL = "https://api.finra.org"
_SIGN_IN_URL = "https://ews.fip.finra.org"
_RATE = Rate(20, 1.05)  # FINRA allows 1,200 a minute and address
_CONCURRENT = 2
_PAUSE = 5.0
_ABOUT_US = {"Accept": "application/json", "User-Agent": f"mcp-shortvol/{__version__} (+{PROJECT})"}


def open_finra(settings: Settings, quotas: Quotas, closing: AsyncExitStack) -> Vendor:
    """FINRA's interfaces, closed by `closing`; raises NotConfigured where it is off, or a credential is half set."""
    if not settings.finra:
        raise NotConfigured("FINRA is switched off by SHORTVOL_FINRA=off.", "Unset SHORTVOL_FINRA.")
    url = settings.finra_api_url or _BASE_URL
    http = HttpClient("FINRA", url, timeout=settings.timeout, headers=_ABOUT_US)
    closing.push_async_callback(http.aclose)
    credentials = _credentials(settings, closing)
    account = credentials.account if credentials else ""
    quota = quotas.quota("FINRA", _RATE, concurrent=_CONCURRENT, bucket=f"{url} {account}", pause=_PAUSE)
    api = FinraApi(http, credentials, quota)
    return Vendor(FinraVolume(api), FinraInterest(api), market=FinraMarket(api))


def _credentials(settings: Settings, closing: AsyncExitStack) -> ClientCredentials | None:
    client_id, secret = settings.finra_client_id, settings.finra_client_secret
    if client_id is None and secret is None:
        return None
    if client_id is None or secret is None:
        missing = "FINRA_CLIENT_ID" if client_id is None else "FINRA_CLIENT_SECRET"
        raise NotConfigured(f"FINRA's credential is only half set: {missing} is missing.", "Set both, or neither.")
    http = HttpClient(
        "FINRA's sign-in", settings.finra_sign_in_url or _SIGN_IN_URL, timeout=settings.timeout, headers=_ABOUT_US
    )
    closing.push_async_callback(http.aclose)
    return ClientCredentials(client_id, secret, http)
