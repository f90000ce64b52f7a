"""The failures a caller can act on, and the sentence each one says.

ShortVolumeError
├── InvalidRequest           the question itself is wrong: change it
│   └── InvalidSymbol        the symbol is not one of a US or Hong Kong stock
├── SetupError               this machine or this account must be set up first
│   ├── NotConfigured        settings are missing or unusable
│   ├── CredentialsRefused   the vendor does not accept what is set
│   │   └── TokenRefused     of that, the access token: a new one may help
│   └── NotEntitled          the account lacks a right
└── UpstreamError            the vendor's side
    ├── UnknownSecurity      the vendor does not know the symbol
    ├── RateLimited          too many calls for now
    ├── UpstreamUnreachable  no answer came: network, gateway not running
    │   └── UpstreamTimedOut   none came in time
    ├── UpstreamFault        the vendor answered with a failure of its own
    └── UpstreamChanged      an answer came that is not what the vendor is known to send

Every message is ours: an upstream's text is untrusted and never part of it.
"""

import re
from copy import copy
from typing import Self

__all__ = [
    "ISSUES",
    "PROJECT",
    "UPDATE_OR_REPORT",
    "CredentialsRefused",
    "InvalidRequest",
    "InvalidSymbol",
    "NotConfigured",
    "NotEntitled",
    "RateLimited",
    "SetupError",
    "ShortVolumeError",
    "TokenRefused",
    "UnknownSecurity",
    "UpstreamChanged",
    "UpstreamError",
    "UpstreamFault",
    "UpstreamTimedOut",
    "UpstreamUnreachable",
    "out_of_time",
]

PROJECT = "https://github.com/OWNER/mcp-shortvol"
"""Where this program is kept: what an upstream is told of who asks."""

ISSUES = f"{PROJECT}/issues"
"""Where a defect of this program, or a change of a vendor, is to be reported."""

UPDATE_OR_REPORT = f"Update mcp-shortvol. If it is the newest version already, report this at {ISSUES}."
"""The next step where a vendor sends what this version does not know."""

_TRACE_ID = re.compile(r"[0-9A-Fa-f-]{8,64}")


class ShortVolumeError(Exception):
    """A failure in words: `what` happened, and the `next_step` of the user.

    `trace_id` is the vendor's own reference for its support; anything that does not look like one is dropped, because
    it comes from the wire.
    """

    def __init__(self, what: str, next_step: str, *, trace_id: str | None = None) -> None:
        self.what = what
        self.next_step = next_step
        self.trace_id = trace_id if trace_id and _TRACE_ID.fullmatch(trace_id) else None
        super().__init__(what, next_step)

    def adding(self, sentence: str) -> Self:
        """The same failure with one more sentence on what can be done."""
        error = copy(self)
        error.next_step = f"{self.next_step} {sentence}"
        return error

    def __str__(self) -> str:
        trace = f" Trace id for the vendor's support: {self.trace_id}." if self.trace_id else ""
        return f"{self.what} {self.next_step}{trace}"


class InvalidRequest(ShortVolumeError):
    """The question itself is wrong: other arguments are needed."""


class InvalidSymbol(InvalidRequest):
    """The text names no US or Hong Kong stock."""


class SetupError(ShortVolumeError):
    """This machine or this account must be set up first."""


class NotConfigured(SetupError):
    """Settings are missing or unusable."""


class CredentialsRefused(SetupError):
    """The vendor does not accept the credentials that are set."""


class TokenRefused(CredentialsRefused):
    """The vendor does not accept the access token; where one can be renewed, a new one may help."""


class NotEntitled(SetupError):
    """The credentials are good, but the account lacks the right to this data."""


class UpstreamError(ShortVolumeError):
    """The vendor's side of the call failed."""


class UnknownSecurity(UpstreamError):
    """The vendor does not know the symbol."""


class RateLimited(UpstreamError):
    """The vendor refuses for now; `retry_after` is the seconds to wait where it said so."""

    def __init__(
        self, what: str, next_step: str, *, retry_after: float | None = None, trace_id: str | None = None
    ) -> None:
        super().__init__(what, next_step, trace_id=trace_id)
        self.retry_after = retry_after


class UpstreamUnreachable(UpstreamError):
    """No answer came."""


class UpstreamTimedOut(UpstreamUnreachable):
    """No answer came in time."""


def out_of_time(seconds: float) -> UpstreamTimedOut:
    """The end of the time that one call has."""
    return UpstreamTimedOut(
        f"The answer was not complete within {round(seconds, 1):g} seconds.",
        "Ask again for the rest, ask for less, or raise SHORTVOL_DEADLINE.",
    )


class UpstreamFault(UpstreamError):
    """The vendor answered with a failure of its own."""


class UpstreamChanged(UpstreamError):
    """An answer came that is not what the vendor is known to send."""
