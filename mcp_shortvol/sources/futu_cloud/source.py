"""Futu's cloud as a source of days of short volume."""

from collections.abc import Mapping
from dataclasses import replace

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Day
from mcp_shortvol.sources import Page
from mcp_shortvol.sources.futu_cloud.pages import FutuCloudPages
from mcp_shortvol.sources.futu_rows import CAVEATS, CLOUD_ROWS, RATIO_BASES, read_position

__all__ = ["BASE_URL", "FutuCloudSource"]

BASE_URL = "https://webapi.futunn.com"
"""Production; moomoo's customers may use https://webapi.moomoo.com instead."""


class FutuCloudSource(FutuCloudPages[Day]):
    """Daily short volume over Futu's cloud."""

    interface = "short_volume"
    row = Day
    _known_paths = (
        "/api/v1.0/quote/{symbol}/short/daily-volume",
        "/v1/quote/{symbol}/short-selling/daily-short-volume",
    )
    _formats = CLOUD_ROWS

    def ratio_basis(self, market: Market) -> str:
        """What the short ratio is a share of."""
        return RATIO_BASES[market]

    def caveat(self, market: Market) -> str:
        """Which sales the figures hold, and that closes change with each dividend."""
        return CAVEATS[market]

    def gives_position(self, market: Market) -> bool:
        """The SFC's weekly figure stands beside the days of a Hong Kong stock."""
        return market is Market.HK

    def _page(self, data: Mapping[str, object], market: Market, sandbox: bool) -> Page[Day]:
        page = super()._page(data, market, sandbox)
        if market is not Market.HK:
            return page
        position = read_position(data.get("aggregated_short"), data.get("aggregated_short_ratio"), data.get("new_time"))
        return replace(page, short_position=position)
