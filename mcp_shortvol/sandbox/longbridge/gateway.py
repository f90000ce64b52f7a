"""The simulated Longbridge gateway: HTTP requests in, responses in the vendor's format out.

Behaviour that is unknown can be switched: whether `last_timestamp` includes its own row (`inclusive`), and whether a
repeated signature is refused (`authority.refuse_duplicates`).
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.faults import Faults
from mcp_shortvol.sandbox.http import SANDBOX_HEADER, Request, Response
from mcp_shortvol.sandbox.longbridge.auth import Authority, Credentials, TokenFile
from mcp_shortvol.sandbox.longbridge.faults import envelope, longbridge_faults
from mcp_shortvol.sandbox.longbridge.rows import HISTORIES, AnyHistory
from mcp_shortvol.sandbox.market.days import listings

__all__ = ["LongbridgeGateway"]

_PATHS = {
    f"/v1/quote/{name}/{market.lower()}": (history, market) for name, history in HISTORIES.items() for market in Market
}
_PAGE_SIZES = range(1, 101)
_DEFAULT_PAGE_SIZE = 20


class LongbridgeGateway:
    """Answers requests as Longbridge does; `as_of` is the newest date served, by default yesterday in the market."""

    def __init__(self, as_of: date | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.inclusive = True
        self.authority = Authority(now)
        self.faults = Faults(longbridge_faults(), on="/v1/")
        self.fail = self.faults.fail
        self.requests: list[Request] = []
        self._as_of = as_of
        self._now = now

    @property
    def credentials(self) -> Credentials:
        """The app key that this gateway accepts."""
        return self.authority.credentials

    def environment(self, base_url: str) -> dict[str, str]:
        """Environment variables with the address and app key; the gateway and OAuth share one address."""
        return {
            "LONGBRIDGE_HTTP_URL": base_url,
            "LONGBRIDGE_OAUTH_URL": base_url,
            "LONGBRIDGE_APP_KEY": self.credentials.app_key,
            "LONGBRIDGE_APP_SECRET": self.credentials.app_secret,
            "LONGBRIDGE_ACCESS_TOKEN": self.credentials.access_token,
        }

    def issue_token(self, client_id: str, expires_in: float = 3600) -> TokenFile:
        """An OAuth grant that this gateway accepts, in the form of the SDK's token file."""
        return self.authority.issue_token(client_id, expires_in)

    def __call__(self, request: Request) -> Response:
        """Answer one request and record it in `requests`."""
        self.requests.append(request)
        answer = self.faults.apply(request, self._normal(request))
        headers = {SANDBOX_HEADER: "longbridge", "x-trace-id": secrets.token_hex(16)}
        return replace(answer, headers={**headers, **answer.headers})

    def _normal(self, request: Request) -> Response:
        match request.method, request.path:
            case "POST", "/oauth2/token":
                return self.authority.token(request)
            case "POST", "/oauth2/register":
                return self.authority.register(request)
            case "GET", "/oauth2/authorize":
                return self.authority.authorize(request)
        history, market = _PATHS.get(request.path, (None, None))
        if request.method != "GET" or history is None or market is None:
            return envelope(404001, "api not found")
        if refused := self.authority.refusal(request):
            return envelope(*refused)
        return self._answer(history, market, request.query)

    def _answer(self, history: AnyHistory, market: Market, query: dict[str, str]) -> Response:
        try:
            sizes = [int(query[name]) for name in history.size_names if name in query]
            before = int(query.get("last_timestamp", self._now()))
        except ValueError:
            return envelope(301600, "invalid request")
        text = query.get("symbol", "")
        code, _, suffix = text.rpartition(".")
        if suffix != market or any(size not in _PAGE_SIZES for size in sizes):
            return envelope(301600, "invalid request")
        # The real gateway returns success without rows for a zero-padded Hong Kong code.
        padded = market is Market.HK and code.isdigit() and code.startswith("0")
        symbol = Symbol(code, market)
        if not padded and symbol not in listings():
            return envelope(2601400, "security code error")
        newest = self._as_of or market.date_of(self._now()) - timedelta(1)
        size = min(sizes, default=_DEFAULT_PAGE_SIZE)
        rows = [] if padded else history.page(symbol, newest, before, size, inclusive=self.inclusive)
        return envelope(0, "success", {"symbol": text, "data": rows, **history.other_fields[market]})
