"""What the cloud's histories have in common: the newest 90 rows at most, in one answer, under a path to be found.

There is no paging: rows older than the newest 90 are not to be had here, and OpenD is the way to them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import ClassVar, Generic

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.quotas.quota import OnWait, Quota
from mcp_shortvol.sources import Page
from mcp_shortvol.sources.futu_cloud.auth import CloudCredentials
from mcp_shortvol.sources.futu_cloud.envelope import data_of, is_wrong_path
from mcp_shortvol.sources.futu_rows import RowFormat, read_rows
from mcp_shortvol.sources.http import HttpClient, Reply, retrying

__all__ = ["FutuCloudPages"]

_MOST_ROWS = 90


class FutuCloudPages(Generic[Row]):
    """One of the cloud's histories, by its known paths and the formats of its rows.

    `path` is a template with `{symbol}`; without one the known paths are tried, and the one that exists is remembered.
    `credentials` are None where none are set: then none are sent. Published limits: 10 calls a second, 5 at once.
    """

    name = "futu_cloud"
    title = "Futu cloud"
    interface: str
    row: type[Row]
    page_limit = _MOST_ROWS
    overlap = 0
    refetchable = False
    settling_days = 0
    older_rows = f"Futu's cloud gives its newest {_MOST_ROWS} rows only; OpenD has older ones (FUTU_SOURCE=futu_opend)."

    # First what production answers to, then what the vendor's pages document.
    _known_paths: ClassVar[tuple[str, ...]]
    _formats: Mapping[Market, RowFormat[Row]]

    def __init__(
        self, http: HttpClient, credentials: CloudCredentials | None, quota: Quota, path: str | None = None
    ) -> None:
        self._http = http
        self._credentials = credentials
        self._quota = quota
        self._chosen_path = path or ""
        self._paths: tuple[str, ...] = self._known_paths if path is None else (path,)

    @property
    def upstream(self) -> str:
        """The cloud's address with a path that was chosen, and the account's mark where an app key tells it."""
        account = self._credentials.account if self._credentials else ""
        return f"{self._http.base_url}{self._chosen_path} {account}".rstrip()

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:  # noqa: ARG002 - see the Paged protocol
        """None: every answer starts at the newest row."""
        return None

    async def fetch_page(
        self,
        symbol: Symbol,
        cursor: str | None,  # noqa: ARG002 - see the Paged protocol
        size: int,
        on_wait: OnWait | None = None,
    ) -> Page[Row]:
        """The newest `size` rows, 1 to 90; never a cursor."""

        async def ask() -> Page[Row]:
            reply = await self._send(symbol, size, on_wait)
            return self._page(data_of(reply, symbol, self._credentials), symbol.market, reply.sandbox)

        return await self._quota.keeping(lambda: retrying(ask))

    def _page(self, data: Mapping[str, object], market: Market, sandbox: bool) -> Page[Row]:
        rows = read_rows(data["items"], self._formats[market], market)
        page = Page(days=rows.days, cursor=None, unreadable=rows.unreadable, sandbox=sandbox)
        return replace(page, limited=page.sent >= _MOST_ROWS)

    async def _send(self, symbol: Symbol, count: int, on_wait: OnWait | None) -> Reply:
        """The answer under the first path that exists, or else under the last."""
        for path in self._paths:
            async with self._quota.slot(on_wait):
                reply = await self._http.get(path.replace("{symbol}", symbol.futu), {"count": count}, self._credentials)
            if not is_wrong_path(reply):
                self._prefer(path)
                break
        return reply

    def _prefer(self, path: str) -> None:
        """Try what exists first from now on; the others stay, because a gateway can move."""
        self._paths = (path, *(other for other in self._paths if other != path))
