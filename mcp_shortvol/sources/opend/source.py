"""OpenD as a source of days: protocol 3248, pages of 1 to 50 days going back in time."""

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Day, ShortPosition
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.quotas.quota import OnWait
from mcp_shortvol.sources import Page
from mcp_shortvol.sources.futu_rows import CAVEATS, OPEND_ROWS, RATIO_BASES, read_cursor, read_position, read_rows
from mcp_shortvol.sources.opend.messages import Json, Protocol
from mcp_shortvol.sources.opend.pages import ROW_LISTS, SymbolPages, is_anchored

__all__ = ["OpenDSource"]


class OpenDSource(SymbolPages):
    """Daily short volume over an OpenD."""

    interface = "short_volume"
    row = Day
    protocol = Protocol.GET_DAILY_SHORT_VOLUME

    def ratio_basis(self, market: Market) -> str:
        """What the short ratio is a share of."""
        return RATIO_BASES[market]

    def caveat(self, market: Market) -> str:
        """Which sales the figures hold, and that closes change with each dividend."""
        return CAVEATS[market]

    def gives_position(self, market: Market) -> bool:
        """The SFC's weekly figure stands beside the days of a Hong Kong stock."""
        return market is Market.HK

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Day]:
        """One page of at most `size` days, 50 at the most, from `cursor` back in time."""
        answer = await self._ask(symbol, cursor, size, on_wait)
        market = symbol.market
        rows = read_rows(answer.content.get(ROW_LISTS[market]), OPEND_ROWS[market], market)
        cursor = read_cursor(answer.content.get("nextKey"))
        return Page(
            days=rows.days,
            cursor=cursor,
            anchored=is_anchored(cursor, rows.days, market),
            unreadable=rows.unreadable,
            sandbox=answer.sandbox,
            short_position=_position(answer.content) if market is Market.HK else None,
        )


def _position(content: Json) -> ShortPosition | None:
    return read_position(content.get("aggregatedShort"), content.get("aggregatedShortRatio"), content.get("newTimeStr"))
