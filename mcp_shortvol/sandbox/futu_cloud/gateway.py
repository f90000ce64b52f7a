"""The simulated Futu cloud: HTTP requests in, responses in the vendor's format out.

Behaviour that is unknown can be switched: which of the known paths exist (`paths` and `interest_paths`), whether
credentials are required (`authority.required`), whether HTTP 404 and 401 carry a ret_code (`coded_refusals`), and
whether calls are limited (`limit`).
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
from mcp_shortvol.sandbox.futu_rows import Dividends, Row, adjusted, position, rows
from mcp_shortvol.sandbox.http import SANDBOX_HEADER, Request, Response
from mcp_shortvol.sandbox.market.days import days, listings

__all__ = ["DOCUMENTED_PATH", "INTEREST_PATHS", "PRODUCTION_PATH", "FutuCloudGateway"]

PRODUCTION_PATH = "/api/v1.0/quote/{symbol}/short/daily-volume"
DOCUMENTED_PATH = "/v1/quote/{symbol}/short-selling/daily-short-volume"
INTEREST_PATHS = ("/api/v1.0/quote/{symbol}/short/interest", "/v1/quote/{symbol}/short-selling/short-interest")
"""The production and the documented path of short interest."""

_COUNTS = range(1, 91)
_DEFAULT_COUNT = 30
_SYMBOL = re.compile(r"([A-Z]{2})\.([A-Z0-9.]+)")
_RECENT_DAYS = 10  # trading days; a US report covers about half a month

_History = Callable[[Symbol, date, int], tuple[Mapping[str, object], Sequence[object]]]
"""Given a symbol, the newest date and a count: the other data fields, and the items, newest first."""


class FutuCloudGateway:
    """Answers requests as Futu's cloud does; `as_of` is the newest date served, by default yesterday in the market.

    `as_of` and `dividends` may be set at any time.
    """

    def __init__(self, as_of: date | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.paths = [PRODUCTION_PATH, DOCUMENTED_PATH]
        self.interest_paths = list(INTEREST_PATHS)
        self.authority = CloudAuthority(now)
        self.coded_refusals = False
        self.faults = Faults(futu_cloud_faults())
        self.fail = self.faults.fail
        self.requests: list[Request] = []
        self.as_of = as_of
        self.dividends: Dividends = {}
        self._now = now
        self._rate: Rate | None = None
        self._request_times: deque[float] = deque()

    def limit(self, rate: Rate | None) -> None:
        """Refuse calls beyond `rate` from now on; None, the initial state, refuses none."""
        self._rate = rate
        self._request_times.clear()

    def environment(self, base_url: str) -> dict[str, str]:
        """Environment variables with the address and the bearer token; `authority.issue_key` issues app keys."""
        return {"FUTU_API_URL": base_url, "FUTU_API_TOKEN": self.authority.token}

    def __call__(self, request: Request) -> Response:
        """Answer one request and record it in `requests`."""
        self.requests.append(request)
        answer = self.faults.apply(request, self._normal(request))
        return replace(answer, headers={SANDBOX_HEADER: "futu_cloud", **answer.headers})

    def _normal(self, request: Request) -> Response:
        matched = self._match(request.path)
        if request.method != "GET" or matched is None:
            return replace(envelope(-3), status=404) if self.coded_refusals else gateway_error(404001)
        if not self.authority.accepts(request):
            return replace(envelope(-9), status=401) if self.coded_refusals else gateway_error(401001)
        if self._rate is not None and self._exceeds(self._rate, request.at):
            return replace(gateway_error(429001), headers={"retry-after": "1"})
        return self._answer(*matched, request.query.get("count", str(_DEFAULT_COUNT)))

    def _match(self, path: str) -> tuple[_History, str] | None:
        """The history and the symbol of a path; None where no template matches."""
        templates: list[tuple[str, _History]] = [(template, self._short_volume) for template in self.paths]
        templates += [(template, _short_interest) for template in self.interest_paths]
        for template, history in templates:
            before, after = template.split("{symbol}")
            if path.startswith(before) and path.endswith(after):
                return history, path[len(before) : -len(after)]
        return None

    def _exceeds(self, rate: Rate, now: float) -> bool:
        while self._request_times and self._request_times[0] <= now - rate.seconds:
            self._request_times.popleft()
        if len(self._request_times) >= rate.requests:
            return True
        self._request_times.append(now)
        return False

    def _answer(self, history: _History, text: str, count: str) -> Response:
        parsed = _SYMBOL.fullmatch(text)
        if parsed is None:
            return envelope(-7)
        if parsed[1] not in set(Market):
            return envelope(-8)
        if not count.isascii() or not count.isdigit() or int(count) not in _COUNTS:
            return envelope(-3)
        market = Market(parsed[1])
        symbol = Symbol(parsed[2].lstrip("0") if market is Market.HK else parsed[2], market)
        if symbol.futu != text or symbol not in listings():
            return envelope(-7)
        newest = self.as_of or market.date_of(self._now()) - timedelta(1)
        other_fields, items = history(symbol, newest, int(count))
        if not items:
            return envelope(-10)
        return envelope(0, {"market": str(market), **other_fields, "items": items})

    def _short_volume(self, symbol: Symbol, newest: date, count: int) -> tuple[Mapping[str, object], Sequence[object]]:
        served = adjusted(rows(symbol, newest), self.dividends)
        return _position(symbol, newest), [_item(row) for row in served[:count]]


def _short_interest(symbol: Symbol, newest: date, count: int) -> tuple[Mapping[str, object], Sequence[object]]:
    return {}, [_report(symbol, row) for row in report_rows(symbol, newest)[:count]]


def _report(symbol: Symbol, row: Row) -> dict[str, object]:
    """A row of short interest: whole numbers are strings, and two fields exist in the cloud only."""
    item = _item({name: str(value) if isinstance(value, int) else value for name, value in row.items()})
    recent = days(symbol, date.fromisoformat(str(row["timestampStr"])))[-_RECENT_DAYS:]
    short_volume = sum(day.short_volume for day in recent)
    item |= {"timestamp": str(item["timestamp"]), "avg_daily_short_volume": str(round(short_volume / len(recent)))}
    if symbol.market is Market.HK:
        item["avg_cost"] = round(sum(day.short_turnover for day in recent) / short_volume, 3)
    return item


def _position(symbol: Symbol, newest: date) -> dict[str, object]:
    """The SFC's weekly figure, sent beside the rows of a Hong Kong stock."""
    weekly = position(symbol, newest)
    if weekly is None:
        return {}
    return {
        "aggregated_short": weekly.shares,
        "aggregated_short_ratio": _number(weekly.pct),
        "new_time": weekly.date.strftime("%d/%m/%Y"),
    }


def _item(row: Row) -> dict[str, object]:
    """A row with the cloud's field names and its time in milliseconds."""
    item = {re.sub(r"(?=[A-Z])", "_", name).lower(): _number(value) for name, value in row.items()}
    return {**item, "timestamp": int(row["timestamp"]) * 1000}


def _number(value: float | str) -> float | str:
    """A number as the vendor's encoder writes it: 459 instead of 459.0."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
