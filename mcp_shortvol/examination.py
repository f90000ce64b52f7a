"""How things stand: each check a finding with its next step. A source is asked for one day, as a question would.

The command `doctor` prints it, and the resource `shortvol://status` gives it to a client.
"""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter, time
from typing import Literal
from urllib.parse import urlsplit

import anyio
from pydantic import SecretStr

from mcp_shortvol.automatic import Kind, candidates
from mcp_shortvol.domain.errors import SetupError, ShortVolumeError, out_of_time
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.files.folder import DAYS_FILE, data_folder
from mcp_shortvol.history.history import fetch_series
from mcp_shortvol.settings import Settings, SourceName
from mcp_shortvol.sources.http import HttpClient
from mcp_shortvol.sources.longbridge.oauth import sign_in_ends, token_folder
from mcp_shortvol.sources.longbridge.region import base_url
from mcp_shortvol.upstreams import Upstreams

__all__ = ["Finding", "examine", "lines"]

_TENCENT = Symbol("700", Market.HK)
_APPLE = Symbol("AAPL", Market.US)
_PATIENCE = 15.0
_CLOCK_TOLERANCE = 10.0  # seconds; a signature carries the time, and is refused when it is far off
_ANSWERED, _NOT_SET_UP, _VENDOR_FAILED = 0, 3, 4
_VENDORS: dict[SourceName, str] = {
    "longbridge": "Longbridge",
    "futu_opend": "OpenD",
    "futu_cloud": "Futu cloud",
    "finra": "FINRA",
}
_TERMS = (
    "FINRA's figures are for non-commercial use, with the attribution \u00a9 FINRA; Longbridge's and Futu's under your "
    "agreements with them"
)
_TITLES = {**_VENDORS, "sfc": "SFC"}
_KINDS: tuple[Kind, Kind] = ("volume", "interest")
_SFC_AUTO = ", and on its own where nothing else is set up"
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about a subject, and what to do about it where something is to be done."""

    subject: str
    status: Literal["ok", "warning", "failure"]
    said: str
    next_step: str = ""

    def __str__(self) -> str:
        return f"{self.said} {self.next_step}".rstrip()


def lines(found: Sequence[Finding]) -> str:
    """The findings as text, a line each."""
    return "\n".join(
        f"{finding.subject:12} {'NOTE: ' if finding.status == 'warning' else ''}{finding}" for finding in found
    )


async def examine(settings: Settings, upstreams: Upstreams) -> tuple[list[Finding], int]:
    """Every finding, and the exit code: 0 where a question would be answered."""
    found = [*_sandbox(settings), _automatic(settings), *_accounts(settings), *_proxies(settings)]
    failures: list[ShortVolumeError | None] = []
    found += [finding async for finding in _kept(settings, upstreams)]
    found += [finding async for finding in _clock(settings)]
    found += _sign_in(settings)
    for source, title in _VENDORS.items():
        if source == "futu_cloud" and not settings.cloud_set_up and not settings.sandbox:
            continue
        if source == "finra" and not settings.finra:
            found.append(Finding(title, "ok", "switched off by SHORTVOL_FINRA"))
            continue
        finding, failure = await _ask(upstreams, source, title)
        found.append(finding)
        failures.append(failure)
    found.append(Finding("SFC", "ok", "its weekly files answer for Hong Kong by name" + _SFC_AUTO * settings.sfc))
    found.append(Finding("terms", "ok", _TERMS))
    found += [finding async for finding in _limits(upstreams)]
    if None in failures:
        return found, _ANSWERED
    return found, _NOT_SET_UP if all(isinstance(failure, SetupError) for failure in failures) else _VENDOR_FAILED


def _sandbox(settings: Settings) -> Iterator[Finding]:
    if settings.sandbox:
        real = settings.longbridge_set_up or settings.opend_set_up or settings.cloud_set_up
        said = "SHORTVOL_SANDBOX is on: every figure is invented" + (", though an account is set up." if real else ".")
        yield Finding("sandbox", "warning", said, "Unset it for real figures.")


def _automatic(settings: Settings) -> Finding:
    """The sources that `auto` takes, by market and figure."""
    asked = {
        f"{market.full_name} {kind}": " where one answers, else ".join(
            _TITLES[name] for name in candidates(settings, market, kind)
        )
        for market in Market
        for kind in _KINDS
    }
    if set(asked.values()) == {"Longbridge"}:
        return Finding("auto", "ok", "asks Longbridge")
    return Finding("auto", "ok", "; ".join(f"{what}: {title}" for what, title in asked.items()))


def _accounts(settings: Settings) -> Iterator[Finding]:
    """As whom a vendor is asked, without a secret; an OpenD is logged in by itself."""
    known = []
    if settings.longbridge_app_key:
        known.append("Longbridge by app key")
    elif settings.longbridge_client_id:
        known.append(f"Longbridge by the sign-in {settings.longbridge_client_id}")
    if settings.futu_api_token or settings.futu_api_key:
        known.append(f"Futu cloud by {'token' if settings.futu_api_token else 'app key'}")
    if known:
        yield Finding("account", "ok", ", ".join(known))


async def _limits(upstreams: Upstreams) -> AsyncIterator[Finding]:
    """What is left of each vendor's rate limit, counted with the other programs of this machine."""
    free = await upstreams.free_requests()
    if free:
        left = [f"{title} {count} of {rate.requests} in {rate.seconds:g} s" for title, (count, rate) in free.items()]
        yield Finding("limits", "ok", f"requests left now: {', '.join(left)}")


