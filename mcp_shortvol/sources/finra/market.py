"""A whole US market day out of FINRA's `regShoDaily`: every name, summed over its facilities; about six pages."""

from collections.abc import Sequence
from datetime import date

from mcp_shortvol.domain.errors import UPDATE_OR_REPORT, UpstreamChanged
from mcp_shortvol.domain.market_day import MarketDay, Volumes
from mcp_shortvol.domain.progress import Progress
from mcp_shortvol.quotas.quota import OnWait
from mcp_shortvol.sources.finra.api import FinraApi, equal
from mcp_shortvol.sources.finra.records import DATE, FACILITY, SHORT, SYMBOL, TOTAL, date_of, quantity
from mcp_shortvol.sources.finra.spelling import symbol_of
from mcp_shortvol.sources.finra.volume import BASIS
from mcp_shortvol.sources.scalars import Unreadable

__all__ = ["FinraMarket", "read_market"]


class FinraMarket:
    """The whole market of a date, over FINRA's Query API."""

    name = "finra"
    title = "FINRA"
    ratio_basis = BASIS
    settling_days = 2

    def __init__(self, api: FinraApi) -> None:
        self._api = api

    @property
    def upstream(self) -> str:
        """The service's address and the credential's mark."""
        return self._api.upstream

    async def fetch_day(self, day: date, on_wait: OnWait | None = None, progress: Progress | None = None) -> MarketDay:
        """Every name of a trading day; without names where FINRA has none of it, or not yet."""
        found = await self._api.records(
            "regShoDaily",
            (DATE, SYMBOL, FACILITY, SHORT, TOTAL),
            equal(**{DATE: str(day)}),
            on_wait=on_wait,
            progress=progress,
        )
        names, unreadable = read_market(found.rows, day)
        if found.rows and not names:
            raise UpstreamChanged(
                f"FINRA sent {len(found.rows)} records of {day}, and none of them can be read.", UPDATE_OR_REPORT
            )
        return MarketDay(day, names, unreadable, found.sandbox)


def read_market(records: Sequence[object], day: date) -> tuple[dict[str, Volumes], int]:
    """The names in the records of a day by canonical symbol, and how many names or records could not be read."""
    parts: dict[tuple[str, str], tuple[object, object]] = {}
    unreadable: set[str] = set()
    lost = 0
    for record in records:
        code = record.get(SYMBOL) if isinstance(record, dict) else None
        if not isinstance(record, dict) or not isinstance(code, str) or not code.strip():
            lost += 1
            continue
        code = code.strip()
        code = code.upper() if code.islower() else code
        place = code, str(record.get(FACILITY))
        volumes = record.get(SHORT), record.get(TOTAL)
        if date_of(record.get(DATE)) != day or parts.setdefault(place, volumes) != volumes:
            unreadable.add(code)
    cells: dict[str, list[object]] = {}
    for (code, _), volumes in parts.items():
        cells.setdefault(code, []).extend(volumes)
    names = {}
    for code, quantities in cells.items():
        volumes_of_it = None if code in unreadable else _summed(quantities)
        if volumes_of_it is None:
            unreadable.add(code)
        else:
            names[symbol_of(code)] = volumes_of_it
    return names, len(unreadable) + lost


def _summed(quantities: Sequence[object]) -> Volumes | None:
    """The sums of short and total quantities that alternate; None where one of them is unknown."""
    try:
        known = [value for value in map(quantity, quantities) if value is not None]
    except Unreadable:
        return None
    return Volumes(round(sum(known[::2])), round(sum(known[1::2]))) if len(known) == len(quantities) else None
