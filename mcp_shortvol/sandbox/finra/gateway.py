"""The simulated Query API of FINRA: questions in JSON, records in no order, pages by offset.

A credential is not needed, and has to be right where one is sent. What is unknown of the real service can be switched:
whether a credential is needed after all (`asks_for_credential`).
"""

import csv
import hashlib
import json
import secrets
import time
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from io import StringIO
from typing import Any

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.sandbox.faults import Faults
from mcp_shortvol.sandbox.finra.faults import finra_faults
from mcp_shortvol.sandbox.finra.rows import Record, interest_records, market_records, volume_records
from mcp_shortvol.sandbox.http import SANDBOX_HEADER, Request, Response

__all__ = ["MOST_RECORDS", "Credential", "FinraGateway"]

MOST_RECORDS = 5000
_DATA = "/data/group/otcMarket/name/"
_SIGN_IN = "/fip/rest/ews/oauth2/access_token"
_LIFE = 1800.0
_ADDITIONAL = 260


@dataclass(frozen=True, slots=True)
class Credential:
    """A client of the API."""

    client_id: str
    secret: str


class FinraGateway:
    """Answers requests as FINRA's service does; `as_of` is the newest date served, by default yesterday.

    `additional` is how many invented names a market day has beside the listed symbols.
    """

    def __init__(self, as_of: date | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.credential = Credential(f"client-{secrets.token_hex(8)}", secrets.token_urlsafe(24))
        self.asks_for_credential = False
        self.additional = _ADDITIONAL
        self.faults = Faults(finra_faults(), on=_DATA)
        self.fail = self.faults.fail
        self.requests: list[Request] = []
        self.tokens: dict[str, float] = {}
        self._as_of = as_of
        self._now = now

    def environment(self, base_url: str) -> dict[str, str]:
        """Environment variables with the address; sign-in is at the same one."""
        return {"FINRA_API_URL": base_url, "FINRA_SIGN_IN_URL": base_url}

    def __call__(self, request: Request) -> Response:
        """Answer one request and record it in `requests`."""
        self.requests.append(request)
        answer = self.faults.apply(request, self._normal(request))
        return replace(answer, headers={SANDBOX_HEADER: "finra", **answer.headers})

    def _normal(self, request: Request) -> Response:
        if request.method != "POST":
            return _refusal(405, "method not allowed")
        if request.path == _SIGN_IN:
            return self._sign_in(request)
        dataset = request.path.removeprefix(_DATA)
        if dataset not in {"regShoDaily", "consolidatedShortInterest"}:
            return _refusal(404, "no such dataset")
        if not self._may(request):
            return _refusal(401, "unauthorized")
        try:
            question = json.loads(request.body)
            records = self._records(dataset, question)
            offset, limit = int(question.get("offset", 0)), int(question.get("limit", 1000))
            fields = list(question["fields"])
        except (KeyError, TypeError, ValueError):
            return _refusal(400, "the request cannot be read")
        if "sortFields" in question or not 1 <= limit <= MOST_RECORDS:
            return _refusal(400, "sortFields need every partition key, and a limit is at most 5000")
        page = [{name: record[name] for name in fields} for record in _in_no_order(records)[offset : offset + limit]]
        headers = {
            "record-total": str(len(records)),
            "record-offset": str(offset),
            "record-limit": str(limit),
            "record-max-limit": str(MOST_RECORDS),
        }
        if not page:
            return Response(204, b"", headers)
        if "application/json" not in request.headers.get("accept", ""):
            return Response(200, _as_csv(page), {**headers, "content-type": "text/plain"})
        return Response(200, json.dumps(page, separators=(",", ":")).encode(), headers)

    def _records(self, dataset: str, question: Mapping[str, Any]) -> Sequence[Record]:
        """The records that the filters let through; KeyError or ValueError where they are not understood."""
        equal = {each["fieldName"]: each["fieldValue"] for each in question.get("compareFilters", ())}
        ranges = {each["fieldName"]: each for each in question.get("dateRangeFilters", ())}
        newest = self._as_of or Market.US.date_of(self._now()) - timedelta(1)
        if dataset == "consolidatedShortInterest":
            return interest_records(equal["symbolCode"], newest)
        if "tradeReportDate" in equal:
            return market_records(date.fromisoformat(equal["tradeReportDate"]), newest, self.additional)
        span = ranges["tradeReportDate"]
        first, last = date.fromisoformat(span["startDate"]), date.fromisoformat(span["endDate"])
        return volume_records(equal["securitiesInformationProcessorSymbolIdentifier"], first, last, newest)

    def _may(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not scheme:
            return not self.asks_for_credential
        return scheme == "Bearer" and self.tokens.get(token, 0.0) > self._now()

    def _sign_in(self, request: Request) -> Response:
        scheme, _, pair = request.headers.get("authorization", "").partition(" ")
        expected = f"{self.credential.client_id}:{self.credential.secret}"
        if (
            scheme != "Basic"
            or b64decode(pair).decode() != expected
            or request.query != {"grant_type": "client_credentials"}
        ):
            return _refusal(401, "invalid client")
        token = secrets.token_urlsafe(24)
        self.tokens[token] = self._now() + _LIFE
        body = {"access_token": token, "expires_in": str(int(_LIFE)), "token_type": "Bearer"}
        return Response(200, json.dumps(body).encode())


def _refusal(status: int, message: str) -> Response:
    return Response(status, json.dumps({"statusCode": status, "message": message}).encode())


def _in_no_order(records: Sequence[Record]) -> list[Record]:
    """Facilities interleaved and dates mixed, always in the same way, so that pages fit together."""
    return sorted(records, key=lambda record: hashlib.blake2b(repr(sorted(record.items(), key=str)).encode()).digest())


def _as_csv(page: Sequence[Record]) -> bytes:
    text = StringIO()
    writer = csv.DictWriter(text, list(page[0]))
    writer.writeheader()
    writer.writerows(page)
    return text.getvalue().encode()
