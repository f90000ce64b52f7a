"""What an answer of Futu's cloud says before its rows: the envelope, and each failure in our words.

The envelope is {"ret_code", "ret_msg", "data"}, and `ret_code` decides before the HTTP status, which may be 200 for a
failure. The gateway in front answers {"code": 429001, …}, or HTML. No text of theirs is ever passed on.
"""

import re
from collections.abc import Mapping

from mcp_shortvol.domain.errors import (
    UPDATE_OR_REPORT,
    CredentialsRefused,
    InvalidRequest,
    NotConfigured,
    NotEntitled,
    RateLimited,
    ShortVolumeError,
    UnknownSecurity,
    UpstreamChanged,
    UpstreamFault,
)
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sources.futu_cloud.auth import CloudCredentials
from mcp_shortvol.sources.http import Reply

__all__ = ["SET_UP", "data_of", "is_wrong_path"]

_SUCCESS, _NO_DATA = 0, -10
_BACKEND = frozenset({-2, -4, -5, -6})

_INTEGER = re.compile(r"-?[0-9]{1,9}")
_LATER = "Try again in a minute."
SET_UP = "Set FUTU_API_TOKEN, or FUTU_API_KEY with FUTU_API_PRIVATE_KEY_FILE; or run OpenD instead."


def data_of(reply: Reply, symbol: Symbol, credentials: CloudCredentials | None) -> Mapping[str, object]:
    """The `data` of a success, which has `items`; raises the worded error of any failure.

    `credentials` are those the answer was asked with: what can be done about a refusal depends on them.
    """
    document = _document(reply)
    code = _integer(document.get("ret_code"))
    if code == _NO_DATA:
        return {"items": []}
    if code == _SUCCESS:
        data = document.get("data")
        if not isinstance(data, dict) or "items" not in data:
            raise UpstreamChanged("Futu's cloud answered without a list of rows.", UPDATE_OR_REPORT)
        return data
    if reply.status == 401:  # with ret_code -9 too, which is a missing quote right under any other status
        raise _refused(f"HTTP 401, ret_code {code}" if code is not None else "HTTP 401", credentials)
    if code is not None and (failure := _documented(code, reply, symbol, credentials)):
        raise failure
    raise _by_status(_status(document, reply), code, reply, credentials)


def is_wrong_path(reply: Reply) -> bool:
    """Whether the address is unknown there: any 404, because the body of one may carry ret_code -3."""
    return _status(_document(reply), reply) == 404


def _document(reply: Reply) -> Mapping[str, object]:
    try:
        document = reply.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _integer(value: object) -> int | None:
    if type(value) is int:
        return value
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None


def _status(document: Mapping[str, object], reply: Reply) -> int:
    """The HTTP status, or the one that begins the gateway's own code: 429001 says 429 under whatever status."""
    code = _integer(document.get("code"))
    return code // 1000 if code is not None and 400_000 <= code < 600_000 else reply.status


def _documented(
    code: int, reply: Reply, symbol: Symbol, credentials: CloudCredentials | None
) -> ShortVolumeError | None:
    """The failure that a documented `ret_code` stands for."""
    if code in _BACKEND:
        return UpstreamFault(f"Futu's cloud has a fault of its own (ret_code {code}).", _LATER)
    match code:
        case -3:
            return UpstreamChanged(
                f"Futu's cloud no longer understands the question (ret_code {code}).", UPDATE_OR_REPORT
            )
        case -7:
            return UnknownSecurity(
                f"Futu's cloud does not know {symbol} (ret_code {code}).",
                "Check the symbol, for example TSLA.US or 700.HK; delisted and very new names are often missing.",
            )
        case -8:
            return InvalidRequest(
                f"Futu's cloud gives no short selling data for securities of {symbol}'s kind (ret_code {code}).",
                "Ask for a stock, an ETF or a REIT of the US or Hong Kong.",
            )
        case -9 if credentials is not None:
            return NotEntitled(
                f"The account has no right to quotes of {symbol} in Futu's cloud (ret_code {code}).",
                f"Get quote rights for {symbol.market.full_name} stocks in Futu's or moomoo's app, then ask again.",
            )
        case -9:
            return _no_credentials()
        case -11:
            return _rate_limited(reply)
    return None


def _by_status(status: int, code: int | None, reply: Reply, credentials: CloudCredentials | None) -> ShortVolumeError:
    """The failure behind an answer whose `ret_code` is absent or not documented."""
    said = f"HTTP {status}" if code is None else f"ret_code {code}"
    if status in {401, 403}:
        return _refused(said, credentials)
    if status == 404:
        return NotConfigured(
            "Futu's cloud has nothing at the address that was asked (HTTP 404).",
            "Check FUTU_API_URL, and set FUTU_API_PATH to the path in the vendor's documentation, with {symbol} in it.",
        )
    if status == 429:
        return _rate_limited(reply)
    if status >= 500:
        return UpstreamFault(f"Futu's cloud is out of order ({said}).", _LATER)
    if code is not None:
        return UpstreamChanged(f"Futu's cloud answered with a code it does not document ({said}).", _LATER)
    if status == 200:
        # Most often a body cut short on the way, which another attempt brings whole.
        return UpstreamFault("Futu's cloud sent an answer that is no complete JSON of its own.", _LATER)
    return UpstreamChanged(
        f"Futu's cloud answered {said} without its usual envelope.", "Check FUTU_API_URL and FUTU_API_PATH."
    )


def _refused(said: str, credentials: CloudCredentials | None) -> ShortVolumeError:
    if credentials is None:
        return _no_credentials()
    return CredentialsRefused(f"Futu's cloud does not accept the credentials ({said}).", credentials.next_step)


def _no_credentials() -> NotConfigured:
    return NotConfigured("Futu's cloud asks for credentials, and none are set.", SET_UP)


def _rate_limited(reply: Reply) -> RateLimited:
    wait = f"{reply.retry_after:g} seconds" if reply.retry_after else "a few seconds"
    return RateLimited(
        "The rate limit of Futu's cloud is reached.",
        f"Wait {wait} and ask again; other programs on the same account count too.",
        retry_after=reply.retry_after,
    )
