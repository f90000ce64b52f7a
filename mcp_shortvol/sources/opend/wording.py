"""The error message of each failure of an OpenD, with the next step.

What OpenD says itself comes from outside and is never repeated.
"""

from dataclasses import dataclass
from typing import NamedTuple

from mcp_shortvol.domain.errors import (
    UPDATE_OR_REPORT,
    NotConfigured,
    NotEntitled,
    RateLimited,
    SetupError,
    ShortVolumeError,
    UnknownSecurity,
    UpstreamChanged,
    UpstreamFault,
    UpstreamTimedOut,
    UpstreamUnreachable,
)
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sources.opend.failures import Dropped, Reason, Refusal, Window
from mcp_shortvol.sources.opend.messages import Protocol

__all__ = ["Wording", "predates"]

_PUBLISHED_WINDOW = 30  # seconds
_MARGIN = 0.5  # seconds more, because its clock and ours start a window at different times


class _Interface(NamedTuple):
    """What a protocol gives, in words, and how many requests for it OpenD takes in 30 seconds.

    `since` is the first OpenD with it, as serverVer writes it (1006 is 10.6), going by the vendor's SDK of that number.
    """

    gives: str
    since: int
    requests: int


_INTERFACES: dict[int, _Interface] = {
    Protocol.GET_DAILY_SHORT_VOLUME: _Interface("short volume", 1006, 30),
    Protocol.GET_SHORT_INTEREST: _Interface("short interest", 1006, 30),
    Protocol.GET_SHORT_SELLING_RANK: _Interface("short selling ranking", 1008, 60),
}

