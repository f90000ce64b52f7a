"""The vendors this process talks to, and what it keeps of them: settings → sources and history, opened on first use.

Heavy imports stand inside, because the server answers tools/list long before anyone asks for a day.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Self

import anyio
import anyio.to_thread

from mcp_shortvol.answers.words import listed
from mcp_shortvol.cache.store import NOTHING_KEPT, Store
from mcp_shortvol.domain.errors import NotConfigured, ShortVolumeError
from mcp_shortvol.history.freshness import Freshness
from mcp_shortvol.quotas.quota import Quota, Rate
from mcp_shortvol.settings import FutuSource, Settings, SourceName

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

    from mcp_shortvol.files.database import Database
    from mcp_shortvol.history.history import History
    from mcp_shortvol.sources import InterestSource, RankingSource, Source
    from mcp_shortvol.sources.http import Credentials
    from mcp_shortvol.sources.opend.connection import OpenD

__all__ = ["Upstreams"]

_OPEND_HOST = "127.0.0.1"
_OPEND_PORT = 11111
_OPEND_CONCURRENT = 32  # the connection takes any number; this bounds what waits on it
_CLOUD_RATE = Rate(10, 1.05)  # a little more than the vendor's second, as arrivals jitter
_RANKING_RATE = Rate(60, 30.5)
_OPEND_PAUSE = 30.5
_HTTP_PAUSE = 1.05
_ABSENT_FOR = 30.0
_CLOSING_GRACE = 2.0


@dataclass(frozen=True, slots=True)
class Vendor:
    """What one vendor offers through one interface; `ranking` is None where it has none."""

    volume: "Source"
    interest: "InterestSource"
    ranking: "RankingSource | None" = None


class Upstreams:
    """Opens what the settings name, inside an `async with` block whose end closes it.

    Where the sandbox is asked for, it stands in for every vendor.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._first_choice = settings.first_choice  # before the sandbox stands in for every vendor
        self._opening = anyio.Lock()
        self._probing = anyio.Lock()
        self._opend_absent_until = 0.0
        self._closing = AsyncExitStack()
        self._tasks: TaskGroup
        self._longbridge: Vendor | None = None
        self._opend: tuple[OpenD, Vendor] | None = None
        self._cloud: Vendor | None = None
        self._sandbox_started = False
        self._history: History | None = None
        self._store: Store | None = None
        self._buckets: Database | None = None

    async def __aenter__(self) -> Self:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        with anyio.move_on_after(_CLOSING_GRACE, shield=True):
            await self._closing.aclose()
        self._tasks.cancel_scope.cancel()
        # What ended the block is the caller's to see as it is: told of it, a task group would wrap it in a group.
        await self._tasks.__aexit__(None, None, None)

    @property
    def deadline(self) -> float:
        """Seconds one call may take, with all its pages, waits and retries."""
        return self._settings.deadline

    @property
    def history(self) -> "History":
        """What answers questions over the vendors, out of what is kept and what they give."""
        if self._history is None:
            from mcp_shortvol.history.history import History

            self._history = History(self.store, Freshness(self._settings.fresh_seconds), self._tasks)
        return self._history

    @property
    def store(self) -> Store:
        """Where fetched days are kept."""
        if self._store is None:
            self._store = self._open_store()
        return self._store

    async def open(self, source: SourceName) -> "Vendor":
        """A vendor by its name in the one vocabulary of arguments, settings and answers."""
        if source == "longbridge" or (source == "auto" and self._first_choice == "longbridge"):
            return await self.longbridge()
        return await self.futu(None if source == "auto" else source)

    async def ranking(self) -> "RankingSource":
        """The one interface that ranks a market; raises NotConfigured where the settings leave OpenD out."""
        vendor = await self.futu("futu_opend")
        if vendor.ranking is None or self._settings.futu_source == "futu_cloud":
            raise NotConfigured(
                "Rankings come from OpenD only, and FUTU_SOURCE=futu_cloud leaves it out.",
                "Start Futu's OpenD (10.8 or newer), log in, and unset FUTU_SOURCE.",
            )
        return vendor.ranking

    async def longbridge(self) -> "Vendor":
        """Longbridge OpenAPI; raises NotConfigured where no credentials are set."""
        async with self._opening:
            await self._start_sandbox_if_asked()
            self._longbridge = self._longbridge or self._open_longbridge()
            return self._longbridge

    async def futu(self, source: FutuSource | None = None) -> "Vendor":
        """Futu/moomoo, as `source` or else FUTU_SOURCE says: "auto" is OpenD where it answers, else a configured cloud.

        An OpenD that was set up and does not answer is an error and no reason to turn to another source.
        """
        async with self._opening:
            await self._start_sandbox_if_asked()
            settings = self._settings
            source = source or settings.futu_source
            if source == "futu_cloud":
                return self._open_cloud()
            opend, over_opend = self._open_opend()
        # A call opens the connection itself; its state is asked for only where that decides between two sources.
        if source == "futu_opend" or settings.opend_set_up or not settings.cloud_set_up or await self._answers(opend):
            return over_opend
        return self._open_cloud()

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

    def _open_longbridge(self) -> "Vendor":
        from mcp_shortvol.sources.http import HttpClient
        from mcp_shortvol.sources.longbridge.interest import LongbridgeInterest
        from mcp_shortvol.sources.longbridge.region import base_url
        from mcp_shortvol.sources.longbridge.source import LongbridgeSource

        settings = self._settings
        credentials = self._longbridge_credentials()
        url = settings.longbridge_http_url or base_url(settings.longbridge_region)
        headers = {"Accept-Language": settings.longbridge_language}
        http = HttpClient("Longbridge", url, timeout=settings.timeout, headers=headers)
        self._closing.push_async_callback(http.aclose)
        # One for the account: its limit counts every call.
        quota = self._quota("Longbridge", settings.longbridge_quota, 5, f"{url} {credentials.account}", _HTTP_PAUSE)
        return Vendor(LongbridgeSource(http, credentials, quota), LongbridgeInterest(http, credentials, quota))

    def _longbridge_credentials(self) -> "Credentials":
        from mcp_shortvol.sources.http import HttpClient
        from mcp_shortvol.sources.longbridge.oauth import OAuth, token_folder
        from mcp_shortvol.sources.longbridge.region import base_url
        from mcp_shortvol.sources.longbridge.signature import AppKey

        settings = self._settings
        key, secret = settings.longbridge_app_key, settings.longbridge_app_secret
        token = settings.longbridge_access_token
        if key and secret and token:
            return AppKey(key, secret, token)
        if settings.longbridge_client_id and not (key or secret or token):
            url = settings.longbridge_oauth_url or base_url(settings.longbridge_region)
            http = HttpClient("Longbridge's sign-in", url, timeout=settings.timeout)
            self._closing.push_async_callback(http.aclose)
            return OAuth(settings.longbridge_client_id, http, token_folder())
        parts = {"APP_KEY": key, "APP_SECRET": secret, "ACCESS_TOKEN": token}
        missing = [f"LONGBRIDGE_{name}" for name, value in parts.items() if not value]
        lack = f"{listed(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        raise NotConfigured(
            f"Longbridge is {'not' if len(missing) == len(parts) else 'only partly'} set up: {lack}.",
            "Set LONGBRIDGE_APP_KEY, LONGBRIDGE_APP_SECRET and LONGBRIDGE_ACCESS_TOKEN (from open.longbridge.com), or "
            "only LONGBRIDGE_CLIENT_ID after a sign-in with Longbridge's SDK or CLI. To try without an account, set "
            "SHORTVOL_SANDBOX=1: its figures are invented.",
        )

    def _open_opend(self) -> tuple["OpenD", "Vendor"]:
        if self._opend is None:
            from mcp_shortvol.sources.opend.connection import OpenD
            from mcp_shortvol.sources.opend.interest import OpenDInterest
            from mcp_shortvol.sources.opend.messages import Protocol
            from mcp_shortvol.sources.opend.ranking import OpenDRanking
            from mcp_shortvol.sources.opend.source import OpenDSource

            settings = self._settings
            opend = OpenD(
                self._tasks,
                settings.futu_opend_host or _OPEND_HOST,
                settings.futu_opend_port or _OPEND_PORT,
                rsa_key_file=settings.futu_opend_rsa_key_file,
                timeout=settings.timeout,
            )
            self._closing.push_async_callback(opend.aclose)

            def quota(protocol: Protocol, rate: Rate | None) -> Quota:
                # OpenD counts each protocol by itself, over all its clients.
                return self._quota("OpenD", rate, _OPEND_CONCURRENT, f"{opend.upstream} {protocol:d}", _OPEND_PAUSE)

            vendor = Vendor(
                OpenDSource(opend, quota(Protocol.GET_DAILY_SHORT_VOLUME, settings.futu_quota)),
                OpenDInterest(opend, quota(Protocol.GET_SHORT_INTEREST, settings.futu_quota)),
                OpenDRanking(
                    opend,
                    quota(Protocol.GET_SHORT_SELLING_RANK, _RANKING_RATE if settings.futu_quota else None),
                ),
            )
            self._opend = opend, vendor
        return self._opend

    def _open_cloud(self) -> "Vendor":
        if self._cloud is None:
            from mcp_shortvol.sources.futu_cloud.auth import cloud_credentials
            from mcp_shortvol.sources.futu_cloud.interest import FutuCloudInterest
            from mcp_shortvol.sources.futu_cloud.source import BASE_URL, FutuCloudSource
            from mcp_shortvol.sources.http import HttpClient

            settings = self._settings
            credentials = cloud_credentials(
                settings.futu_api_token, settings.futu_api_key, settings.futu_api_private_key_file
            )
            url = settings.futu_api_url or BASE_URL
            http = HttpClient("Futu's cloud", url, timeout=settings.timeout)
            self._closing.push_async_callback(http.aclose)
            account = credentials.account if credentials else ""
            rate = _CLOUD_RATE if settings.futu_quota else None
            quota = self._quota("Futu's cloud", rate, 5, f"{url} {account}", _HTTP_PAUSE)
            self._cloud = Vendor(
                FutuCloudSource(http, credentials, quota, settings.futu_api_path),
                FutuCloudInterest(http, credentials, quota),
            )
        return self._cloud

    def _quota(self, title: str, rate: Rate | None, concurrent: int, bucket: str, pause: float) -> Quota:
        """A quota whose bucket all processes share that ask the same upstream with the same account."""
        from mcp_shortvol.quotas.shared_bucket import SharedBucket, starts_in

        if self._settings.sandbox:  # at a port of its own: nobody shares it
            return Quota(rate, concurrent=concurrent, title=title, pause=pause)
        if self._buckets is None:
            from mcp_shortvol.files.folder import STARTS_FILE, data_folder

            self._buckets = starts_in(data_folder(self._settings.data_dir) / STARTS_FILE)
            self._closing.push_async_callback(self._buckets.aclose)
        shared = SharedBucket(self._buckets, bucket)
        return Quota(rate, concurrent=concurrent, bucket=shared, title=title, pause=pause)

    def _open_store(self) -> Store:
        """The store that the settings name; in memory for the embedded sandbox, whose days are of one process."""
        setting = self._settings.store or ("memory:" if self._settings.sandbox else None)
        if setting == "off":
            return NOTHING_KEPT
        from mcp_shortvol.cache.sqlite import SqliteStore

        if setting == "memory:":
            store = SqliteStore(None)
        elif setting is None:
            from mcp_shortvol.files.folder import DAYS_FILE, data_folder

            store = SqliteStore(data_folder(self._settings.data_dir) / DAYS_FILE)
        else:
            store = SqliteStore(setting)
        self._closing.push_async_callback(store.aclose)
        return store

    async def _start_sandbox_if_asked(self) -> None:
        if not self._settings.sandbox or self._sandbox_started:
            return
        from mcp_shortvol.sandbox.runner import Sandbox

        sandbox = Sandbox(as_of=self._settings.sandbox_as_of)
        await anyio.to_thread.run_sync(sandbox.start)
        self._closing.push_async_callback(anyio.to_thread.run_sync, sandbox.stop)
        self._settings = self._settings.in_sandbox(sandbox.environment())
        self._sandbox_started = True
