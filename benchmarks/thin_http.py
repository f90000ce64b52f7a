"""The yardsticks over HTTP: the least that fetches days from Longbridge and from Futu's cloud. They check nothing."""

import hmac
import json
import time
from hashlib import sha1, sha256
from typing import Any

import httpx

__all__ = ["ThinCloud", "ThinLongbridge"]


class ThinLongbridge:
    """Signed pages of 100, back from now, over one kept connection."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._http = httpx.AsyncClient(base_url=environment["LONGBRIDGE_HTTP_URL"], trust_env=False)
        self._key = environment["LONGBRIDGE_APP_KEY"]
        self._secret = environment["LONGBRIDGE_APP_SECRET"].encode()
        self._token = environment["LONGBRIDGE_ACCESS_TOKEN"]

    async def fetch_days(self, symbol: str, count: int) -> list[Any]:
        """The newest days, as they come."""
        days: list[Any] = []
        before = int(time.time())
        while len(days) < count:
            size = min(100, count - len(days) + bool(days))
            page = await self._page(f"symbol={symbol}&last_timestamp={before}&page_size={size}")
            days += page[-1 - bool(days) :: -1] if days else page[::-1]
            before = int(page[0]["timestamp"])
        return days

    async def aclose(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def _page(self, query: str) -> Any:
        path, now = "/v1/quote/short-trades/hk", f"{time.time():.3f}"
        signed = f"authorization:{self._token}\nx-api-key:{self._key}\nx-timestamp:{now}\n"
        names = "authorization;x-api-key;x-timestamp"
        digest = sha1(f"GET|{path}|{query}|{signed}|{names}|".encode()).hexdigest()
        signature = hmac.new(self._secret, f"HMAC-SHA256|{digest}".encode(), sha256).hexdigest()
        headers = {
            "Authorization": self._token,
            "X-Api-Key": self._key,
            "X-Timestamp": now,
            "X-Api-Signature": f"HMAC-SHA256 SignedHeaders={names}, Signature={signature}",
        }
        answer = await self._http.get(f"{path}?{query}", headers=headers)
        return json.loads(answer.content)["data"]["data"]


class ThinCloud:
    """The one page there is, with a bearer token."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._http = httpx.AsyncClient(base_url=environment["FUTU_API_URL"], trust_env=False)
        self._headers = {"Authorization": f"Bearer {environment['FUTU_API_TOKEN']}"}

    async def fetch_days(self, symbol: str, count: int) -> list[Any]:
        """The newest days, as they come."""
        path = f"/api/v1.0/quote/{symbol}/short/daily-volume?count={count}"
        items: list[Any] = json.loads((await self._http.get(path, headers=self._headers)).content)["data"]["items"]
        return items

    async def aclose(self) -> None:
        """Close the connection."""
        await self._http.aclose()
