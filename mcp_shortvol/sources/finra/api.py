"""Records of FINRA's Query API: one question, its pages by offset, and each failure in our words.

An answer holds at most 5,000 records, in no order. Sorting is never asked for: FINRA refuses it without a filter on
every partition key. A page is the last one where it is short, where `record-total` is reached, or where the answer is
204 without a body, which also stands for "no records at all". The list may move while it is paged: then it is read
again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import anyio

from mcp_shortvol.domain.errors import (
    UPDATE_OR_REPORT,
    CredentialsRefused,
    NotConfigured,
    RateLimited,
    ShortVolumeError,
    TokenRefused,
    UpstreamChanged,
    UpstreamFault,
)
from mcp_shortvol.domain.progress import Progress
from mcp_shortvol.quotas.quota import OnWait, Quota
from mcp_shortvol.sources.finra.auth import ClientCredentials
from mcp_shortvol.sources.http import HttpClient, Reply, retrying

__all__ = ["PAGE", "FinraApi", "Records", "between", "equal"]

PAGE = 5000
"""The most records of one answer."""

_MOST_OFFSET = 500_000
_READINGS = 3  # of a list that moves while it is read
_LATER = "Try again in a minute."

Record = Mapping[str, Any]


def equal(**fields: str) -> dict[str, object]:
    """The filter for records whose fields have these values."""
    return {
        "compareFilters": [
            {"compareType": "EQUAL", "fieldName": name, "fieldValue": value} for name, value in fields.items()
        ]
    }


def between(field: str, first: str, last: str) -> dict[str, object]:
    """The filter for records whose date lies in a range, both ends included."""
    return {"dateRangeFilters": [{"fieldName": field, "startDate": first, "endDate": last}]}


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a question, each as it came, and whether the answers identified themselves as invented."""

    rows: Sequence[Record]
    sandbox: bool


@dataclass(frozen=True, slots=True)
class _Page:
    rows: Sequence[Record]
    total: int | None
    sandbox: bool


class FinraApi:
    """Asks for records over `http`, within `quota`; `credentials` are None where no credential is set."""

    def __init__(self, http: HttpClient, credentials: ClientCredentials | None, quota: Quota) -> None:
        self._http = http
        self._credentials = credentials
        self._quota = quota

    @property
    def upstream(self) -> str:
        """The service's address and the credential's mark."""
        return f"{self._http.base_url} {self._credentials.account if self._credentials else ''}".rstrip()

    async def records(
        self,
        dataset: str,
        fields: Sequence[str],
        filters: Mapping[str, object],
        *,
        on_wait: OnWait | None = None,
        progress: Progress | None = None,
    ) -> Records:
        """Every record of `dataset` that the filters let through; raises errors of `domain.errors` only.

        `progress` is told how many records are here, of how many.
        """
        question = {"fields": list(fields), **filters, "limit": PAGE}
        path = f"/data/group/otcMarket/name/{dataset}"
        before: list[set[str]] = []
        for _ in range(_READINGS):
            pages = await self._pages(path, question, on_wait, progress)
            read = [{repr(row) for row in page.rows} for page in pages] if len(pages) > 1 else []
            # Where a second reading gives the same, the list itself has a record twice.
            if not _moved(pages) and (not _repeats(read) or read == before):
                return Records([row for page in pages for row in page.rows], any(page.sandbox for page in pages))
            before = read
        raise UpstreamFault("FINRA changed its list while it was read.", _LATER)

    async def _pages(
        self, path: str, question: Mapping[str, object], on_wait: OnWait | None, progress: Progress | None
    ) -> list[_Page]:
        """The pages of one reading; those after the first side by side where the first says how many there are."""
        pages = {0: await self._page(path, question, 0, on_wait)}

        async def read(offset: int) -> None:
            pages[offset] = await self._page(path, question, offset, on_wait)
            if progress is not None:
                await progress(sum(len(page.rows) for page in pages.values()), total, "records from FINRA")

        total = pages[0].total
        if total is not None:
            offsets = range(PAGE, min(total, _MOST_OFFSET), PAGE)
            failures: list[ShortVolumeError] = []

            async def guarded(offset: int) -> None:
                try:
                    await read(offset)
                except ShortVolumeError as error:
                    failures.append(error)
                    tasks.cancel_scope.cancel()

            async with anyio.create_task_group() as tasks:
                for offset in offsets:
                    tasks.start_soon(guarded, offset)
            if failures:
                raise failures[0]
        else:
            offset = 0
            while len(pages[offset].rows) == PAGE and offset < _MOST_OFFSET:
                offset += PAGE
                await read(offset)
        return [pages[offset] for offset in sorted(pages)]

    async def _page(self, path: str, question: Mapping[str, object], offset: int, on_wait: OnWait | None) -> _Page:
        async def ask() -> _Page:
            reply = await self._send(path, {**question, "offset": offset}, on_wait)
            try:
                return _page_of(reply, signed=self._credentials is not None)
            except TokenRefused:
                if self._credentials is None or not await self._credentials.renew(reply.credentials):
                    raise
            reply = await self._send(path, {**question, "offset": offset}, on_wait)
            return _page_of(reply, signed=True)

        return await self._quota.keeping(lambda: retrying(ask))

    async def _send(self, path: str, question: Mapping[str, object], on_wait: OnWait | None) -> Reply:
        async with self._quota.slot(on_wait):
            return await self._http.post_json(path, question, self._credentials)


