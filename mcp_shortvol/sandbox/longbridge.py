"""Longbridge's gateway as the wire notes describe it: requests in, the vendor's own answers out.

What the notes call unknown can be switched: whether `last_timestamp` includes its own row (`inclusive`), and whether a
repeated signature is refused (`authority.refuse_duplicates`).
"""

import secrets
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta

from mcp_shortvol.markets import Market
from mcp_shortvol.sandbox.faults import Faults
from mcp_shortvol.sandbox.http import Request, Response
from mcp_shortvol.sandbox.longbridge_auth import Authority, Credentials, TokenFile
from mcp_shortvol.sandbox.longbridge_faults import envelope, longbridge_faults
from mcp_shortvol.sandbox.market import MarketDay, days, listings
from mcp_shortvol.sandbox.noise import draws
from mcp_shortvol.sandbox.published import FEED_ROWS, FeedRow
from mcp_shortvol.symbols import Symbol

__all__ = ["LongbridgeGateway"]

SANDBOX_HEADER = "X-Shortvol-Sandbox"
_PATHS = {f"/v1/quote/short-trades/{market.lower()}": market for market in Market}
_PAGE_SIZES = range(1, 101)
_DEFAULT_PAGE_SIZE = 20
# The feed that Longbridge measures US short selling by carries about 40 % of the consolidated volume.
_FEED_SHARE = (0.385, 0.415)


class LongbridgeGateway:
    """Answers requests as Longbridge would; `as_of` is the newest date served, by default the market's yesterday."""

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
        """Address and app key; both the gateway and OAuth are at one address."""
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
        """Answer one request, and remember it."""
        self.requests.append(request)
        answer = self.faults.applied(request, self._honest(request))
        marks = {SANDBOX_HEADER: "longbridge", "x-trace-id": secrets.token_hex(16)}
        return replace(answer, headers={**marks, **answer.headers})

    def _honest(self, request: Request) -> Response:
        if (request.method, request.path) == ("POST", "/oauth2/token"):
            return self.authority.refresh(request)
        market = _PATHS.get(request.path)
        if request.method != "GET" or market is None:
            return envelope(404001, "api not found")
        if refused := self.authority.refusal(request):
            return envelope(*refused)
        return self._short_trades(market, request.query)

    def _short_trades(self, market: Market, query: dict[str, str]) -> Response:
        try:
            page_size = int(query.get("page_size", _DEFAULT_PAGE_SIZE))
            before = int(query.get("last_timestamp", self._now()))
        except ValueError:
            return envelope(301600, "invalid request")
        text = query.get("symbol", "")
        code, _, suffix = text.rpartition(".")
        if suffix != market or page_size not in _PAGE_SIZES:
            return envelope(301600, "invalid request")
        # The real gateway finds nothing under a padded Hong Kong code, and calls that a success.
        padded = market is Market.HK and code.isdigit() and code.startswith("0")
        symbol = Symbol(code, market)
        if not padded and symbol not in listings():
            return envelope(2601400, "security code error")
        rows = [] if padded else self._rows(symbol, before, page_size)
        sources = {"sources": 1} if market is Market.US else {}
        return envelope(0, "success", {"symbol": text, "data": rows, **sources})

    def _rows(self, symbol: Symbol, before: int, page_size: int) -> Sequence[dict[str, str]]:
        market = symbol.market
        newest = self._as_of or market.date_of(self._now()) - timedelta(1)
        served = days(symbol, newest)
        bisect = bisect_right if self.inclusive else bisect_left
        end = bisect(served, before, key=lambda day: market.midnight(day.date))
        row = _us_row if market is Market.US else _hk_row
        return [row(symbol, day) for day in served[max(0, end - page_size) : end]]


def _hk_row(symbol: Symbol, day: MarketDay) -> dict[str, str]:
    return {
        "timestamp": str(symbol.market.midnight(day.date)),
        "amount": str(day.short_volume),
        "balance": f"{day.short_turnover:.2f}",
        "total_amount": str(day.volume),
        "rate": f"{day.short_volume / day.volume:.4f}",
        "close": str(day.close),
    }


def _us_row(symbol: Symbol, day: MarketDay) -> dict[str, str]:
    feed = FEED_ROWS.get((symbol, day.date)) or _feed(symbol, day)
    return {
        "timestamp": str(symbol.market.midnight(day.date)),
        "nus_amount": str(feed.nasdaq_short_volume),
        "ny_amount": str(feed.nyse_short_volume),
        "total_amount": str(feed.volume),
        "rate": f"{(feed.nasdaq_short_volume + feed.nyse_short_volume) / feed.volume:.4f}",
        "close": f"{day.close:.3f}",
    }


def _feed(symbol: Symbol, day: MarketDay) -> FeedRow:
    """The same short sales over a smaller volume, which is why Longbridge's US ratios are higher than Futu's."""
    least, most = _FEED_SHARE
    share = least + (most - least) * draws(f"feed {symbol} {day.date}")[0]
    return FeedRow(round(day.volume * share), day.nasdaq_short_volume or 0, day.nyse_short_volume or 0)
