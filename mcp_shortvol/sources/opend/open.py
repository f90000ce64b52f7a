"""Opens an OpenD: the one that the settings name, else the one at its usual address."""

from contextlib import AsyncExitStack

from anyio.abc import TaskGroup

from mcp_shortvol.quotas.quota import Quota, Rate
from mcp_shortvol.quotas.quotas import Quotas
from mcp_shortvol.settings import Settings
from mcp_shortvol.sources import Vendor
from mcp_shortvol.sources.opend.connection import OpenD
from mcp_shortvol.sources.opend.interest import OpenDInterest
from mcp_shortvol.sources.opend.messages import Protocol
from mcp_shortvol.sources.opend.ranking import OpenDRanking
from mcp_shortvol.sources.opend.source import OpenDSource

__all__ = ["open_opend"]

_HOST = "127.0.0.1"
_PORT = 11111
_CONCURRENT = 32  # the connection takes any number; this bounds what waits on it
_RANKING_RATE = Rate(60, 30.5)
_PAUSE = 30.5


def open_opend(settings: Settings, quotas: Quotas, closing: AsyncExitStack, tasks: TaskGroup) -> tuple[OpenD, Vendor]:
    """The connection, which is made at the first call, and OpenD's interfaces over it; closed by `closing`."""
    opend = OpenD(
        tasks,
        settings.futu_opend_host or _HOST,
        settings.futu_opend_port or _PORT,
        rsa_key_file=settings.futu_opend_rsa_key_file,
        timeout=settings.timeout,
    )
    closing.push_async_callback(opend.aclose)

    def quota(protocol: Protocol, rate: Rate | None) -> Quota:
        # OpenD counts each protocol by itself, over all its clients.
        bucket = f"{opend.upstream} {protocol:d}"
        return quotas.quota("OpenD", rate, concurrent=_CONCURRENT, bucket=bucket, pause=_PAUSE)

    ranking_rate = _RANKING_RATE if settings.futu_quota else None
    return opend, Vendor(
        OpenDSource(opend, quota(Protocol.GET_DAILY_SHORT_VOLUME, settings.futu_quota)),
        OpenDInterest(opend, quota(Protocol.GET_SHORT_INTEREST, settings.futu_quota)),
        OpenDRanking(opend, quota(Protocol.GET_SHORT_SELLING_RANK, ranking_rate)),
    )
