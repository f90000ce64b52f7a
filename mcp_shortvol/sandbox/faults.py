"""Faults that can be switched on in a sandbox, and those that any HTTP upstream can have.

A fault turns the honest answer to a request into a bad one: other words, other cells, or another way of travelling.
Spelled `NAME` it lasts until it is cleared, spelled `NAME:TIMES` for so many answers.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock

from mcp_shortvol.domain.errors import InvalidRequest
from mcp_shortvol.sandbox.deliveries import cut_short, delayed, dripping, flood, raw, reset, silence
from mcp_shortvol.sandbox.http import Request, Response

__all__ = ["HTTP_FAULTS", "Effect", "Faults", "Options", "parse_fault", "retry_after_header"]

_MEGABYTE = 1024 * 1024
_DEEP = 200_000


@dataclass(frozen=True, slots=True)
class Options:
    """How strongly a fault shows: seconds of delay, seconds to wait by `Retry-After`, megabytes of flood."""

    seconds: float
    retry_after: float | None
    megabytes: float


Effect = Callable[[Request, Response, Options], Response]
"""What a fault makes of a request's honest answer."""


@dataclass(slots=True)
class _Active:
    effect: Effect
    on: str
    options: Options
    left: float


class Faults:
    """The faults of one service: those it knows, and those switched on now. Any thread may switch them."""

    def __init__(self, known: Mapping[str, Effect], *, on: str = "/") -> None:
        self._known = known
        self._on = on
        self._active: list[_Active] = []
        self._lock = Lock()

    def fail(
        self,
        name: str,
        *,
        times: int | None = None,
        on: str | None = None,
        seconds: float = 5.0,
        retry_after: float | None = None,
        megabytes: float = 65.0,
    ) -> None:
        """Switch a fault on for `times` answers, or until cleared, to requests whose path begins with `on`.

        Of several faults that fit a request, the one switched on first is played. InvalidRequest where `name` is none.
        """
        if name not in self._known:
            raise InvalidRequest(f'The sandbox has no fault "{name}".', f"It has: {', '.join(sorted(self._known))}.")
        left = math.inf if times is None else times
        options = Options(seconds, retry_after, megabytes)
        with self._lock:
            self._active.append(_Active(self._known[name], on or self._on, options, left))

    def clear(self) -> None:
        """Switch every fault off."""
        with self._lock:
            self._active.clear()

    def applied(self, request: Request, honest: Response) -> Response:
        """What is answered instead of the honest answer, or the honest answer."""
        with self._lock:
            fault = next((fault for fault in self._active if request.path.startswith(fault.on)), None)
            if fault is None:
                return honest
            fault.left -= 1
            if fault.left <= 0:
                self._active.remove(fault)
        return fault.effect(request, honest, fault.options)


def parse_fault(text: str) -> tuple[str, int | None]:
    """The name and the number of times of `NAME[:TIMES]`; InvalidRequest where the number is none."""
    name, _, times = text.partition(":")
    if times and (not times.isascii() or not times.isdigit() or int(times) < 1):
        raise InvalidRequest(f'"{text}" is not a fault.', "Write NAME or NAME:TIMES, for example error_500:2.")
    return name, int(times) if times else None


def _html(status: int, title: str) -> Effect:
    """What a load balancer says in its own name, before the vendor's gateway is reached."""
    page = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>\r\n"

    def effect(_request: Request, _honest: Response, options: Options) -> Response:
        return Response(status, page.encode(), {"content-type": "text/html", **retry_after_header(options)})

    return effect


def retry_after_header(options: Options) -> dict[str, str]:
    """The header in which an upstream says how long to wait, where it is to say so."""
    return {} if options.retry_after is None else {"retry-after": f"{options.retry_after:g}"}


def _body(make: Callable[[bytes], bytes]) -> Effect:
    """Another body under the honest status."""
    return lambda _request, honest, _options: replace(honest, body=make(honest.body))


HTTP_FAULTS: dict[str, Effect] = {
    "http_429_html": _html(429, "Too Many Requests"),
    "html_463": _html(463, "Request Refused"),
    "html_502": _html(502, "Bad Gateway"),
    "html_200": _html(200, "Welcome to the guest network"),
    "redirect": lambda _request, _honest, _options: Response(302, b"", {"location": "http://127.0.0.1:9/elsewhere"}),
    "slow": lambda _request, honest, options: replace(honest, delivery=delayed(options.seconds)),
    "drip": lambda _request, honest, options: replace(honest, delivery=dripping(options.seconds)),
    "silence": lambda _request, honest, _options: replace(honest, delivery=silence),
    "reset_before": lambda _request, honest, _options: replace(honest, delivery=reset(0)),
    "reset_inside": lambda _request, honest, _options: replace(honest, delivery=reset(0.7)),
    "truncated_body": lambda _request, honest, _options: replace(honest, delivery=cut_short(0.7)),
    "garbage": lambda _request, honest, _options: replace(honest, delivery=raw(b"\x00\xffnot http at all\r\n\r\n")),
    "oversized": lambda _request, honest, options: replace(honest, delivery=flood(int(options.megabytes * _MEGABYTE))),
    "truncated_json": _body(lambda body: body[: len(body) // 2]),
    "empty_body": _body(lambda _body: b""),
    "bad_utf8": _body(lambda body: body[:-1] + b"\xff\xfe}"),
    "deep_nesting": _body(lambda _body: b'{"code":0,"data":' + b"[" * _DEEP + b"]" * _DEEP + b"}"),
}
"""Faults of the transport and of whatever stands before a vendor's gateway."""
