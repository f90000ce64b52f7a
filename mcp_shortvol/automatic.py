"""Which source answers where a question leaves it open (`source: auto`): the one order for all tools.

    1. FINRA, for the short interest of a US stock: all others have it from there
    2. an OpenD that is named in the settings
    3. Longbridge, where it is set up
    4. an OpenD that nobody named, where one answers on this machine, or where FUTU_SOURCE chooses it
    5. Futu's cloud, where it is set up, or chosen by FUTU_SOURCE
    6. FINRA, for a US stock; the SFC, for the short interest of a Hong Kong stock, where SHORTVOL_SFC=1

A tool that covers some of these sources only has the same order without the others. Nothing is ever asked in place of a
source that is set up and fails.
"""

from collections.abc import Collection, Iterator
from typing import Literal

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.settings import Settings, SourceName

__all__ = ["FUTU_OR_FINRA", "Kind", "candidates"]

Kind = Literal["volume", "interest"]

FUTU_OR_FINRA: Collection[SourceName] = frozenset({"futu_opend", "futu_cloud", "finra"})
"""The sources of `get_daily_short_volume`."""


def candidates(
    settings: Settings, market: Market, kind: Kind, among: Collection[SourceName] | None = None
) -> list[SourceName]:
    """The sources that may answer, first the preferred one.

    Several are given only where an OpenD that nobody named comes first: it is taken where it answers, else the next.
    """
    found: list[SourceName] = []
    for name in _in_order(settings, market, kind):
        if among is None or name in among:
            found.append(name)
            if name != "futu_opend" or _chosen(settings):
                break
    return found


def _in_order(settings: Settings, market: Market, kind: Kind) -> Iterator[SourceName]:
    finra = settings.finra and market is Market.US
    if finra and kind == "interest":
        yield "finra"
    if _chosen(settings) and settings.opend_set_up:
        yield "futu_opend"
    if settings.longbridge_set_up or settings.sandbox:
        yield "longbridge"
    if settings.futu_source != "futu_cloud":
        yield "futu_opend"
    if settings.cloud_set_up or settings.futu_source == "futu_cloud":
        yield "futu_cloud"
    if finra:
        yield "finra"
    if settings.sfc and market is Market.HK and kind == "interest":
        yield "sfc"


def _chosen(settings: Settings) -> bool:
    """Whether an OpenD was named in the settings, so that its failure is an error and no reason to look further."""
    return settings.futu_source == "futu_opend" or (settings.opend_set_up and settings.futu_source != "futu_cloud")
