"""The one place that wires things together: settings become sources, history, cache and quotas, opened on first use.

Each vendor's package opens itself; the choice between the vendors is made here. Heavy imports stand inside functions,
because the server answers tools/list long before anyone asks for a day.
"""

from collections.abc import Collection
from contextlib import AsyncExitStack
from functools import cached_property
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

import anyio
import anyio.to_thread
from pydantic import SecretStr

from mcp_shortvol.automatic import FUTU_OR_FINRA, candidates
from mcp_shortvol.cache.open import open_market_store, open_store
from mcp_shortvol.cache.store import Store
from mcp_shortvol.domain.errors import InvalidRequest, NotConfigured, ShortVolumeError
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.history.freshness import Freshness
from mcp_shortvol.memo import Memo
from mcp_shortvol.quotas.quota import Rate
from mcp_shortvol.quotas.quotas import Quotas
from mcp_shortvol.settings import Settings, SourceName
from mcp_shortvol.sources import InterestSource, MarketSource, RankingSource, Source, Vendor
from mcp_shortvol.valkey import Valkey

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from mcp_shortvol.cache.market import MarketStore
    from mcp_shortvol.history.history import History
    from mcp_shortvol.history.market_days import MarketDays
    from mcp_shortvol.sources.opend.connection import OpenD
    from mcp_shortvol.sources.sfc.interest import SfcInterest

__all__ = ["Upstreams"]

_ABSENT_FOR = 30.0
_RESULTS = 64  # of 500 days each about 200 KB
_CLOSING_GRACE = 2.0


