"""What the tests share: a sandbox on loopback, the settings that point at it, a server and a client over them."""

import os
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import settings

from mcp_shortvol.sandbox.finra.gateway import FinraGateway
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.sandbox.runner import Sandbox
from mcp_shortvol.sandbox.sfc.gateway import SfcGateway

SNAPSHOTS = Path(__file__).parent / "snapshots"
AS_OF = date(2026, 6, 12)

settings.register_profile("untimed", deadline=None)  # a timing decides nothing
settings.load_profile("untimed")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable and no file of whoever runs the tests decides their outcome."""
    for name in os.environ:
        if re.match(r"LONGBRIDGE_|LONGPORT_|FUTU_|FINRA_|SFC_|SHORTVOL_|XDG_|(https?|all)_proxy$", name, re.IGNORECASE):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    # No test leaves this machine: whoever is not played is not there.
    monkeypatch.setenv("FINRA_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SFC_URL", "http://127.0.0.1:9")
    # A test of the wire asks it each time; one of what is kept says where.
    monkeypatch.setenv("SHORTVOL_STORE", "off")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The vendors, played on loopback up to 2026-06-12."""
    with Sandbox(as_of=AS_OF) as running:
        yield running


@pytest.fixture
def gateway(sandbox: Sandbox) -> Iterator[LongbridgeGateway]:
    """The sandbox's Longbridge gateway, without faults and without a past."""
    sandbox.longbridge.faults.clear()
    sandbox.longbridge.requests.clear()
    sandbox.longbridge.inclusive = True
    yield sandbox.longbridge
    sandbox.longbridge.faults.clear()


@pytest.fixture
def opend(sandbox: Sandbox) -> Iterator[OpenDGateway]:
    """The sandbox's OpenD, logged in and without faults, limit or past."""
    _reset(sandbox.opend)
    yield sandbox.opend
    _reset(sandbox.opend)


def _reset(opend: OpenDGateway) -> None:
    opend.faults.clear()
    opend.requests.clear()
    opend._started.clear()
    opend.refused = 0
    opend.logged_in, opend.limited, opend.moving_list = True, False, False
    opend._moves = 0


@pytest.fixture
def finra(sandbox: Sandbox) -> Iterator[FinraGateway]:
    """The sandbox's FINRA, without faults and without a past."""
    _calm(sandbox.finra)
    yield sandbox.finra
    _calm(sandbox.finra)


@pytest.fixture
def sfc(sandbox: Sandbox) -> Iterator[SfcGateway]:
    """The sandbox's SFC, without faults and without a past."""
    _calm(sandbox.sfc)
    yield sandbox.sfc
    _calm(sandbox.sfc)


def _calm(gateway: FinraGateway | SfcGateway) -> None:
    gateway.faults.clear()
    gateway.requests.clear()


@pytest.fixture
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """This process's environment points at the sandbox; a child's is given by the return value."""
    variables = sandbox.environment()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def snapshot() -> Callable[[str, str], None]:
    """Compares a text with the one reviewed before; UPDATE_SNAPSHOTS=1 takes the new one over, as a visible diff."""

    def compare(name: str, text: str) -> None:
        file = SNAPSHOTS / name
        if os.environ.get("UPDATE_SNAPSHOTS"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8")
        assert file.read_text(encoding="utf-8") == text

    return compare