def _proxies(settings: Settings) -> Iterator[Finding]:
    """Proxies that the HTTP sources go through; an OpenD is reached directly."""
    names = [name for name in _PROXIES if os.environ.get(name)]
    if names and (settings.longbridge_set_up or settings.cloud_set_up):
        hosts = sorted({_host(os.environ[name]) for name in names})
        yield Finding(
            "proxy",
            "warning",
            f"{' and '.join(names)} lead through {' and '.join(hosts)}.",
            "If a source cannot be reached, unset them or name its host in NO_PROXY.",
        )


def _host(address: str) -> str:
    """The host in an address, whose user and password stay out."""
    try:
        return urlsplit(address).hostname or "an address without a host"
    except ValueError:
        return "an address that is none"


async def _kept(settings: Settings, upstreams: Upstreams) -> AsyncIterator[Finding]:
    folder = data_folder(settings.data_dir)
    yield _folder(folder)
    yield _store(settings, folder / DAYS_FILE)
    market_days, weeks = await upstreams.market_store.extent()
    extent = await upstreams.store.extent()
    if extent is not None:
        whole = f"; {market_days:,} whole market days, {weeks:,} weeks of the SFC" if market_days or weeks else ""
        yield Finding("kept", "ok", f"{extent.rows:,} days or reports in {extent.series:,} series{whole}")
    elif settings.store == "off":
        yield Finding("kept", "ok", "nothing, as SHORTVOL_STORE says")
    else:
        yield Finding("kept", "warning", "unknown: the store cannot be used; standard error says why")


def _store(settings: Settings, file: Path) -> Finding:
    if isinstance(settings.store, SecretStr):
        where = urlsplit(settings.store.get_secret_value())
        return Finding("store", "ok", f"{where.scheme}://{where.hostname}, shared by replicas")
    place = settings.store or ("memory, as the sandbox is on" if settings.sandbox else str(file))
    size = f" ({Path(place).stat().st_size / 1024:,.0f} KB)" if Path(place).is_file() else ""
    return Finding("store", "ok", f"{place}{size}")


def _folder(folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(
            "data folder",
            "warning",
            f"{folder} cannot be written ({os.strerror(error.errno or 0)}): nothing is kept there.",
            "Make it writable, or set SHORTVOL_DATA_DIR to a folder that is.",
        )
    return Finding("data folder", "ok", str(folder))


async def _clock(settings: Settings) -> AsyncIterator[Finding]:
    """This machine's clock against the Date header of Longbridge, whose signatures carry the time."""
    if not settings.longbridge_set_up:
        return
    url = settings.longbridge_http_url or base_url(settings.longbridge_region)
    before = time()
    try:
        async with aclosing(HttpClient("Longbridge", url, timeout=5)) as http:
            reply = await http.get("/", {}, None)
        theirs = parsedate_to_datetime(reply.headers["date"]).timestamp()
    except (ShortVolumeError, KeyError, ValueError):
        return  # the source's own line says what is wrong, or nothing tells the time
    off = (before + time()) / 2 - theirs
    if abs(off) > _CLOCK_TOLERANCE:
        yield Finding(
            "clock",
            "failure",
            f"This machine's clock is {abs(off):,.0f} s {'ahead of' if off > 0 else 'behind'} Longbridge's: signatures "
            "are refused.",
            "Set it, for example with timedatectl set-ntp true.",
        )
    else:
        yield Finding("clock", "ok", "agrees with Longbridge's")


def _sign_in(settings: Settings) -> Iterator[Finding]:
    """Until when the access token of a sign-in is valid; it is renewed by itself."""
    if not settings.longbridge_client_id or settings.longbridge_app_key:
        return
    try:
        ends = sign_in_ends(settings.longbridge_client_id, token_folder())
    except SetupError as error:
        yield Finding("sign-in", "failure", error.what, error.next_step)
        return
    when = f"{datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M} UTC"
    if ends < time():
        yield Finding("sign-in", "warning", f"Its access token ended at {when}.", "The next question renews it.")
    else:
        yield Finding("sign-in", "ok", f"valid until {when}, then renewed")


async def _ask(upstreams: Upstreams, source: SourceName, title: str) -> tuple[Finding, ShortVolumeError | None]:
    """Ask a source for one day; what came, or what came between."""
    began = perf_counter()
    failure: ShortVolumeError
    try:
        with anyio.fail_after(_PATIENCE):
            symbol = _APPLE if source == "finra" else _TENCENT
            vendor = await upstreams.open(source, symbol.market)
            series = await fetch_series(vendor.volume, Question(symbol, 1))
    except ShortVolumeError as error:
        failure = error
    except TimeoutError:
        failure = out_of_time(_PATIENCE)
    else:
        took = 1000 * (perf_counter() - began)
        newest = f"the newest day of {symbol} is {series.days[0].date}" if series.days else f"no days of {symbol}"
        invented = ", invented by the sandbox" if series.invented else ""
        return Finding(title, "ok", f"answers in {took:.0f} ms: {newest}{invented}"), None
    return Finding(title, "failure", failure.what, failure.next_step), failure
