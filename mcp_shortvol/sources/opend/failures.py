"""What goes wrong between OpenD and us; the sentences it becomes are in `wording`.

OpenD refuses in words, in the language it is set to (simplified or traditional Chinese, or English), and `errCode` says
nothing; so a refusal is known by what its text contains. The text itself comes from outside and is never repeated.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["Dropped", "MalformedAnswer", "Reason", "Refusal", "Window", "refusal_of"]


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


_LONGEST_WINDOW = 600  # seconds; what says more is no window of a few requests
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


# "每30秒最多30次", and "at most 30 times per 30 seconds" or "30 requests every 30 seconds".
_SECONDS = r"(?:每|every|per|in|within) ?(?P<seconds>\d{1,4}) ?(?:秒|seconds?|s)"
_REQUESTS = r"(?P<requests>\d{1,4}) ?(?:次|times?|requests?)"
_WINDOWS = [re.compile(rf"{one}\D{{0,20}}?{other}") for one, other in ((_SECONDS, _REQUESTS), (_REQUESTS, _SECONDS))]


@dataclass(frozen=True, slots=True)
class Window:
    """A rate limit as OpenD states it: at most so many requests in so many seconds."""

    requests: int
    seconds: int


class Refusal(Exception):
    """OpenD answered that it will not; `reason` says why, as far as its text is known.

    `window` is the rate limit that the text of a refusal for it names; None where it names none.
    """

    def __init__(self, reason: Reason, window: Window | None = None) -> None:
        super().__init__(reason.name)
        self.reason = reason
        self.window = window


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
            return Refusal(reason, _window(lowered) if reason is Reason.RATE_LIMIT else None)
    return Refusal(Reason.OTHER)


def _window(text: str) -> Window | None:
    """The window in force. It differs between accounts and versions, and may be much shorter than the published one."""
    found = next((found for pattern in _WINDOWS if (found := pattern.search(text))), None)
    if found is None:
        return None
    requests, seconds = int(found["requests"]), int(found["seconds"])
    return Window(requests, seconds) if requests and 0 < seconds <= _LONGEST_WINDOW else None
