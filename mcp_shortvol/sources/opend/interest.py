"""OpenD as a source of short interest: protocol 3249, pages of 1 to 50 reports going back in time."""

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.quotas.quota import OnWait
from mcp_shortvol.sources import Page
from mcp_shortvol.sources.futu_interest_rows import OPEND_REPORTS, PCT_BASES, read_reports
from mcp_shortvol.sources.futu_rows import read_cursor
from mcp_shortvol.sources.opend.messages import Protocol
from mcp_shortvol.sources.opend.pages import ROW_LISTS, SymbolPages, is_anchored

__all__ = ["OpenDInterest"]


class OpenDInterest(SymbolPages):
    """Short interest over an OpenD."""

    interface = "short_interest"
    row = Report
    protocol = Protocol.GET_SHORT_INTEREST

    def caveat(self, market: Market) -> str:  # noqa: ARG002 - see the InterestSource protocol
        """Nothing that the answer does not say by itself."""
        return ""

    def pct_basis(self, market: Market) -> str:
        """What `short_interest_pct` is a percentage of."""
        return PCT_BASES[market]

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Report]:
        """One page of at most `size` reports, 50 at the most, from `cursor` back in time."""
        answer = await self._ask(symbol, cursor, size, on_wait)
        market = symbol.market
        rows = read_reports(answer.content.get(ROW_LISTS[market]), OPEND_REPORTS[market], market)
        cursor = read_cursor(answer.content.get("nextKey"))
        return Page(
            days=rows.days,
            cursor=cursor,
            anchored=is_anchored(cursor, rows.days, market),
            unreadable=rows.unreadable,
            sandbox=answer.sandbox,
        )
