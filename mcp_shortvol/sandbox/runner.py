"""Runs the sandbox: every simulated gateway on its own port, all of them in one background thread.

It runs in a thread because its clients are other event loops, and blocking clients without one.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from types import FrameType, TracebackType
from typing import Protocol, Self

from anyio.from_thread import start_blocking_portal

from mcp_shortvol.domain.errors import InvalidRequest, NotConfigured
from mcp_shortvol.sandbox.faults import parse_fault
from mcp_shortvol.sandbox.finra.gateway import FinraGateway
from mcp_shortvol.sandbox.futu_cloud.gateway import FutuCloudGateway
from mcp_shortvol.sandbox.http import HttpServer, Request, Response
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.sandbox.opend.server import OpenDService
from mcp_shortvol.sandbox.sfc.gateway import SfcGateway

__all__ = ["Sandbox", "serve"]


class Service(Protocol):
    """One simulated gateway on the sandbox's event loop, reachable by its environment variables once started."""

    async def start(self) -> None:
        """Listen; NotConfigured where the port is in use."""

    async def stop(self) -> None:
        """Stop listening and drop open connections; does nothing where nothing was started."""

    def environment(self) -> dict[str, str]:
        """The environment variables that configure a program for this gateway."""


class HttpService:
    """An HTTP gateway on a port, 0 for any free one; `variables` makes its environment variables from its base URL."""

    def __init__(
        self,
        title: str,
        option: str,
        port: int,
        gateway: Callable[[Request], Response],
        variables: Callable[[str], dict[str, str]],
    ) -> None:
        self._title = title
        self._option = option
        self._port = port
        self._server = HttpServer(gateway)
        self._variables = variables

    async def start(self) -> None:
        """Listen on the port."""
        try:
            self._port = await self._server.start(self._port)
        except (OSError, OverflowError) as refused:
            reason = os.strerror(refused.errno or 0) if isinstance(refused, OSError) else "ports go from 0 to 65535"
            raise NotConfigured(
                f"The {self._title} sandbox cannot listen on port {self._port} of this machine: {reason}.",
                f"Choose another with {self._option}, or 0 for any free one.",
            ) from refused

    async def stop(self) -> None:
        """Stop listening."""
        await self._server.stop()

    def environment(self) -> dict[str, str]:
        """The variables of the gateway at its address."""
        return self._variables(f"http://127.0.0.1:{self._port}")


class Sandbox:
    """The simulated gateways, running from `start` to `stop` or inside a `with` block.

    `as_of` is the newest date served; by default it is yesterday in each market.
    """

    def __init__(
        self,
        as_of: date | None = None,
        *,
        longbridge_port: int = 0,
        opend_port: int = 0,
        cloud_port: int = 0,
        finra_port: int = 0,
        sfc_port: int = 0,
        opend_rsa_key_file: Path | None = None,
    ) -> None:
        self.longbridge = LongbridgeGateway(as_of)
        self.opend = OpenDGateway(as_of)
        self.cloud = FutuCloudGateway(as_of)
        self.finra = FinraGateway(as_of)
        self.sfc = SfcGateway(as_of)
        self._services: list[Service] = [
            HttpService(
                "Longbridge", "--longbridge-port", longbridge_port, self.longbridge, self.longbridge.environment
            ),
            OpenDService(self.opend, opend_port, rsa_key_file=opend_rsa_key_file),
            HttpService("Futu cloud", "--cloud-port", cloud_port, self.cloud, self.cloud.environment),
            HttpService("FINRA", "--finra-port", finra_port, self.finra, self.finra.environment),
            HttpService("SFC", "--sfc-port", sfc_port, self.sfc, self.sfc.environment),
        ]
        self._running = ExitStack()

    def fail(self, fault: str) -> None:
        """Switch on a fault written as [GATEWAY.]NAME[:TIMES]; the gateway is longbridge unless it is named.

        InvalidRequest where there is no such gateway or fault.
        """
        gateway, _, rest = fault.partition(".") if "." in fault else ("longbridge", "", fault)
        name, times = parse_fault(rest)
        match gateway:
            case "longbridge":
                self.longbridge.fail(name, times=times)
            case "opend":
                self.opend.fail(name, times=times)
            case "cloud":
                self.cloud.fail(name, times=times)
            case "finra":
                self.finra.fail(name, times=times)
            case "sfc":
                self.sfc.fail(name, times=times)
            case _:
                raise InvalidRequest(
                    f'The sandbox has no gateway "{gateway}".', "It has longbridge, opend, cloud, finra and sfc."
                )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """The environment variables that configure a program for every gateway of this sandbox."""
        return {name: value for service in self._services for name, value in service.environment().items()}

    def start(self) -> None:
        """Start every gateway and return when all listen; NotConfigured where a port is in use."""
        with ExitStack() as starting:
            portal = starting.enter_context(start_blocking_portal(name="mcp-shortvol sandbox"))
            for service in self._services:
                starting.callback(portal.call, service.stop)
                portal.call(service.start)
            self._running = starting.pop_all()

    def stop(self) -> None:
        """Stop every gateway and drop open connections; a second stop does nothing."""
        self._running.close()


def serve(
    as_of: date | None = None,
    longbridge_port: int = 0,
    opend_port: int = 0,
    cloud_port: int = 0,
    finra_port: int = 0,
    sfc_port: int = 0,
    faults: Sequence[str] = (),
) -> None:
    """Run the sandbox in the foreground until Ctrl-C or SIGTERM.

    Prints one JSON line of environment variables on stdout, for programs, and a hint on stderr, for people. `faults`
    are written as for `Sandbox.fail`. NotConfigured where a port is in use, InvalidRequest where a fault is unknown.
    """
    sandbox = Sandbox(
        as_of,
        longbridge_port=longbridge_port,
        opend_port=opend_port,
        cloud_port=cloud_port,
        finra_port=finra_port,
        sfc_port=sfc_port,
    )
    for fault in faults:
        sandbox.fail(fault)
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with sandbox:
        environment = sandbox.environment()
        sys.stdout.write(json.dumps(environment) + "\n")
        sys.stdout.flush()
        sys.stderr.write(
            f"The sandbox simulates Longbridge at {environment['LONGBRIDGE_HTTP_URL']}, OpenD at "
            f"{environment['FUTU_OPEND_HOST']}:{environment['FUTU_OPEND_PORT']}, Futu's cloud at "
            f"{environment['FUTU_API_URL']}, FINRA at {environment['FINRA_API_URL']} and the SFC at "
            f"{environment['SFC_URL']}; the figures are invented. Set the variables above to use it; Ctrl-C ends it.\n"
        )
        # Waiting without a time limit cannot be interrupted on Windows.
        while not ended.wait(0.5):
            pass
