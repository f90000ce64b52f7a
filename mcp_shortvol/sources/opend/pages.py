"""What OpenD's interfaces to the rows of one symbol have in common: the question, its paging, its refusals."""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import ClassVar

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.short_volume import Day
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.quotas.quota import OnWait, Quota
from mcp_shortvol.sources.opend.connection import Answer, OpenD
from mcp_shortvol.sources.opend.failures import Refusal
from mcp_shortvol.sources.opend.messages import Json, Protocol
from mcp_shortvol.sources.opend.securities import security

__all__ = ["ROW_LISTS", "SymbolPages", "is_anchored"]

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
    refetchable = True
    settling_days = 0
    older_rows = ""
    interface: ClassVar[str]
    protocol: ClassVar[Protocol]

    def __init__(self, opend: OpenD, quota: Quota) -> None:
        self._opend = opend
        self._quota = quota

    @property
    def upstream(self) -> str:
        """The address of the OpenD."""
        return self._opend.upstream

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:  # noqa: ARG002 - see the Paged protocol
        """None: OpenD's keys are opaque, so that every history starts at its newest row."""
        return None

    async def _ask(self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None) -> Answer:
        """The answer with at most `size` rows from `cursor` back in time."""
        question: Json = {"security": security(symbol), "num": min(max(size, 1), _PAGE_LIMIT)}
        if cursor is not None:
            question["nextKey"] = cursor

        async def ask() -> Answer:
            try:
                return await self._opend.call(self.protocol, question, slot=partial(self._quota.slot, on_wait))
            except Refusal as refusal:
                raise self._opend.wording.refused(refusal, self.protocol, symbol) from None

        return await self._quota.keeping(ask)


def is_anchored(cursor: str | None, rows: Sequence[Day] | Sequence[Report], market: Market) -> bool:
    """Whether a key is the oldest row's own timestamp, as in all of the vendor's samples; keys are opaque otherwise."""
    return bool(rows) and cursor == str(market.midnight(min(row.date for row in rows)))
