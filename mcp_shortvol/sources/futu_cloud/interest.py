"""Futu's cloud as a source of reports of short interest."""

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_interest import Report
from mcp_shortvol.sources.futu_cloud.pages import FutuCloudPages
from mcp_shortvol.sources.futu_interest_rows import CLOUD_REPORTS, PCT_BASES

__all__ = ["FutuCloudInterest"]


class FutuCloudInterest(FutuCloudPages[Report]):
    """Short interest over Futu's cloud."""

    interface = "short_interest"
    row = Report
    _known_paths = (
        "/api/v1.0/quote/{symbol}/short/interest",
        "/v1/quote/{symbol}/short-selling/short-interest",
    )
    _formats = CLOUD_REPORTS

    def caveat(self, market: Market) -> str:  # noqa: ARG002 - see the InterestSource protocol
        """Nothing that the answer does not say by itself."""
        return ""

    def pct_basis(self, market: Market) -> str:
        """What `short_interest_pct` is a percentage of."""
        return PCT_BASES[market]
