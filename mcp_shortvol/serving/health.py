"""Answers to probes: `/healthz` (the process is alive) and `/readyz` (it can answer questions; what is degraded).

Neither asks a vendor, and neither says anything about a caller: they stand outside the sign-in and the guard of hosts.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_shortvol.settings import Settings
from mcp_shortvol.upstreams import Upstreams

__all__ = ["Health"]


class Health:
    """Answers the two probes before `app`; `is_stopping` says that the process is about to end."""

    def __init__(self, app: ASGIApp, settings: Settings, upstreams: Upstreams, is_stopping: Callable[[], bool]) -> None:
        self._app = app
        self._settings = settings
        self._upstreams = upstreams
        self._is_stopping = is_stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path")
        if scope["type"] != "http" or path not in {"/healthz", "/readyz"}:
            await self._app(scope, receive, send)
            return
        if Request(scope).method not in {"GET", "HEAD"}:
            answer = JSONResponse({"error": "GET it."}, status_code=405, headers={"allow": "GET, HEAD"})
        else:
            answer = JSONResponse({"alive": True}) if path == "/healthz" else await self._ready()
        await answer(scope, receive, send)

    async def _ready(self) -> JSONResponse:
        if self._is_stopping():
            return JSONResponse({"ready": False, "why": "stopping"}, status_code=503, headers={"retry-after": "1"})
        settings = self._settings
        named = {
            "longbridge": settings.longbridge_set_up,
            "futu_opend": settings.opend_set_up,
            "futu_cloud": settings.cloud_set_up,
            "finra": settings.finra,
            "sandbox": settings.sandbox,
        }
        cache = settings.store == "off" or await self._upstreams.store.extent() is not None
        return JSONResponse(
            {
                "ready": True,
                "degraded": [] if cache else ["cache: answers come, but nothing is kept"],
                "sources": [name for name, set_up in named.items() if set_up],
            }
        )