# What each state of OpenD's start-up asks of its owner; the numbers are the vendor's ProgramStatusType.
_LOGIN_STEPS = {
    **dict.fromkeys((1, 2, 7), "It is starting up: ask again in half a minute."),
    3: "It waits for a picture verification code: enter it in OpenD.",
    4: "It waits for a phone verification code: enter it in OpenD.",
    5: "Its last login failed: check account and password in OpenD.",
    6: "It must be updated before it can log in: install the newest OpenD.",
    9: "Its disclaimer has not been agreed to: do so in OpenD.",
    11: "The account was logged in elsewhere: log in to OpenD again.",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """The failures of one OpenD, by its `address`, in words of ours."""

    address: str

    def not_running(self) -> ShortVolumeError:
        """Nothing listens there."""
        return UpstreamUnreachable(
            f"No OpenD answers at {self.address}.",
            "Start OpenD (Futu's or moomoo's gateway) and log in, or set FUTU_OPEND_HOST and FUTU_OPEND_PORT to where "
            "it runs.",
        )

    def no_such_host(self) -> ShortVolumeError:
        """The name has no address."""
        return UpstreamUnreachable(
            f"The host of {self.address} cannot be found.", "Correct FUTU_OPEND_HOST; an OpenD here is at 127.0.0.1."
        )

    def logged_out(self, program_status: int) -> ShortVolumeError:
        """It runs without an account."""
        step = _LOGIN_STEPS.get(program_status, "Log in to it with your Futu or moomoo account, then ask again.")
        return SetupError(f"OpenD at {self.address} runs, but is not logged in to quotes.", step)

    def no_greeting(self, *, encrypted: bool) -> ShortVolumeError:
        """Something listens, and does not answer InitConnect."""
        if encrypted:
            step = "FUTU_OPEND_RSA_KEY_FILE must be the key file that OpenD names as rsa_private_key; unset it if none."
        else:
            step = (
                "If that OpenD has an rsa_private_key, set FUTU_OPEND_RSA_KEY_FILE to the same file; otherwise check "
                "FUTU_OPEND_PORT (OpenD's API port, not its WebSocket or Telnet port) or restart OpenD."
            )
        return NotConfigured(f"What listens at {self.address} did not accept the connection as an OpenD does.", step)

    def not_opend(self) -> ShortVolumeError:
        """Something else listens."""
        return NotConfigured(
            f"What listens at {self.address} is not an OpenD.",
            "Set FUTU_OPEND_HOST and FUTU_OPEND_PORT to OpenD's API port (11111 unless changed; not its WebSocket or "
            "Telnet port).",
        )

    def bad_key_file(self) -> ShortVolumeError:
        """The setting names no usable key file."""
        return NotConfigured(
            "FUTU_OPEND_RSA_KEY_FILE does not name a readable RSA private key.",
            "Set it to the PEM file that OpenD names as rsa_private_key (1024 bits, no password), or unset it.",
        )

    def outdated(self, protocol: int) -> ShortVolumeError:
        """It is too old for the question."""
        interface = _INTERFACES[protocol]
        major, minor = divmod(interface.since, 100)
        return SetupError(
            f"OpenD at {self.address} is too old to know the {interface.gives}.",
            f"Update OpenD to {major}.{minor} or newer and log in again.",
        )

    def no_answer(self, seconds: float) -> ShortVolumeError:
        """It stayed silent."""
        return UpstreamTimedOut(
            f"OpenD at {self.address} did not answer within {seconds:g} s, twice.",
            "Ask again; if that does not help, check OpenD's own connection or restart it.",
        )

    def lost(self, dropped: Dropped) -> ShortVolumeError:
        """The connection failed, and so did the next one."""
        if dropped.damaged:
            return UpstreamChanged(
                f"What OpenD at {self.address} sent was damaged, twice.",
                "Ask again; if that does not help, restart OpenD, and look for a proxy between it and this server.",
            )
        return UpstreamUnreachable(
            f"OpenD at {self.address} closed the connection before it answered, twice.",
            "Check that OpenD is still running and logged in, then ask again.",
        )

    def closed(self) -> ShortVolumeError:
        """We are going away ourselves."""
        return UpstreamUnreachable(
            f"The connection to OpenD at {self.address} has been closed for good.", "Start this server again."
        )

    def malformed(self) -> ShortVolumeError:
        """It answered what it is not known to answer."""
        return UpstreamChanged(
            f"OpenD at {self.address} answered in a form that is not known here, twice.",
            f"{UPDATE_OR_REPORT} Name the version of OpenD.",
        )

    def refused(self, refusal: Refusal, protocol: int, about: Symbol | Market) -> ShortVolumeError:
        """It refused a question about a symbol or a whole market."""
        interface = _INTERFACES[protocol]
        market = about.market if isinstance(about, Symbol) else about
        stocks = f"{market.full_name} stocks"
        match refusal.reason:
            case Reason.RATE_LIMIT:
                window = refusal.window or Window(interface.requests, _PUBLISHED_WINDOW)
                return RateLimited(
                    f"OpenD refuses for now: it takes {window.requests} requests in {window.seconds} seconds from all "
                    "its programs together.",
                    f"Wait {window.seconds} seconds and ask again, or ask for less.",
                    retry_after=window.seconds + _MARGIN if refusal.window else None,
                )
            case Reason.NO_RIGHT:
                return NotEntitled(
                    "The account that OpenD is logged in to has no right to quotes of "
                    f"{about if isinstance(about, Symbol) else stocks}.",
                    f"Get quote rights for {stocks} in Futu's or moomoo's app, then ask again.",
                )
            case Reason.UNKNOWN_SECURITY | Reason.NO_DATA if isinstance(about, Symbol):
                return UnknownSecurity(
                    f"Futu has no {interface.gives} for {about}.",
                    "Check the symbol; in Hong Kong only designated securities can be sold short.",
                )
            case Reason.UNKNOWN_PROTOCOL:
                return self.outdated(protocol)
            case Reason.BACKEND_TIMEOUT:
                return UpstreamFault(
                    "Futu's servers did not answer OpenD in time, twice.", "Ask again in a few seconds."
                )
            case Reason.BACKEND_LOST:
                return UpstreamFault(
                    f"OpenD at {self.address} has lost its connection to Futu.",
                    "Check the network and OpenD's login, then ask again.",
                )
            case Reason.UNKNOWN_SECURITY | Reason.NO_DATA:
                return UpstreamFault(
                    f"Futu has no {interface.gives} of {stocks} for now.", "Ask again later, or for another order."
                )
            case Reason.OTHER:
                what = about if isinstance(about, Symbol) else f"the {interface.gives} of {stocks}"
                check = "Check the symbol, and" if isinstance(about, Symbol) else "Check"
                return UpstreamFault(
                    f"OpenD refused the question about {what} for a reason not known here.",
                    f"{check} OpenD's own log or window for what it says.",
                )


def predates(version: int | None, protocol: int) -> bool:
    """Whether an OpenD of that version, as serverVer writes it, is too old to know a protocol; not if it is unknown."""
    interface = _INTERFACES.get(protocol)
    return version is not None and interface is not None and version < interface.since
