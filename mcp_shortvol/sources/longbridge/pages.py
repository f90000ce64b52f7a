"""What Longbridge's histories have in common: signed calls for pages of at most 100 rows, back from a point in time."""

from datetime import date, timedelta
from time import time
from typing import ClassVar, Generic

from mcp_shortvol.domain.errors import TokenRefused
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.quotas.quota import OnWait, Quota
from mcp_shortvol.sources import Page
from mcp_shortvol.sources.http import Credentials, HttpClient, Reply, retrying
from mcp_shortvol.sources.longbridge.envelope import data_of
from mcp_shortvol.sources.longbridge.rows import RowReaders, read_rows

__all__ = ["LongbridgePages"]


class LongbridgePages(Generic[Row]):
    """One of Longbridge's histories, by the name of its path, the parameters that say how many, and its rows' readers.

    A token refused before its time is renewed once, if it can be.
    """

    name = "longbridge"
    title = "Longbridge"
    interface: str
    row: type[Row]
    page_limit = 100
    overlap = 1  # whether `last_timestamp` includes its own row is not documented
    refetchable = True
    settling_days = 0
    older_rows = ""

    _history: ClassVar[str]
    _counts: ClassVar[tuple[str, ...]]
    _readers: RowReaders[Row]

    def __init__(self, http: HttpClient, credentials: Credentials, quota: Quota) -> None:
        self._http = http
        self._credentials = credentials
        self._quota = quota

    @property
    def upstream(self) -> str:
        """The gateway's address and the account's mark."""
        return f"{self._http.base_url} {self._credentials.account}"

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:
        """The last second of `end` in the market, or now: right whether the gateway reads it inclusively or not."""
        if end is None or end >= symbol.market.today():
            return str(int(time()))
        return str(symbol.market.midnight(end + timedelta(days=1)) - 1)

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Row]:
        """At most `size` rows (1..100) from `cursor`, Unix seconds, back in time."""
        params: dict[str, str | int] = {"symbol": str(symbol), "last_timestamp": cursor or str(int(time()))}
        params |= dict.fromkeys(self._counts, size)
        data, sandbox = await self._data(f"/v1/quote/{self._history}/{symbol.market.lower()}", params, on_wait)
        rows = read_rows(data, self._readers[symbol.market])
        return Page(
            days=rows.days,
            cursor=None if rows.oldest is None else str(rows.oldest),
            anchored=True,
            unreadable=rows.unreadable,
            sandbox=sandbox,
        )

    async def _data(self, path: str, params: dict[str, str | int], on_wait: OnWait | None) -> tuple[object, bool]:
        """The `data` of an answer, and whether it is the sandbox's."""

        async def ask() -> tuple[object, bool]:
            reply = await self._send(path, params, on_wait)
            try:
                return data_of(reply), reply.sandbox
            except TokenRefused:
                if not await self._credentials.renew(reply.credentials):
                    raise
            reply = await self._send(path, params, on_wait)
            return data_of(reply), reply.sandbox

        return await self._quota.keeping(lambda: retrying(ask))

    async def _send(self, path: str, params: dict[str, str | int], on_wait: OnWait | None) -> Reply:
        async with self._quota.slot(on_wait):
            return await self._http.get(path, params, self._credentials)
