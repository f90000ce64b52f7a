"""The command `doctor`: why does it not work? What is set, what is kept, which source answers, and what to do next.

It names the variables that are set and never a value that could be a secret.
"""

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version

import anyio

from mcp_shortvol import __version__
from mcp_shortvol.domain.errors import NotConfigured
from mcp_shortvol.examination import Finding, examine, lines
from mcp_shortvol.settings import Settings, load_settings, variables_set
from mcp_shortvol.upstreams import Upstreams

__all__ = ["doctor"]

_ANSWERED, _NOT_SET_UP, _VENDOR_FAILED = 0, 3, 4


def doctor(options: argparse.Namespace) -> int:
    """Print how things stand; 0 where a question would be answered, else 3 where something must be set up, or 4."""
    try:
        settings = load_settings()
    except NotConfigured as error:
        found = [Finding("set", "failure", error.what, error.next_step)]
        code = _NOT_SET_UP
    else:
        names = ", ".join(variables_set(settings))
        versions = f"mcp-shortvol {__version__}, mcp {version('mcp')}, Python {platform.python_version()}"
        found = [
            Finding("version", "ok", versions),
            Finding("set", "ok", f"in the environment: {names}" if names else "nothing"),
        ]
        examined, code = anyio.run(_examined, settings)
        found += examined
    _print(found, code, as_json=options.json)
    return code


async def _examined(settings: Settings) -> tuple[list[Finding], int]:
    async with Upstreams(settings) as upstreams:
        return await examine(settings, upstreams)


def _print(found: Sequence[Finding], code: int, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"exit_code": code, "findings": [asdict(finding) for finding in found]}) + "\n")
        return
    sys.stdout.write(f"{lines(found)}\n")
