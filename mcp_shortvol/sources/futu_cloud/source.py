"""Futu's cloud as a source: the newest 90 days at most, in one answer.

There is no paging: older days than the newest 90 are not to be had here, and OpenD is the way to them.
"""

from collections.abc import Mapping
from datetime import date

from mcp_shortvol.markets import Market
from mcp_shortvol.quota import OnWait, Quota
from mcp_shortvol.series import Day, ShortPosition
from mcp_shortvol.sources import Page
from mcp_shortvol.sources.futu_cloud.auth import CloudCredentials
from mcp_shortvol.sources.futu_cloud.envelope import data_of, is_wrong_path
from mcp_shortvol.sources.futu_rows import CLOUD_ROWS, read_position, read_rows
from mcp_shortvol.sources.http import HttpClient, Reply, retrying
from mcp_shortvol.symbols import Symbol

__all__ = ["BASE_URL", "FutuCloudSource"]

BASE_URL = "https://webapi.futunn.com"
"""Production; moomoo's customers may use https://webapi.moomoo.com instead."""

_DAYS = 90

# The first is what production answers to, the second what the vendor's pages document.
_KNOWN_PATHS = (
    "/api/v1.0/quote/{symbol}/short/daily-volume",
    "/v1/quote/{symbol}/short-selling/daily-short-volume",
)


class FutuCloudSource:
    """Daily short volume over Futu's cloud.

    `path` is a template with `{symbol}`; without one the known paths are tried, and the one that exists is remembered.
    `credentials` are None where none are set: then none are sent. Published limits: 10 calls a second, 5 at once.
    """

    name = "futu_cloud"
    title = "Futu cloud"
    page_limit = _DAYS
    overlap = 0
    depth_limit = _DAYS

    def __init__(
        self, http: HttpClient, credentials: CloudCredentials | None, quota: Quota, path: str | None = None
    ) -> None:
        self._http = http
        self._credentials = credentials
        self._quota = quota
        self._paths: tuple[str, ...] = _KNOWN_PATHS if path is None else (path,)

    def ratio_basis(self, market: Market) -> str:
        """What the short ratio is a share of."""
        return "HKEX shares traded" if market is Market.HK else "consolidated volume"

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:  # noqa: ARG002 - see the Source protocol
        """None: every answer starts at the newest day."""
        return None

    async def fetch_page(
        self,
        symbol: Symbol,
        cursor: str | None,  # noqa: ARG002 - see the Source protocol
        size: int,
        on_wait: OnWait | None = None,
    ) -> Page[Day]:
        """The newest `size` days, 1 to 90; never a cursor."""

        async def ask() -> Page[Day]:
            reply = await self._send(symbol, size, on_wait)
            data = data_of(reply, symbol, self._credentials)
            rows = read_rows(data["items"], CLOUD_ROWS[symbol.market], symbol.market)
            return Page(
                days=rows.days,
                cursor=None,
                unreadable=rows.unreadable,
                sandbox=reply.sandbox,
                short_position=_position(data) if symbol.market is Market.HK else None,
            )

        return await retrying(ask)

    async def _send(self, symbol: Symbol, count: int, on_wait: OnWait | None) -> Reply:
        """The answer under the first path that exists, or else under the last."""
        paths = self._paths  # another call may reorder them meanwhile
        for path in paths:
            async with self._quota.slot(on_wait):
                reply = await self._http.get(path.replace("{symbol}", symbol.futu), {"count": count}, self._credentials)
            if not is_wrong_path(reply):
                break
        else:
            return reply
        # What exists is tried first from now on; the other stays, because a gateway can move.
        self._paths = (path, *(other for other in paths if other != path))
        return reply


def _position(data: Mapping[str, object]) -> ShortPosition | None:
    return read_position(data.get("aggregated_short"), data.get("aggregated_short_ratio"), data.get("new_time"))
