"""Longbridge's short trades as a source: pages of at most 100 days, back from a point in time."""

from datetime import date, timedelta
from time import time

from mcp_shortvol.errors import CredentialsRefused
from mcp_shortvol.markets import Market
from mcp_shortvol.quota import OnWait, Quota
from mcp_shortvol.series import Day
from mcp_shortvol.sources import Page
from mcp_shortvol.sources.http import Credentials, HttpClient, Reply, retrying
from mcp_shortvol.sources.longbridge.envelope import data_of
from mcp_shortvol.sources.longbridge.rows import read_rows
from mcp_shortvol.symbols import Symbol

__all__ = ["LongbridgeSource"]


class LongbridgeSource:
    """Short trades over Longbridge OpenAPI; credentials refused before their time are renewed once, if they can be."""

    name = "longbridge"
    title = "Longbridge"
    page_limit = 100
    overlap = 1  # whether `last_timestamp` includes its own day is not documented
    depth_limit = None

    def __init__(self, http: HttpClient, credentials: Credentials, quota: Quota) -> None:
        self._http = http
        self._credentials = credentials
        self._quota = quota

    def ratio_basis(self, market: Market) -> str:
        """What `short_ratio_pct` is a share of: the exchange's volume in Hong Kong, Longbridge's own feed in the US."""
        return "HKEX shares traded" if market is Market.HK else "volume Longbridge reports"

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:
        """The last second of `end` in the market, or now: right whether the gateway reads it inclusively or not."""
        now = int(time())
        return str(now if end is None else min(now, symbol.market.midnight(end + timedelta(days=1)) - 1))

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Day]:
        """At most `size` days (1..100) from `cursor`, Unix seconds, back in time."""
        params: dict[str, str | int] = {
            "symbol": str(symbol),
            "last_timestamp": cursor or str(int(time())),
            "page_size": size,
        }
        data, sandbox = await self._data(f"/v1/quote/short-trades/{symbol.market.lower()}", params, on_wait)
        rows = read_rows(data, symbol.market)
        return Page(
            days=rows.days,
            cursor=None if rows.oldest is None else str(rows.oldest),
            unreadable=rows.unreadable,
            sandbox=sandbox,
        )

    async def _data(self, path: str, params: dict[str, str | int], on_wait: OnWait | None) -> tuple[object, bool]:
        async def ask() -> tuple[object, bool]:
            reply = await self._send(path, params, on_wait)
            try:
                return data_of(reply), reply.sandbox
            except CredentialsRefused:
                if not await self._credentials.renew(reply.credentials):
                    raise
            reply = await self._send(path, params, on_wait)
            return data_of(reply), reply.sandbox

        return await retrying(ask)

    async def _send(self, path: str, params: dict[str, str | int], on_wait: OnWait | None) -> Reply:
        async with self._quota.slot(on_wait):
            return await self._http.get(path, params, self._credentials)
