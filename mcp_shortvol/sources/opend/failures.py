"""What goes wrong between OpenD and us, and the sentence each failure becomes.

OpenD refuses in words, in the language it is set to (simplified or traditional Chinese, or English), and `errCode` says
nothing; so a refusal is known by what its text contains. The text itself comes from outside and is never repeated.
"""

from dataclasses import dataclass
from enum import Enum, auto

from mcp_shortvol.errors import (
    NotConfigured,
    NotEntitled,
    RateLimited,
    SetupError,
    ShortVolumeError,
    UnknownSecurity,
    UpstreamChanged,
    UpstreamFault,
    UpstreamUnreachable,
)
from mcp_shortvol.symbols import Symbol

__all__ = [
    "MIN_VERSION",
    "Dropped",
    "MalformedAnswer",
    "Reason",
    "Refusal",
    "Wording",
    "refusal_of",
]

# OpenD 10.6, as serverVer writes it: the first with daily short volume, going by the vendor's SDK of that number.
MIN_VERSION = 1006
_MIN_VERSION_TEXT = "10.6"

# The vendor's limit for each protocol id, over all clients of one OpenD.
_LIMIT = "30 requests in 30 seconds"
_LIMIT_WINDOW_SECONDS = 30.0


class Reason(Enum):
    """Why OpenD refused."""

    RATE_LIMIT = auto()
    NO_RIGHT = auto()
    UNKNOWN_SECURITY = auto()
    NO_DATA = auto()
    UNKNOWN_PROTOCOL = auto()
    BACKEND_TIMEOUT = auto()
    BACKEND_LOST = auto()
    OTHER = auto()


_RETURN_TYPES = {-100: Reason.BACKEND_TIMEOUT, -200: Reason.BACKEND_LOST}

# In this order: the text for too many requests speaks of requests that failed, that for a missing right of quotes.
_TEXTS = (
    (Reason.BACKEND_TIMEOUT, ("nn_protoret_timeout", "timed out", "timeout", "超时", "超時")),
    (Reason.RATE_LIMIT, ("频率", "頻率", "too frequent", "too many requests", "frequency", "rate limit")),
    (Reason.UNKNOWN_PROTOCOL, ("未知协议", "未知協議", "协议不支持", "unknown protocol", "unsupported protocol")),
    (Reason.UNKNOWN_SECURITY, ("未知股票", "unknown stock", "unknown security", "无此股票", "股票不存在")),
    (Reason.NO_RIGHT, ("权限", "權限", "no permission", "no right", "quote right", "insufficient right", "authority")),
    (Reason.NO_DATA, ("无数据", "無數據", "没有数据", "沒有數據", "no data")),
)


class Refusal(Exception):
    """OpenD answered that it will not; `reason` says why, as far as its text is known."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.name)
        self.reason = reason


class Dropped(Exception):
    """The connection ended, or what came over it was damaged, before the answer was there. A call may be repeated.

    `greeted` is False where OpenD had not even said who it is.
    """

    def __init__(self, *, damaged: bool, greeted: bool = True) -> None:
        super().__init__("damaged" if damaged else "closed")
        self.damaged = damaged
        self.greeted = greeted


class MalformedAnswer(Exception):
    """An intact answer that does not say what answers say."""


def refusal_of(return_type: int, text: str) -> Refusal:
    """The refusal that an answer other than success stands for."""
    if reason := _RETURN_TYPES.get(return_type):
        return Refusal(reason)
    lowered = text[:1000].lower()
    for reason, marks in _TEXTS:
        if any(mark in lowered for mark in marks):
            return Refusal(reason)
    return Refusal(Reason.OTHER)


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
        """Our setting is of no use."""
        return NotConfigured(
            "FUTU_OPEND_RSA_KEY_FILE does not name a readable RSA private key.",
            "Set it to the PEM file that OpenD names as rsa_private_key (1024 bits, no password), or unset it.",
        )

    def outdated(self) -> ShortVolumeError:
        """It is too old for the question."""
        return SetupError(
            f"OpenD at {self.address} is too old to know short volume.",
            f"Update OpenD to {_MIN_VERSION_TEXT} or newer and log in again.",
        )

    def no_answer(self, seconds: float) -> ShortVolumeError:
        """It stayed silent."""
        return UpstreamUnreachable(
            f"OpenD at {self.address} did not answer within {seconds:g} s.",
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
            f"The connection to OpenD at {self.address} has been closed for good.", "Start this server anew."
        )

    def malformed(self) -> ShortVolumeError:
        """It answered what it is not known to answer."""
        return UpstreamChanged(
            f"OpenD at {self.address} answered in a form that is not known here.",
            "Update mcp-shortvol; if it is the newest already, report this with OpenD's version.",
        )

    def refused(self, reason: Reason, symbol: Symbol) -> ShortVolumeError:
        """It refused a question about `symbol`."""
        match reason:
            case Reason.RATE_LIMIT:
                return RateLimited(
                    f"OpenD refuses for now: it takes {_LIMIT} from all its programs together.",
                    "Wait half a minute and ask again, or ask for fewer days.",
                    retry_after=_LIMIT_WINDOW_SECONDS,
                )
            case Reason.NO_RIGHT:
                return NotEntitled(
                    f"The account that OpenD is logged in to has no right to quotes of {symbol}.",
                    f"Get quote rights for {symbol.market.full_name} stocks in Futu's or moomoo's app, then ask again.",
                )
            case Reason.UNKNOWN_SECURITY | Reason.NO_DATA:
                return UnknownSecurity(
                    f"Futu has no short volume for {symbol}.",
                    "Check the symbol; in Hong Kong only designated securities can be sold short.",
                )
            case Reason.UNKNOWN_PROTOCOL:
                return self.outdated()
            case Reason.BACKEND_TIMEOUT:
                return UpstreamFault(
                    "Futu's servers did not answer OpenD in time, twice.", "Ask again in a few seconds."
                )
            case Reason.BACKEND_LOST:
                return UpstreamFault(
                    f"OpenD at {self.address} has lost its connection to Futu.",
                    "Check the network and OpenD's login, then ask again.",
                )
            case Reason.OTHER:
                return UpstreamFault(
                    f"OpenD refused the question about {symbol} for a reason not known here.",
                    "Check the symbol, and OpenD's own log or window for what it says.",
                )
