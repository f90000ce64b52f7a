"""The simulated OpenD without frames and sockets: the content of a request in, the content of the response out.

It supports the handshake, keep-alive, the global state, and protocols 3248, 3249 and 3415. Like OpenD it limits the
requests of each quote protocol over all clients: 30 in any 30 seconds, and 60 for the ranking.
"""

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.futu_reports import report_rows
from mcp_shortvol.sandbox.futu_rows import Dividends, Row, adjusted, position, rows
from mcp_shortvol.sandbox.market.days import listings
from mcp_shortvol.sandbox.opend.bodies import Values
from mcp_shortvol.sandbox.opend.faults import REFUSALS, OpenDFaults, Refused, refusal
from mcp_shortvol.sandbox.opend.ranking import ranking_page
from mcp_shortvol.sources.opend.messages import SANDBOX_MARK, Protocol

__all__ = ["OpenDGateway", "OpenDRequest"]

_VERSION, _BUILD = 1011, 7108
_USER_ID = 19088743
_MARKETS = {1: Market.HK, 11: Market.US}
_ITEM_LISTS = {Market.HK: "hkItemList", Market.US: "usItemList"}
_PAGE_SIZES = range(1, 51)
_DEFAULT_PAGE_SIZE = 10
_LAST_PAGE = "-1"
_LIMITS = {
    Protocol.GET_DAILY_SHORT_VOLUME: 30,
    Protocol.GET_SHORT_INTEREST: 30,
    Protocol.GET_SHORT_SELLING_RANK: 60,
}
_WINDOW_S = 30.0
_READY, _LOGIN_FAILED = 10, 5
_OPEN_MARKET = 6


@dataclass(frozen=True, slots=True)
class OpenDRequest:
    """A received request: `connection` counts from 1, `at` is in monotonic seconds."""

    protocol: int
    c2s: Values
    connection: int
    at: float = field(default_factory=time.monotonic)


class OpenDGateway:
    """Answers requests as OpenD does; `as_of` is the newest date served, by default yesterday in the market.

    `refused` counts the requests beyond the limit. `logged_in`, `limited` (whether the limit applies), `moving_list`
    (whether a ranking changes from one request to the next), `keep_alive_interval` (seconds), `as_of` and `dividends`
    may be set at any time.
    """

    def __init__(
        self, as_of: date | None = None, *, limited: bool = True, now: Callable[[], float] = time.time
    ) -> None:
        self.logged_in = True
        self.limited = limited
        self.moving_list = False
        self.keep_alive_interval: float = 10
        self.faults = OpenDFaults()
        self.fail = self.faults.fail
        self.requests: list[OpenDRequest] = []
        self.refused = 0
        self.as_of = as_of
        self.dividends: Dividends = {}
        self._now = now
        self._started: dict[int, deque[float]] = {}
        self._moves = 0

    def answer(self, request: OpenDRequest, handshake: Values) -> Values:
        """Record a request and return its normal response; `handshake` has the InitConnect fields of its connection."""
        self.requests.append(request)
        match request.protocol:
            case Protocol.INIT_CONNECT:
                return _success(
                    {
                        "serverVer": _VERSION,
                        "loginUserID": _USER_ID,
                        "keepAliveInterval": self.keep_alive_interval,
                        "userAttribution": 6,
                        **handshake,
                    }
                )
            case Protocol.GET_GLOBAL_STATE:
                return _success(self._state(handshake))
            case Protocol.KEEP_ALIVE:
                return _success({"time": int(self._now())})
            case (
                Protocol.GET_DAILY_SHORT_VOLUME | Protocol.GET_SHORT_INTEREST | Protocol.GET_SHORT_SELLING_RANK
            ) as protocol:
                try:
                    return _success(self._quotes(Protocol(protocol), request))
                except Refused as refused:
                    return refusal(refused.text)
        return refusal(REFUSALS["unknown_protocol"])

    def _state(self, handshake: Values) -> Values:
        markets = dict.fromkeys(("marketHK", "marketUS", "marketSH", "marketSZ", "marketHKFuture"), _OPEN_MARKET)
        return {
            **markets,
            "qotLogined": self.logged_in,
            "trdLogined": self.logged_in,
            "serverVer": _VERSION,
            "serverBuildNo": _BUILD,
            "time": int(self._now()),
            "localTime": self._now(),
            "programStatus": {
                "type": _READY if self.logged_in else _LOGIN_FAILED,
                "strExtDesc": SANDBOX_MARK,
            },
            "connID": handshake["connID"],
        }

    def _quotes(self, protocol: Protocol, request: OpenDRequest) -> Values:
        limit = _LIMITS[protocol]
        if self.limited and not self._within_limit(request, limit):
            raise Refused(REFUSALS["rate_limited"].replace("30次", f"{limit}次"))
        if not self.logged_in:
            raise Refused("行情未登录")
        if protocol is Protocol.GET_SHORT_SELLING_RANK:
            self._moves += self.moving_list
            return ranking_page(request.c2s, self._newest, self._moves)
        symbol = _requested_symbol(request.c2s)
        newest = self._newest(symbol.market)
        if protocol is Protocol.GET_SHORT_INTEREST:
            return _page(symbol, report_rows(symbol, newest), request.c2s)
        served = adjusted(rows(symbol, newest), self.dividends)
        return {**_page(symbol, served, request.c2s), **_position(symbol, newest)}

    def _newest(self, market: Market) -> date:
        return self.as_of or market.date_of(self._now()) - timedelta(1)

    def _within_limit(self, request: OpenDRequest, limit: int) -> bool:
        """Whether the request is within the limit; refused requests do not count towards it."""
        starts = self._started.setdefault(request.protocol, deque())
        while starts and request.at - starts[0] >= _WINDOW_S:
            starts.popleft()
        if len(starts) >= limit:
            self.refused += 1
            return False
        starts.append(request.at)
        return True


def _success(content: Values) -> Values:
    return {"retType": 0, "retMsg": "", "errCode": 0, "s2c": content}


def _requested_symbol(c2s: Values) -> Symbol:
    security = c2s.get("security")
    fields = security if isinstance(security, dict) else {}
    market, code = _MARKETS.get(fields.get("market", 0)), str(fields.get("code", ""))
    symbol = next((name for name in listings() if (name.market, name.futu_code) == (market, code)), None)
    if symbol is None:
        raise Refused(f"{REFUSALS['unknown_code']} {code}")
    return symbol


def _page(symbol: Symbol, served: Sequence[Row], c2s: Values) -> Values:
    """A page of rows older than `nextKey`, the timestamp of the oldest row of the previous page."""
    size, key = c2s.get("num", _DEFAULT_PAGE_SIZE), c2s.get("nextKey", "")
    if size not in _PAGE_SIZES or not isinstance(key, str) or not (key == "" or key.isdecimal()):
        raise Refused("参数错误")
    start = bisect_left(served, 1 - int(key), key=lambda row: -int(row["timestamp"])) if key else 0
    page = served[start : start + int(str(size))]
    more = start + len(page) < len(served)
    return {
        _ITEM_LISTS[symbol.market]: list(page),
        "nextKey": str(page[-1]["timestamp"]) if more else _LAST_PAGE,
    }


def _position(symbol: Symbol, newest: date) -> Values:
    weekly = position(symbol, newest)
    if weekly is None:
        return {}
    return {
        "aggregatedShort": weekly.shares,
        "aggregatedShortRatio": weekly.pct,
        "newTimeStr": weekly.date.strftime("%d/%m/%Y"),
    }
