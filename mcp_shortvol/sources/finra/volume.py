"""FINRA's `regShoDaily` as a source of days: short sales of trades reported off exchange, a rolling year of them.

The question is a range of dates, so that a page is as large as it is asked to be: one request answers a symbol's year.
Where a range holds fewer days than asked for (a thin name, a new one, none at all), the rest of the year is asked for
at once.
"""

from dataclasses import replace
from datetime import date, timedelta

from mcp_shortvol.domain.calendar import previous_trading_day
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Day
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.quotas.quota import OnWait
from mcp_shortvol.sources import Page
from mcp_shortvol.sources.finra.api import FinraApi, between, equal
from mcp_shortvol.sources.finra.records import DATE, SYMBOL, VOLUME_FIELDS, read_days
from mcp_shortvol.sources.finra.spelling import volume_code

__all__ = ["BASIS", "COPYRIGHT", "FinraVolume"]

BASIS = "off-exchange volume reported to FINRA"
COPYRIGHT = "Short sale data \u00a9 FINRA."

_YEAR = timedelta(days=365)
_ONE_DAY = timedelta(days=1)
_NEAR_THE_LIMIT = timedelta(days=14)  # a history that begins later has most likely no older days
_FIRST = date(2018, 1, 1)  # long before the oldest day there can be


class FinraVolume:
    """Daily short volume off exchange, over FINRA's Query API."""

    name = "finra"
    title = "FINRA"
    interface = "short_volume"
    row = Day
    page_limit = 260  # the trading days of a year, and a few
    overlap = 0
    refetchable = False
    settling_days = 2
    older_rows = (
        "FINRA gives the last 365 days only. Older ones: get_short_trades (Longbridge), or get_daily_short_volume with "
        "source=futu_opend, where set up; their ratios are shares of other volumes."
    )

    def __init__(self, api: FinraApi) -> None:
        self._api = api

    @property
    def upstream(self) -> str:
        """The service's address and the credential's mark."""
        return self._api.upstream

    def ratio_basis(self, market: Market) -> str:  # noqa: ARG002 - see the Source protocol
        """What the short ratio is a share of."""
        return BASIS

    def caveat(self, market: Market) -> str:  # noqa: ARG002 - see the Source protocol
        """Whose data it is, how high it usually is, and what it does not have."""
        return f"Off exchange 40-50 % is ordinary. FINRA gives no prices. {COPYRIGHT}"

    def gives_position(self, market: Market) -> bool:  # noqa: ARG002 - see the Source protocol
        """Never: short interest is another dataset."""
        return False

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:
        """The last date of the page: cursors are dates."""
        today = symbol.market.today()
        return str(today if end is None else min(end, today))

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Day]:
        """The newest `size` days, 260 at the most, up to the date `cursor`."""
        code = volume_code(symbol)
        today = symbol.market.today()
        last = today if cursor is None else date.fromisoformat(cursor)
        first = _days_back(last, size)
        page = await self._between(code, first, last, on_wait)
        if len(page.days) < size and (not page.days or first > last - _YEAR):
            page = await self._between(code, _FIRST, last, on_wait)
        days = page.days[:size]
        if len(days) == size:
            older = str(days[-1].date - _ONE_DAY)
            return replace(page, days=days, cursor=older, anchored=True)
        # What lies beyond the rolling year is not there any more. A history that begins well inside it is a whole one.
        begins = days[-1].date if days else last
        return replace(page, limited=begins <= today - _YEAR + _NEAR_THE_LIMIT)

    async def _between(self, code: str, first: date, last: date, on_wait: OnWait | None) -> Page[Day]:
        filters = equal(**{SYMBOL: code}) | between(DATE, str(first), str(last))
        found = await self._api.records("regShoDaily", VOLUME_FIELDS, filters, on_wait=on_wait)
        rows = read_days(found.rows, code)
        return Page(rows.days, None, unreadable=rows.unreadable, sandbox=found.sandbox)


def _days_back(last: date, size: int) -> date:
    """The date so many trading days before `last` that they hold `size` rows, also where the newest is not out yet."""
    day = last
    for _ in range(size):
        day = previous_trading_day(Market.US, day)
    return day
