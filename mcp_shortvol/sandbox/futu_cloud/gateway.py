"""Futu's cloud as the wire notes describe it: requests in, the vendor's own answers out.

What the notes leave open can be switched: which of the known paths exist (`paths` and `interest_paths`), whether
credentials are needed (`authority.required`), and whether calls are counted (`limit`).
"""

import re
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.quotas.quota import Rate
from mcp_shortvol.sandbox.faults import Faults
from mcp_shortvol.sandbox.futu_cloud.auth import CloudAuthority
from mcp_shortvol.sandbox.futu_cloud.faults import envelope, futu_cloud_faults, gateway_error
from mcp_shortvol.sandbox.futu_reports import report_rows
from mcp_shortvol.sandbox.futu_rows import Row, position, rows
from mcp_shortvol.sandbox.http import Request, Response
from mcp_shortvol.sandbox.longbridge.gateway import SANDBOX_HEADER
from mcp_shortvol.sandbox.market.days import days, listings

__all__ = ["DOCUMENTED_PATH", "INTEREST_PATHS", "PRODUCTION_PATH", "FutuCloudGateway"]

PRODUCTION_PATH = "/api/v1.0/quote/{symbol}/short/daily-volume"
DOCUMENTED_PATH = "/v1/quote/{symbol}/short-selling/daily-short-volume"
INTEREST_PATHS = ("/api/v1.0/quote/{symbol}/short/interest", "/v1/quote/{symbol}/short-selling/short-interest")
"""The same two of short interest."""

_COUNTS = range(1, 91)
_DEFAULT_COUNT = 30
_SYMBOL = re.compile(r"([A-Z]{2})\.([A-Z0-9.]+)")
_RECENT_DAYS = 10  # about half a month of trading, which is what a US report looks back on

_History = Callable[[Symbol, date, int], tuple[Mapping[str, object], Sequence[object]]]
"""What stands beside the newest items of a symbol up to a date, at most so many, and the items."""


class FutuCloudGateway:
    """Answers requests as Futu's cloud would; `as_of` is the newest date served, by default the market's yesterday."""

    def __init__(self, as_of: date | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.paths = [PRODUCTION_PATH, DOCUMENTED_PATH]
        self.interest_paths = list(INTEREST_PATHS)
        self.authority = CloudAuthority(now)
        self.faults = Faults(futu_cloud_faults())
        self.fail = self.faults.fail
        self.requests: list[Request] = []
        self._as_of = as_of
        self._now = now
        self._rate: Rate | None = None
        self._answered: deque[float] = deque()

    def limit(self, rate: Rate | None) -> None:
        """From now on refuse calls beyond `rate`, or none for None, as at first."""
        self._rate = rate
        self._answered.clear()

    def environment(self, base_url: str) -> dict[str, str]:
        """Address and bearer token; app keys are issued by `authority.issue_key` to who wants one."""
        return {"FUTU_API_URL": base_url, "FUTU_API_TOKEN": self.authority.token}

    def __call__(self, request: Request) -> Response:
        """Answer one request, and remember it."""
        self.requests.append(request)
        answer = self.faults.applied(request, self._honest(request))
        return replace(answer, headers={SANDBOX_HEADER: "futu_cloud", **answer.headers})

    def _honest(self, request: Request) -> Response:
        asked = self._asked_in(request.path)
        if request.method != "GET" or asked is None:
            return gateway_error(404001)
        if not self.authority.admits(request):
            return gateway_error(401001)
        if self._rate is not None and self._is_too_often(self._rate, request.at):
            return replace(gateway_error(429001), headers={"retry-after": "1"})
        return self._answer(*asked, request.query.get("count", str(_DEFAULT_COUNT)))

    def _asked_in(self, path: str) -> tuple[_History, str] | None:
        """The history and the symbol that a path names."""
        templates: list[tuple[str, _History]] = [(template, _short_volume) for template in self.paths]
        templates += [(template, _short_interest) for template in self.interest_paths]
        for template, history in templates:
            before, after = template.split("{symbol}")
            if path.startswith(before) and path.endswith(after):
                return history, path[len(before) : -len(after)]
        return None

    def _is_too_often(self, rate: Rate, now: float) -> bool:
        while self._answered and self._answered[0] <= now - rate.seconds:
            self._answered.popleft()
        if len(self._answered) >= rate.requests:
            return True
        self._answered.append(now)
        return False

    def _answer(self, history: _History, text: str, count: str) -> Response:
        spelled = _SYMBOL.fullmatch(text)
        if spelled is None:
            return envelope(-7)
        if spelled[1] not in set(Market):
            return envelope(-8)
        if not count.isascii() or not count.isdigit() or int(count) not in _COUNTS:
            return envelope(-3)
        market = Market(spelled[1])
        symbol = Symbol(spelled[2].lstrip("0") if market is Market.HK else spelled[2], market)
        if symbol.futu != text or symbol not in listings():
            return envelope(-7)
        newest = self._as_of or market.date_of(self._now()) - timedelta(1)
        beside, items = history(symbol, newest, int(count))
        if not items:
            return envelope(-10)
        return envelope(0, {"market": str(market), **beside, "items": items})


def _short_volume(symbol: Symbol, newest: date, count: int) -> tuple[Mapping[str, object], Sequence[object]]:
    return _position(symbol, newest), [_item(row) for row in rows(symbol, newest)[:count]]


def _short_interest(symbol: Symbol, newest: date, count: int) -> tuple[Mapping[str, object], Sequence[object]]:
    return {}, [_report(symbol, row) for row in report_rows(symbol, newest)[:count]]


def _report(symbol: Symbol, row: Row) -> dict[str, object]:
    """A row of short interest, its whole numbers as texts, with what only the cloud adds."""
    item = _item({name: str(value) if isinstance(value, int) else value for name, value in row.items()})
    recent = days(symbol, date.fromisoformat(str(row["timestampStr"])))[-_RECENT_DAYS:]
    short_volume = sum(day.short_volume for day in recent)
    item |= {"timestamp": str(item["timestamp"]), "avg_daily_short_volume": str(round(short_volume / len(recent)))}
    if symbol.market is Market.HK:
        item["avg_cost"] = round(sum(day.short_turnover for day in recent) / short_volume, 3)
    return item


def _position(symbol: Symbol, newest: date) -> dict[str, object]:
    """The SFC's weekly figure, which stands beside the rows of Hong Kong."""
    weekly = position(symbol, newest)
    if weekly is None:
        return {}
    return {
        "aggregated_short": weekly.shares,
        "aggregated_short_ratio": _number(weekly.pct),
        "new_time": weekly.date.strftime("%d/%m/%Y"),
    }


def _item(row: Row) -> dict[str, object]:
    """A row in the cloud's spelling, with its time in milliseconds."""
    item = {re.sub(r"(?=[A-Z])", "_", name).lower(): _number(value) for name, value in row.items()}
    return {**item, "timestamp": int(row["timestamp"]) * 1000}


def _number(value: float | str) -> float | str:
    """As the vendor's encoder writes it: 459 and not 459.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
