"""The command `doctor`: what is set up, what is kept, and which vendor answers.

It names the variables that are set and never a value that could be a secret.
"""

import platform
import sys
from importlib.metadata import version
from time import perf_counter

import anyio

from mcp_shortvol import __version__
from mcp_shortvol.domain.errors import NotConfigured, SetupError, ShortVolumeError, out_of_time
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.files.folder import DAYS_FILE, data_folder
from mcp_shortvol.history.history import fetch_series
from mcp_shortvol.settings import Settings, SourceName, load_settings, variables_set
from mcp_shortvol.upstreams import Upstreams

__all__ = ["doctor"]

_TENCENT = Symbol("700", Market.HK)
_PATIENCE = 15.0
_ANSWERED, _NOT_SET_UP, _VENDOR_FAILED = 0, 3, 4
_VENDORS: dict[SourceName, str] = {"longbridge": "Longbridge", "futu_opend": "OpenD", "futu_cloud": "Futu cloud"}


def doctor() -> int:
    """Print how things stand; 0 where a vendor answers, else 3 where something must be set up, or 4."""
    try:
        settings = load_settings()
    except NotConfigured as error:
        sys.stderr.write(f"mcp-shortvol: {error}\n")
        return _NOT_SET_UP
    _say("version", f"mcp-shortvol {__version__}, mcp {version('mcp')}, Python {platform.python_version()}")
    _say("set", ", ".join(variables_set(settings)) or "nothing: defaults everywhere")
    return anyio.run(_examine, settings)


async def _examine(settings: Settings) -> int:
    failures: list[ShortVolumeError | None] = []
    async with Upstreams(settings) as upstreams:
        await _say_what_is_kept(settings, upstreams)
        for source, title in _VENDORS.items():
            if source == "futu_cloud" and not settings.cloud_set_up and not settings.sandbox:
                continue
            failures.append(failure := await _ask(upstreams, source, title))
            if failure is not None:
                _say(title, str(failure))
    if None in failures:
        return _ANSWERED
    return _NOT_SET_UP if all(isinstance(failure, SetupError) for failure in failures) else _VENDOR_FAILED


async def _say_what_is_kept(settings: Settings, upstreams: Upstreams) -> None:
    folder = data_folder(settings.data_dir)
    _say("data folder", str(folder))
    _say("store", str(settings.store or folder / DAYS_FILE))
    extent = await upstreams.store.extent()
    if extent is not None:
        _say("kept", f"{extent.rows:,} days or reports in {extent.series:,} series")
    elif settings.store == "off":
        _say("kept", "nothing, as SHORTVOL_STORE says")
    else:
        _say("kept", "unknown: the store cannot be used; standard error says why")


async def _ask(upstreams: Upstreams, source: SourceName, title: str) -> ShortVolumeError | None:
    """Ask a vendor for one day, and print it; or what came between."""
    began = perf_counter()
    try:
        with anyio.fail_after(_PATIENCE):
            vendor = await upstreams.open(source)
            series = await fetch_series(vendor.volume, Question(_TENCENT, 1))
    except ShortVolumeError as error:
        return error
    except TimeoutError:
        return out_of_time(_PATIENCE)
    took = 1000 * (perf_counter() - began)
    newest = f"the newest day of {_TENCENT} is {series.days[0].date}" if series.days else f"no days of {_TENCENT}"
    _say(title, f"answers in {took:.0f} ms: {newest}{', invented by the sandbox' if series.invented else ''}")
    return None


def _say(name: str, text: str) -> None:
    sys.stdout.write(f"{name:12} {text}\n")
