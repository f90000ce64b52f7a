"""OpenD as a source of days: protocol 3248, pages of 1 to 50 days going back in time."""

from datetime import date
from functools import partial

from mcp_shortvol.markets import Market
from mcp_shortvol.quota import OnWait, Quota
from mcp_shortvol.series import Day, ShortPosition
from mcp_shortvol.sources import Page
from mcp_shortvol.sources.futu_rows import OPEND_ROWS, read_cursor, read_position, read_rows
from mcp_shortvol.sources.opend.connection import OpenD
from mcp_shortvol.sources.opend.failures import Refusal
from mcp_shortvol.sources.opend.messages import Json, Protocol
from mcp_shortvol.symbols import Symbol

__all__ = ["OpenDSource"]

_PAGE_LIMIT = 50
_MARKET_NUMBERS = {Market.HK: 1, Market.US: 11}
_ROW_LISTS = {Market.HK: "hkItemList", Market.US: "usItemList"}
_RATIO_BASES = {Market.HK: "HKEX shares traded", Market.US: "consolidated volume"}


class OpenDSource:
    """Daily short volume over an OpenD.

    `quota` is asked for a place for every request: OpenD takes 30 in 30 s for this protocol, over all its clients.
    """

    name = "futu_opend"
    title = "Futu OpenD"
    page_limit = _PAGE_LIMIT
    overlap = 0
    depth_limit: int | None = None

    def __init__(self, opend: OpenD, quota: Quota) -> None:
        self._opend = opend
        self._quota = quota

    def ratio_basis(self, market: Market) -> str:
        """What the short ratio is a share of."""
        return _RATIO_BASES[market]

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:  # noqa: ARG002 - see the Source protocol
        """None: OpenD's keys are opaque, so that every history starts at its newest day."""
        return None

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Day]:
        """One page of at most `size` days, 50 at the most, from `cursor` back in time."""
        question: Json = {
            "security": {"market": _MARKET_NUMBERS[symbol.market], "code": symbol.futu_code},
            "num": min(max(size, 1), _PAGE_LIMIT),
        }
        if cursor is not None:
            question["nextKey"] = cursor
        try:
            answer = await self._opend.call(
                Protocol.GET_DAILY_SHORT_VOLUME, question, slot=partial(self._quota.slot, on_wait)
            )
        except Refusal as refusal:
            raise self._opend.wording.refused(refusal.reason, symbol) from None
        rows = read_rows(answer.content.get(_ROW_LISTS[symbol.market]), OPEND_ROWS[symbol.market], symbol.market)
        return Page(
            days=rows.days,
            cursor=read_cursor(answer.content.get("nextKey")),
            unreadable=rows.unreadable,
            sandbox=answer.sandbox,
            short_position=_position(answer.content) if symbol.market is Market.HK else None,
        )


def _position(content: Json) -> ShortPosition | None:
    return read_position(content.get("aggregatedShort"), content.get("aggregatedShortRatio"), content.get("newTimeStr"))
