"""What OpenD's interfaces to the rows of one symbol have in common: the question, its paging, its refusals."""

from datetime import date
from functools import partial
from typing import ClassVar

from mcp_shortvol.markets import Market
from mcp_shortvol.quota import OnWait, Quota
from mcp_shortvol.sources.opend.connection import Answer, OpenD
from mcp_shortvol.sources.opend.failures import Refusal
from mcp_shortvol.sources.opend.messages import Json, Protocol
from mcp_shortvol.sources.opend.securities import security
from mcp_shortvol.symbols import Symbol

__all__ = ["ROW_LISTS", "SymbolPages"]

ROW_LISTS = {Market.HK: "hkItemList", Market.US: "usItemList"}
_PAGE_LIMIT = 50


class SymbolPages:
    """Pages of 1 to 50 rows over one protocol, newest first.

    `quota` is asked for a place for every request: OpenD takes 30 in 30 s for each of these protocols, over all its
    clients.
    """

    name = "futu_opend"
    title = "Futu OpenD"
    page_limit = _PAGE_LIMIT
    overlap = 0
    depth_limit: int | None = None
    older_rows = ""
    protocol: ClassVar[Protocol]

    def __init__(self, opend: OpenD, quota: Quota) -> None:
        self._opend = opend
        self._quota = quota

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:  # noqa: ARG002 - see the Paged protocol
        """None: OpenD's keys are opaque, so that every history starts at its newest row."""
        return None

    async def _ask(self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None) -> Answer:
        """The answer with at most `size` rows from `cursor` back in time."""
        question: Json = {"security": security(symbol), "num": min(max(size, 1), _PAGE_LIMIT)}
        if cursor is not None:
            question["nextKey"] = cursor
        try:
            return await self._opend.call(self.protocol, question, slot=partial(self._quota.slot, on_wait))
        except Refusal as refusal:
            raise self._opend.wording.refused(refusal.reason, self.protocol, symbol) from None
