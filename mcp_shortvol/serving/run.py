"""Serves the application until SIGTERM or Ctrl-C; calls under way then have until their deadline."""

import asyncio
import logging
import math
import signal
import sys
from contextlib import AsyncExitStack

import anyio
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mcp_shortvol.domain.errors import NotConfigured
from mcp_shortvol.serving.app import application
from mcp_shortvol.settings import Settings

__all__ = ["serve_http"]

_HEAD_SECONDS = 10.0
_GRACE = 2


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with a time limit for the head of a request, which it does not have."""

    _too_slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._too_slow = self.loop.call_later(_HEAD_SECONDS, self._hang_up)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        super().data_received(data)
        waits_for_a_head = self.cycle is None or (self.cycle.response_complete and bool(self.conn.trailing_data[0]))
        if not waits_for_a_head:
            self._cancel()
        elif self._too_slow is None:
            self._too_slow = self.loop.call_later(_HEAD_SECONDS, self._hang_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._cancel()
        super().connection_lost(exc)

    def _cancel(self) -> None:
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None

    def _hang_up(self) -> None:
        self._too_slow = None
        self.transport.close()


def serve_http(settings: Settings) -> int:
    """Serve until told to stop; returns the exit code."""
    logging.getLogger("uvicorn.error").setLevel(settings.log_level)
    # uvicorn raises what stopped it again once it has stopped: by then that has been heeded.
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        anyio.run(_serve, settings)
    except NotConfigured as error:
        sys.stderr.write(f"mcp-shortvol: {error}\n")
        return 3
    except KeyboardInterrupt:
        pass
    return 0


async def _serve(settings: Settings) -> None:
    async with AsyncExitStack() as closing:
        server: uvicorn.Server | None = None
        app = await application(settings, closing, lambda: server is not None and server.should_exit)
        config = uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            http=PatientProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=math.ceil(settings.deadline) + _GRACE,
        )
        server = uvicorn.Server(config)
        sys.stderr.write(
            f"mcp-shortvol serves MCP at http://{settings.http_host}:{settings.http_port}{settings.http_path}; Ctrl-C "
            "ends it.\n"
        )
        await server.serve()
