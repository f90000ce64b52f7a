"""Opens the SFC's weekly files."""

from contextlib import AsyncExitStack

from mcp_shortvol import __version__
from mcp_shortvol.domain.errors import PROJECT
from mcp_shortvol.quotas.quotas import Quotas
from mcp_shortvol.settings import Settings
from mcp_shortvol.sources.http import HttpClient
from mcp_shortvol.sources.sfc.files import PATH, WeekKeeper
from mcp_shortvol.sources.sfc.interest import SfcInterest

__all__ = ["open_sfc"]

_BASE_URL = "https://www.sfc.hk"
_PAUSE = 5.0


def open_sfc(settings: Settings, quotas: Quotas, keeper: WeekKeeper, closing: AsyncExitStack) -> SfcInterest:
    """The SFC's files, one request at a time, closed by `closing`."""
    url = settings.sfc_url or _BASE_URL
    headers = {"User-Agent": f"mcp-shortvol/{__version__} (+{PROJECT})"}
    http = HttpClient("The SFC", url, timeout=settings.timeout, headers=headers)
    closing.push_async_callback(http.aclose)
    quota = quotas.quota("The SFC", None, concurrent=1, bucket=url, pause=_PAUSE)
    return SfcInterest(http, settings.sfc_path or PATH, quota, keeper)
