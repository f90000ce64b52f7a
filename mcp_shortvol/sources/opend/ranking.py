"""OpenD as a source of rankings: protocol 3415, pages of 1 to 35 names by their place in a list that moves."""

from collections.abc import Callable, Mapping
from functools import partial

from mcp_shortvol.domain.errors import UPDATE_OR_REPORT, UpstreamChanged
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.ranking import NO_VOLUME_DAYS, Direction, OrderBy, Ranked, clean_name
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.quotas.quota import OnWait, Quota
from mcp_shortvol.sources import RankingPage
from mcp_shortvol.sources.futu_rows import RATIO_BASES
from mcp_shortvol.sources.opend.connection import Answer, OpenD
from mcp_shortvol.sources.opend.failures import Refusal
from mcp_shortvol.sources.opend.messages import Json, Protocol
from mcp_shortvol.sources.opend.securities import MARKET_NUMBERS, read_security
from mcp_shortvol.sources.scalars import Unreadable, read_float, read_int, read_signed_float, read_signed_int

__all__ = ["OpenDRanking"]

_PROTOCOL = Protocol.GET_SHORT_SELLING_RANK
_PAGE_LIMIT = 35
_DIRECTIONS: Mapping[Direction, int] = {"desc": 0, "asc": 1}

# The vendor's ShortSellingSortField. It has two more, 9 and 12, for averages of the total volume that no answer tells.
_SORT_FIELDS: Mapping[OrderBy, int] = {
    "short_volume_change": 1,
    "short_ratio_change": 2,
    "short_volume": 3,
    "short_ratio": 4,
    "volume": 5,
    "short_interest": 6,
    "short_interest_pct": 7,
    "days_to_cover": 8,
    "week_average_short_volume": 10,
    "week_average_short_ratio": 11,
    "month_average_short_volume": 13,
    "month_average_short_ratio": 14,
}


def _read_days_to_cover(value: object) -> float | None:
    days = read_float(value)
    return None if days is None or days >= NO_VOLUME_DAYS else days


# By the field of `Ranked` that each fills.
_FIGURES: Mapping[str, tuple[str, Callable[[object], float | None]]] = {
    "close": ("closePrice", read_float),
    "change_pct": ("changeRatio", read_signed_float),
    "change_5d_pct": ("changeRatio5D", read_signed_float),
    "change_10d_pct": ("changeRatio10D", read_signed_float),
    "volume": ("volume", read_int),
    "short_volume": ("shortNumber", read_int),
    "short_volume_change": ("shortNumberChange", read_signed_int),
    "short_ratio_pct": ("shortRatio", read_float),
    "short_ratio_change": ("shortRatioChange", read_signed_float),
    "short_interest": ("shortPositionVolume", read_int),
    "short_interest_pct": ("shortPositionRatio", read_float),
    "days_to_cover": ("daysToCover", _read_days_to_cover),
    "week_average_short_volume": ("weekAvgShortNumber", read_int),
    "week_average_short_ratio_pct": ("weekAvgShortRatio", read_float),
    "month_average_short_volume": ("monthAvgShortNumber", read_int),
    "month_average_short_ratio_pct": ("monthAvgShortRatio", read_float),
}


class OpenDRanking:
    """A market's names by a figure of short selling, over an OpenD of 10.8 or newer.

    `quota` is asked for a place for every request: OpenD takes 60 in 30 s for this protocol, over all its clients.
    """

    name = "futu_opend"
    title = "Futu OpenD"
    page_limit = _PAGE_LIMIT

    def __init__(self, opend: OpenD, quota: Quota) -> None:
        self._opend = opend
        self._quota = quota

    def ratio_basis(self, market: Market) -> str:
        """What the short ratio is a share of."""
        return RATIO_BASES[market]

    async def fetch_ranking(
        self,
        market: Market,
        order_by: OrderBy,
        direction: Direction,
        offset: int,
        count: int,
        on_wait: OnWait | None = None,
    ) -> RankingPage:
        """At most `count` names, 35 at the most, from place `offset` on, counted from 0."""
        question: Json = {
            "market": MARKET_NUMBERS[market],
            "sortField": _SORT_FIELDS[order_by],
            "sortDir": _DIRECTIONS[direction],
            "offset": max(offset, 0),
            "count": min(max(count, 1), _PAGE_LIMIT),
        }

        async def ask() -> Answer:
            try:
                return await self._opend.call(_PROTOCOL, question, slot=partial(self._quota.slot, on_wait))
            except Refusal as refusal:
                raise self._opend.wording.refused(refusal, _PROTOCOL, market) from None

        answer = await self._quota.keeping(ask)
        items = answer.content.get("dataList")
        if items is None:
            items = []
        if not isinstance(items, list):
            raise _changed()
        rows = [row for item in items if (row := _read_row(item, market))]
        if items and not rows and not offset:  # further down, a few that cannot be read do not spoil the rest
            raise _changed()
        return RankingPage(
            rows=rows,
            total=_read_total(answer.content),
            unreadable=len(items) - len(rows),
            sandbox=answer.sandbox,
        )


def _read_row(item: object, market: Market) -> Ranked | None:
    """A name and its figures; None where it is not a security of `market`."""
    if not isinstance(item, dict):
        return None
    symbol = read_security(item.get("security"))
    return _ranked(symbol, item) if symbol and symbol.market is market else None


def _ranked(symbol: Symbol, item: Json) -> Ranked:
    read: dict[str, object] = {}
    damaged = False
    for field, (key, reader) in _FIGURES.items():
        try:
            read[field] = reader(item.get(key))
        except Unreadable:
            damaged = True
    figures = [read.get(field) for field in Ranked._fields[2:-1]]
    return Ranked._make((symbol, clean_name(item.get("name")), *figures, damaged))


def _read_total(content: Json) -> int | None:
    try:
        return read_int(content.get("allCount"))
    except Unreadable:
        return None


def _changed() -> UpstreamChanged:
    return UpstreamChanged(
        "OpenD answered with a ranking that cannot be read here.",
        UPDATE_OR_REPORT,
    )
