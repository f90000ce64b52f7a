"""The sandbox as a whole: every played upstream on a port of its own, in a thread of its own.

A thread, because the tests and the demo talk to it from their own event loops, and blocking clients from none.
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
from mcp_shortvol.sandbox.futu_cloud.gateway import FutuCloudGateway
from mcp_shortvol.sandbox.http import HttpServer, Request, Response
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.sandbox.opend.server import OpenDService

__all__ = ["Sandbox", "serve"]


class Service(Protocol):
    """One played upstream: started on the sandbox's event loop, then known by its environment variables."""

    async def start(self) -> None:
        """Listen; NotConfigured where the port is taken."""

    async def stop(self) -> None:
        """Stop listening and drop what is open; harmless where nothing was started."""

    def environment(self) -> dict[str, str]:
        """The variables that point a program at this upstream."""


class HttpService:
    """A gateway behind a port, 0 for any free one; `variables` are what points a program at its base URL."""

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
    """The played upstreams, running from `start` to `stop` or inside a `with` block.

    `as_of` is the newest date served; by default it is each market's yesterday.
    """

    def __init__(
        self,
        as_of: date | None = None,
        *,
        longbridge_port: int = 0,
        opend_port: int = 0,
        cloud_port: int = 0,
        opend_rsa_key_file: Path | None = None,
    ) -> None:
        self.longbridge = LongbridgeGateway(as_of)
        self.opend = OpenDGateway(as_of)
        self.cloud = FutuCloudGateway(as_of)
        self._services: list[Service] = [
            HttpService(
                "Longbridge", "--longbridge-port", longbridge_port, self.longbridge, self.longbridge.environment
            ),
            OpenDService(self.opend, opend_port, rsa_key_file=opend_rsa_key_file),
            HttpService("Futu cloud", "--cloud-port", cloud_port, self.cloud, self.cloud.environment),
        ]
        self._running = ExitStack()

    def fail(self, fault: str) -> None:
        """Switch on a fault spelled [UPSTREAM.]NAME[:TIMES]; the upstream is longbridge, opend or cloud.

        InvalidRequest where there is no such upstream or fault.
        """
        upstream, _, rest = fault.partition(".") if "." in fault else ("longbridge", "", fault)
        name, times = parse_fault(rest)
        match upstream:
            case "longbridge":
                self.longbridge.fail(name, times=times)
            case "opend":
                self.opend.fail(name, times=times)
            case "cloud":
                self.cloud.fail(name, times=times)
            case _:
                raise InvalidRequest(f'The sandbox plays no "{upstream}".', "It plays longbridge, opend and cloud.")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """The environment variables that point a program at everything that runs here."""
        return {name: value for service in self._services for name, value in service.environment().items()}

    def start(self) -> None:
        """Start everything, and return when it listens; NotConfigured where a port is taken."""
        with ExitStack() as starting:
            portal = starting.enter_context(start_blocking_portal(name="mcp-shortvol sandbox"))
            for service in self._services:
                starting.callback(portal.call, service.stop)
                portal.call(service.start)
            self._running = starting.pop_all()

    def stop(self) -> None:
        """Stop everything, open connections included; a second stop does nothing."""
        self._running.close()


def serve(
    as_of: date | None = None,
    longbridge_port: int = 0,
    opend_port: int = 0,
    cloud_port: int = 0,
    faults: Sequence[str] = (),
) -> None:
    """Run the sandbox in the foreground until Ctrl-C or SIGTERM.

    Prints one JSON line of environment variables on stdout, for programs, and a hint on stderr, for people. `faults`
    are spelled as `Sandbox.fail` reads them. NotConfigured where a port is taken, InvalidRequest where a fault is not
    known.
    """
    sandbox = Sandbox(as_of, longbridge_port=longbridge_port, opend_port=opend_port, cloud_port=cloud_port)
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
            f"The sandbox plays Longbridge at {environment['LONGBRIDGE_HTTP_URL']}, OpenD at "
            f"{environment['FUTU_OPEND_HOST']}:{environment['FUTU_OPEND_PORT']} and Futu's cloud at "
            f"{environment['FUTU_API_URL']}; the figures are invented. Set the variables above to use it; Ctrl-C ends "
            "it.\n"
        )
        # Waiting without a time limit cannot be interrupted on Windows.
        while not ended.wait(0.5):
            pass