def _repeats(read: Sequence[set[str]]) -> bool:
    """Whether a record is on two pages, in the place of another one where the list shifted in between."""
    return len(set().union(*read)) < sum(map(len, read))


def _moved(pages: Sequence[_Page]) -> bool:
    """Whether the pages do not agree on how many records there are, or fewer came."""
    totals = {page.total for page in pages if page.total is not None and page.rows}
    came = sum(len(page.rows) for page in pages)
    return len(totals) > 1 or any(came < total <= _MOST_OFFSET for total in totals)


def _page_of(reply: Reply, *, signed: bool) -> _Page:
    """The records of an answer; raises the worded error of any other."""
    if reply.status == 204:
        return _Page((), None, reply.sandbox)
    if reply.status != 200:
        raise _failure(reply, signed=signed)
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in {"text/plain", "text/csv"} or "html" in kind:
        what = "an HTML page" if "html" in kind else "CSV, as if the Accept header had been dropped on the way,"
        raise UpstreamChanged(
            f"FINRA's address answered with {what} instead of JSON.",
            "Check the network and its proxy, and FINRA_API_URL.",
        )
    try:
        # NaN and Infinity, which JSON does not have, become text, and so cells that cannot be read.
        rows = json.loads(reply.body, parse_float=Decimal, parse_constant=str) if reply.body.strip() else None
    except (ValueError, ArithmeticError, RecursionError):
        rows = None
    if rows is None:
        # Most often a body cut short on the way, which another attempt brings whole.
        raise UpstreamFault("FINRA sent an answer that is no complete JSON.", _LATER)
    if not isinstance(rows, list):
        raise UpstreamChanged("FINRA's answer holds no list of records.", UPDATE_OR_REPORT)
    total = reply.headers.get("record-total", "")
    return _Page(rows, int(total) if total.isdecimal() and len(total) < 10 else None, reply.sandbox)


def _failure(reply: Reply, *, signed: bool) -> ShortVolumeError:
    status = reply.status
    if status == 429:
        wait = f"{reply.retry_after:g} seconds" if reply.retry_after else "a minute"
        return RateLimited(
            "FINRA's rate limit is reached.",
            f"Wait {wait} and ask again; other programs at this address count too.",
            retry_after=reply.retry_after,
        )
    if status in {401, 403}:
        if signed:
            kind = TokenRefused if status == 401 else CredentialsRefused
            return kind(
                f"FINRA does not accept the credential (HTTP {status}).",
                "Check FINRA_CLIENT_ID and FINRA_CLIENT_SECRET, or unset both.",
            )
        return NotConfigured(
            f"FINRA asks for a credential (HTTP {status}).",
            "Make a free public one in FINRA's API console, and set FINRA_CLIENT_ID and FINRA_CLIENT_SECRET; or ask "
            "Longbridge or Futu.",
        )
    if status >= 500:
        return UpstreamFault(f"FINRA is out of order (HTTP {status}).", _LATER)
    if status == 400:
        return UpstreamChanged("FINRA refuses the form of this question (HTTP 400).", UPDATE_OR_REPORT)
    return UpstreamChanged(
        f"FINRA's address answered HTTP {status}.", "Check the network and its proxy, and FINRA_API_URL."
    )
