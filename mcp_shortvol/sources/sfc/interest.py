"""The SFC's weekly files as a source of reports: a page is so many weeks, each a file that is fetched once.

The reporting date is the last trading day of a week; the file comes about a week later. A stock that is in no file of a
week has no position above the reporting threshold then.
"""

from datetime import date, timedelta

from mcp_shortvol.domain.calendar import previous_trading_day
from mcp_shortvol.domain.errors import InvalidRequest, UpstreamChanged, UpstreamFault
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.quotas.quota import OnWait, Quota
from mcp_shortvol.sources import Page
from mcp_shortvol.sources.http import HttpClient, retrying
from mcp_shortvol.sources.sfc.files import Week, WeekKeeper, path_of, read_week

__all__ = ["SfcInterest"]

_FIRST = date(2012, 8, 31)
_ONE_DAY = timedelta(days=1)
_EARLIEST = timedelta(days=5)  # a week's file comes about seven days after its reporting date
_OUT_AFTER = timedelta(days=21)  # around holidays a file comes late
_MOST_MISSING = 4  # weeks in a row
_CHECK = "check SFC_URL and SFC_PATH against the page Short position reporting of www.sfc.hk."
_SATURDAY = 5


class SfcInterest:
    """Reportable short positions of Hong Kong stocks. `path` is the template of a file's path."""

    name = "sfc"
    title = "the SFC"
    interface = "short_interest"
    row = Report
    page_limit = 13  # a quarter of weeks
    overlap = 0
    refetchable = True
    older_rows = (
        "the SFC's files of the weeks before have no position of this stock: those under HKD 30 M and 0.02 % of issued "
        "shares are not reported."
    )
    settling_days = 0

    def __init__(self, http: HttpClient, path: str, quota: Quota, keeper: WeekKeeper) -> None:
        self._http = http
        self._path = path
        self._quota = quota
        self._keeper = keeper

    @property
    def upstream(self) -> str:
        """The address of the files."""
        return self._http.base_url

    def pct_basis(self, market: Market) -> str:  # noqa: ARG002 - see the InterestSource protocol
        """The SFC gives shares and their value, and no percentage."""
        return "none: the SFC gives no count of issued shares"

    def caveat(self, market: Market) -> str:  # noqa: ARG002 - see the InterestSource protocol
        """Whose data it is."""
        return "Source: the SFC's weekly aggregated reportable short positions."

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:
        """The last reporting date of the page: cursors are dates."""
        today = symbol.market.today()
        return str(today if end is None else min(end, today))

    async def fetch_page(
        self, symbol: Symbol, cursor: str | None, size: int, on_wait: OnWait | None = None
    ) -> Page[Report]:
        """The reports of at most `size` weeks back from the date `cursor`, newest first."""
        if symbol.market is not Market.HK:
            raise InvalidRequest(
                f"The SFC has Hong Kong stocks only, and {symbol} is a US stock.", "Ask with source=finra."
            )
        today = symbol.market.today()
        last = today if cursor is None else date.fromisoformat(cursor)
        week_end = _week_end(min(last, today - _EARLIEST))
        reports: list[Report] = []
        sandbox = False
        weeks = missing = 0
        while weeks < size and week_end >= _FIRST:
            week = await self._week(week_end, on_wait)
            if week is not None:
                sandbox = sandbox or week.invented
                weeks, missing = weeks + 1, 0
                if position := week.positions.get(symbol.code):
                    reports.append(_report(week_end, position.shares, position.value, damaged=position.damaged))
            elif week_end < today - _OUT_AFTER:
                weeks, missing = weeks + 1, missing + 1
                # A file that should be there: what it says is unknown, and not nothing.
                reports.append(_report(week_end, None, None, damaged=True))
            if missing == _MOST_MISSING:
                raise UpstreamChanged(
                    f"The SFC's site has no file of {week_end} and of the {_MOST_MISSING - 1} weeks after it.",
                    f"It may have moved: {_CHECK}",
                )
            week_end = _week_end(_monday(week_end) - _ONE_DAY)
        if not reports:  # older weeks may have some; nobody waits for files that answer nothing
            return Page((), None, limited=True, sandbox=sandbox)
        return Page(reports, str(week_end) if week_end >= _FIRST else None, anchored=True, sandbox=sandbox)

    async def _week(self, day: date, on_wait: OnWait | None) -> Week | None:
        kept = await self._keeper.load(self.upstream, day)
        if kept is not None:
            return kept

        async def ask() -> Week | None:
            async with self._quota.slot(on_wait):
                reply = await self._http.get(path_of(self._path, day), {}, None)
            if reply.status == 404:
                return None
            if reply.status >= 500 or reply.status == 429:
                raise UpstreamFault(f"The SFC's site is out of order (HTTP {reply.status}).", "Try again later.")
            if reply.status != 200:
                raise UpstreamChanged(
                    f"The SFC's site answered HTTP {reply.status} for its weekly file.",
                    f"It may have moved: {_CHECK}",
                )
            return read_week(reply.body, day, invented=reply.sandbox)

        week = await self._quota.keeping(lambda: retrying(ask))
        # A file that did not come whole is asked for again.
        if week is not None and week.sound:
            await self._keeper.keep(self.upstream, week)
        return week


def _week_end(day: date) -> date:
    """The last reporting date on or before `day`: the last trading day of a week that has one by then."""
    saturday = day + timedelta(days=_SATURDAY - day.weekday())
    last = previous_trading_day(Market.HK, saturday)
    return last if last <= day else _week_end(_monday(day) - _ONE_DAY)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _report(day: date, shares: int | None, value: float | None, *, damaged: bool) -> Report:
    return Report(day, shares, None, None, short_interest_value=value, damaged=damaged)