class Upstreams:
    """Opens what the settings name, inside an `async with` block whose end closes it.

    Where the sandbox is asked for, it stands in for every vendor.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._chosen_by = settings  # before the sandbox stands in for every vendor
        self._opening = anyio.Lock()
        self._probing = anyio.Lock()
        self._opend_absent_until = 0.0
        self._closing = AsyncExitStack()
        self._tasks: TaskGroup
        self._longbridge: Vendor | None = None
        self._opend: tuple[OpenD, Vendor] | None = None
        self._cloud: Vendor | None = None
        self._finra: Vendor | None = None
        self._sfc: SfcInterest | None = None
        self._sandbox_started = False
        self.results: Memo[Any] = Memo(_RESULTS)
        """The tools' results of series that still hold."""

    async def __aenter__(self) -> Self:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.move_on_after(_CLOSING_GRACE, shield=True):
            await self._closing.aclose()
        self._tasks.cancel_scope.cancel()
        # The task group must not see the exception that ended the block: it would wrap it in an exception group.
        await self._tasks.__aexit__(None, None, None)

    @property
    def deadline(self) -> float:
        """Seconds one call may take, with all its pages, waits and retries."""
        return self._settings.deadline

    @cached_property
    def history(self) -> "History":
        """Answers questions over the vendors, with kept rows."""
        from mcp_shortvol.history.history import History

        return History(self.store, Freshness(self._settings.fresh_seconds), self._tasks)

    @cached_property
    def store(self) -> Store:
        """Where fetched rows are kept."""
        # The rows of the embedded sandbox are of one process.
        setting = self._settings.store or ("memory:" if self._settings.sandbox else None)
        store = open_store(setting, self._settings.data_dir, self._server)
        self._closing.push_async_callback(store.aclose)
        return store

    @cached_property
    def _server(self) -> Valkey | None:
        """The Valkey or Redis server that replicas share, where the store is one."""
        setting = self._settings.store
        if not isinstance(setting, SecretStr):
            return None
        server = Valkey(setting.get_secret_value(), self._settings.store_prefix)
        self._closing.push_async_callback(server.aclose)
        return server

    async def free_requests(self) -> dict[str, tuple[int, Rate]]:
        """Of the vendors opened so far how many requests could start now, and at which rate."""
        return await self._quotas.free()

    @cached_property
    def market_store(self) -> "MarketStore":
        """Where whole market days and weeks are kept."""
        setting = self._settings.store or ("memory:" if self._settings.sandbox else None)
        store = open_market_store(setting, self._settings.data_dir)
        self._closing.push_async_callback(store.aclose)
        return store

    @cached_property
    def market_days(self) -> "MarketDays":
        """Gives whole market days, kept or fetched."""
        from mcp_shortvol.history.market_days import MarketDays

        freshness = Freshness(self._settings.fresh_seconds)
        last = self._settings.sandbox_as_of if self._settings.sandbox else None
        return MarketDays(self.market_store, freshness, self._tasks, last=last)

    async def open(self, source: SourceName, market: Market, among: Collection[SourceName] | None = None) -> Vendor:
        """The vendor of daily short volume by its name in the one vocabulary, or for "auto" the one that is to answer.

        `among` are the sources that a tool covers; None for all.
        """
        name = source if source != "auto" else await self._chosen(candidates(self._chosen_by, market, "volume", among))
        return await self._named(name)

    async def interest(self, source: SourceName, market: Market) -> tuple[InterestSource, Source | None]:
        """Whoever has the short interest, as `open` has the volume; and the daily volume of the same vendor, if any."""
        name = source if source != "auto" else await self._chosen(candidates(self._chosen_by, market, "interest"))
        if name == "sfc":
            return await self.sfc(), None
        vendor = await self._named(name)
        return vendor.interest, vendor.volume

    async def exchanges(self) -> dict[str, Source | ShortVolumeError]:
        """The daily volumes of "futu" and "longbridge", whose figures are of exchanges, as far as they are there.

        The failure stands in the place of one that is set up and cannot be opened.
        """
        found: dict[str, Source | ShortVolumeError] = {}
        futu = await self._chosen(candidates(self._chosen_by, Market.US, "volume", FUTU_OR_FINRA))
        wanted: dict[str, SourceName] = {} if futu == "finra" else {"futu": futu}
        if self._settings.longbridge_set_up or self._settings.sandbox:
            wanted["longbridge"] = "longbridge"
        for part, name in wanted.items():
            try:
                found[part] = (await self._named(name)).volume
            except ShortVolumeError as error:
                found[part] = error
        return found

    async def market(self) -> MarketSource:
        """The one vendor of whole market days."""
        vendor = await self._named("finra")
        assert vendor.market is not None
        return vendor.market

    async def _chosen(self, names: list[SourceName]) -> SourceName:
        """The first of the candidates, or the second where the first is an OpenD that nobody named and is not there."""
        # A call opens the connection itself; its state is asked for only where that decides between two sources.
        return names[0] if len(names) == 1 or await self._opend_answers() else names[1]

    async def _opend_answers(self) -> bool:
        async with self._opening:
            await self._start_sandbox_if_asked()
            opend, _ = self._open_opend()
        return await self._answers(opend)

    async def _named(self, name: SourceName) -> Vendor:
        match name:
            case "longbridge":
                return await self.longbridge()
            case "sfc":
                raise InvalidRequest(
                    "The SFC publishes weekly short positions, and no daily short volume.",
                    "Ask get_short_interest with source=sfc; for daily volume name another source.",
                )
        async with self._opening:
            await self._start_sandbox_if_asked()
            match name:
                case "futu_cloud":
                    return self._open_cloud()
                case "finra":
                    return self._open_finra()
            return self._open_opend()[1]

    async def sfc(self) -> "SfcInterest":
        """The SFC's weekly files."""
        async with self._opening:
            await self._start_sandbox_if_asked()
            if self._sfc is None:
                from mcp_shortvol.sources.sfc.open import open_sfc

                self._sfc = open_sfc(self._settings, self._quotas, self.market_store, self._closing)
            return self._sfc

    async def ranking(self) -> tuple[Vendor, RankingSource]:
        """The one vendor that ranks a market, with its ranking; raises NotConfigured where OpenD is left out."""
        vendor = await self._named("futu_opend")
        if vendor.ranking is None or self._settings.futu_source == "futu_cloud":
            raise NotConfigured(
                "Rankings come from OpenD only, and FUTU_SOURCE=futu_cloud leaves it out.",
                "Start Futu's OpenD (10.8 or newer), log in, and unset FUTU_SOURCE.",
            )
        return vendor, vendor.ranking

    async def longbridge(self) -> Vendor:
        """Longbridge OpenAPI; raises NotConfigured where no credentials are set."""
        async with self._opening:
            await self._start_sandbox_if_asked()
            if self._longbridge is None:
                from mcp_shortvol.sources.longbridge.open import open_longbridge

                self._longbridge = open_longbridge(self._settings, self._quotas, self._closing)
            return self._longbridge

    async def _answers(self, opend: "OpenD") -> bool:
        """Whether an OpenD that nobody named is there and logged in; its absence is remembered for a while."""
        async with self._probing:
            if monotonic() < self._opend_absent_until:
                return False
            try:
                with anyio.fail_after(self._settings.timeout / 3):
                    await opend.state()
            except (ShortVolumeError, TimeoutError):
                self._opend_absent_until = monotonic() + _ABSENT_FOR
                return False
            return True

    def _open_opend(self) -> tuple["OpenD", Vendor]:
        if self._opend is None:
            from mcp_shortvol.sources.opend.open import open_opend

            self._opend = open_opend(self._settings, self._quotas, self._closing, self._tasks)
        return self._opend

    def _open_cloud(self) -> Vendor:
        if self._cloud is None:
            from mcp_shortvol.sources.futu_cloud.open import open_futu_cloud

            self._cloud = open_futu_cloud(self._settings, self._quotas, self._closing)
        return self._cloud

    def _open_finra(self) -> Vendor:
        if self._finra is None:
            from mcp_shortvol.sources.finra.open import open_finra

            self._finra = open_finra(self._settings, self._quotas, self._closing)
        return self._finra

    @cached_property
    def _quotas(self) -> Quotas:
        if self._settings.sandbox:  # at a port of its own, which nobody shares
            return Quotas(None)
        if self._server is not None:
            return Quotas(None, self._server)
        from mcp_shortvol.files.folder import REQUESTS_FILE, data_folder

        quotas = Quotas(data_folder(self._settings.data_dir) / REQUESTS_FILE)
        self._closing.push_async_callback(quotas.aclose)
        return quotas

    async def _start_sandbox_if_asked(self) -> None:
        if not self._settings.sandbox or self._sandbox_started:
            return
        from mcp_shortvol.sandbox.runner import Sandbox

        sandbox = Sandbox(as_of=self._settings.sandbox_as_of)
        await anyio.to_thread.run_sync(sandbox.start)
        self._closing.push_async_callback(anyio.to_thread.run_sync, sandbox.stop)
        self._settings = self._settings.in_sandbox(sandbox.environment())
        self._sandbox_started = True
