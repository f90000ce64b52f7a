"""What a Longbridge answer says before its rows: the envelope, and each failure in our words.

The envelope {"code", "message", "data"} is read before the HTTP status; a load balancer in front may answer in HTML
with 429, 463 or 502. `message` is the gateway's own text and is never passed on.
"""

import re

from mcp_shortvol.domain.errors import (
    CredentialsRefused,
    NotEntitled,
    RateLimited,
    ShortVolumeError,
    TokenRefused,
    UnknownSecurity,
    UpstreamChanged,
    UpstreamFault,
)
from mcp_shortvol.sources.http import Reply

__all__ = ["data_of"]

_BALANCER_BUSY = frozenset({429, 463})

_RENEW = "Renew LONGBRIDGE_ACCESS_TOKEN in Longbridge's developer centre, or sign in again where OAuth is used."
_CHECK_KEY = "Check LONGBRIDGE_APP_KEY and LONGBRIDGE_APP_SECRET: both must belong to the same app."
_CHECK_SYMBOL = "Check the symbol, for example TSLA.US or 700.HK; delisted and very new names are often missing."
_LATER = "Try again in a minute."

# The documented codes: the kind of failure, what it means, what its reader can do.
_DOCUMENTED: dict[int, tuple[type[ShortVolumeError], str, str]] = {
    401003: (TokenRefused, "The Longbridge access token has expired", _RENEW),
    401004: (TokenRefused, "Longbridge does not accept the access token", _RENEW),
    401102: (TokenRefused, "Longbridge could not verify the access token", _RENEW),
    403201: (CredentialsRefused, "Longbridge does not accept the signature", _CHECK_KEY),
    403202: (UpstreamFault, "Longbridge took the request for a repeated one", "Ask again."),
    403203: (CredentialsRefused, "Longbridge does not accept the app key", _CHECK_KEY),
    403205: (
        CredentialsRefused,
        "Longbridge does not allow this machine's IP address",
        "Add the address to the app's allow list in Longbridge's developer centre.",
    ),
    403308: (
        NotEntitled,
        "The authorisation at Longbridge lacks the quote scope",
        "Authorise the app again and grant it quotes.",
    ),
    301604: (
        NotEntitled,
        "The Longbridge account has no access to these quotes",
        "Subscribe to quotes of this market at Longbridge. A token that starts with us_ works on the global host only: "
        "leave LONGBRIDGE_REGION unset with it.",
    ),
    301600: (UnknownSecurity, "Longbridge does not know this symbol", _CHECK_SYMBOL),
    2601400: (UnknownSecurity, "Longbridge does not know this symbol", _CHECK_SYMBOL),
}
# Other codes, by the HTTP status that their first three digits repeat.
_BY_STATUS: dict[int, tuple[type[ShortVolumeError], str, str]] = {
    401: (TokenRefused, "Longbridge does not accept the credentials", _RENEW),
    403: (CredentialsRefused, "Longbridge forbids the request", _RENEW),
}


def data_of(reply: Reply) -> object:
    """The `data` of a successful answer; raises the worded error of any other."""
    trace_id = reply.trace_id
    try:
        envelope = reply.json()
    except ValueError:
        envelope = None
    code = _code(envelope.get("code")) if isinstance(envelope, dict) else None
    if not isinstance(envelope, dict) or code is None:
        raise _without_envelope(reply, trace_id)
    if code != 0:
        raise _failure(code, reply, trace_id)
    if "data" not in envelope:
        raise UpstreamChanged("Longbridge answered without data.", _LATER, trace_id=trace_id)
    data: object = envelope["data"]
    return data


def _code(value: object) -> int | None:
    """A code as a number or as its digits; None for anything that is no code."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)
    return value if type(value) is int and abs(value) < 10**9 else None


def _failure(code: int, reply: Reply, trace_id: str | None) -> ShortVolumeError:
    status = int(str(abs(code))[:3])
    if status == 429 or reply.status == 429:
        return _rate_limited(reply, trace_id)
    if kind_words := _DOCUMENTED.get(code) or _BY_STATUS.get(status):
        kind, what, next_step = kind_words
        return kind(f"{what} (code {code}).", next_step, trace_id=trace_id)
    if 500 <= status < 600 or reply.status >= 500:
        return UpstreamFault(f"Longbridge has a fault of its own (code {code}).", _LATER, trace_id=trace_id)
    return UpstreamChanged(f"Longbridge answered with a code it does not document ({code}).", _LATER, trace_id=trace_id)


def _without_envelope(reply: Reply, trace_id: str | None) -> ShortVolumeError:
    """The failure behind an answer that is not the gateway's own JSON."""
    if reply.status in _BALANCER_BUSY:
        return _rate_limited(reply, trace_id)
    if reply.status in _BY_STATUS:
        kind, what, next_step = _BY_STATUS[reply.status]
        return kind(f"{what} (HTTP {reply.status}).", next_step, trace_id=trace_id)
    if reply.status >= 500:
        return UpstreamFault(f"Longbridge is out of order (HTTP {reply.status}).", _LATER, trace_id=trace_id)
    if reply.status == 200:
        # Most often a body cut short on the way, which another attempt brings whole.
        return UpstreamFault("Longbridge sent an answer that is no complete JSON.", _LATER, trace_id=trace_id)
    return UpstreamChanged(
        f"Longbridge's address answered HTTP {reply.status} without its usual envelope.",
        "Check LONGBRIDGE_HTTP_URL and LONGBRIDGE_REGION.",
        trace_id=trace_id,
    )


def _rate_limited(reply: Reply, trace_id: str | None) -> RateLimited:
    wait = f"{reply.retry_after:g} seconds" if reply.retry_after else "a few seconds"
    return RateLimited(
        "Longbridge's rate limit is reached.",
        f"Wait {wait} and ask again; other programs on the same account count too.",
        retry_after=reply.retry_after,
        trace_id=trace_id,
    )
