"""FINRA's `consolidatedShortInterest` as a source of reports: all of a symbol's, since 2017, in one answer."""

from datetime import date

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.quotas.quota import OnWait
from mcp_shortvol.sources import Page
from mcp_shortvol.sources.finra.api import FinraApi, equal
from mcp_shortvol.sources.finra.records import INTEREST_FIELDS, read_reports
from mcp_shortvol.sources.finra.spelling import interest_code
from mcp_shortvol.sources.finra.volume import COPYRIGHT

__all__ = ["FinraInterest"]


class FinraInterest:
    """Short interest of all US securities, over FINRA's Query API: what every other source has it from."""

    name = "finra"
    title = "FINRA"
    interface = "short_interest"
    row = Report
    page_limit = 1000
    overlap = 0
    refetchable = True
    older_rows = ""
    settling_days = 0

    def __init__(self, api: FinraApi) -> None:
        self._api = api

    @property
    def upstream(self) -> str:
        """The service's address and the credential's mark."""
        return self._api.upstream

    def pct_basis(self, market: Market) -> str:  # noqa: ARG002 - see the InterestSource protocol
        """FINRA gives shares, and a percentage of nothing."""
        return "none: FINRA gives no count of shares outstanding"

    def caveat(self, market: Market) -> str:  # noqa: ARG002 - see the InterestSource protocol
        """What FINRA does not have, and whose data it is."""
        return f"FINRA gives no percentage of shares and no prices. {COPYRIGHT}"

    def first_cursor(self, symbol: Symbol, end: date | None) -> str | None:  # noqa: ARG002 - see the Paged protocol
        """None: every answer is the whole history."""
        return None

    async def fetch_page(
        self,
        symbol: Symbol,
        cursor: str | None,  # noqa: ARG002 - see the Paged protocol
        size: int,  # noqa: ARG002 - see the Paged protocol
        on_wait: OnWait | None = None,
    ) -> Page[Report]:
        """Every report; never a cursor."""
        code = interest_code(symbol)
        found = await self._api.records(
            "consolidatedShortInterest", INTEREST_FIELDS, equal(symbolCode=code), on_wait=on_wait
        )
        rows = read_reports(found.rows, code)
        return Page(rows.days, None, unreadable=rows.unreadable, sandbox=found.sandbox)
