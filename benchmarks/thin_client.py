"""The yardstick: the least that fetches days from OpenD. It checks nothing and reads only the next page's key."""

import json
from hashlib import sha1
from struct import Struct
from typing import Any

import anyio
from anyio.abc import SocketStream

__all__ = ["ThinClient"]

_HEADER = Struct("<2sIBBII20s8s")  # as drawn in mcp_shortvol/sources/opend/frame.py
_INIT_CONNECT, _GET_DAILY_SHORT_VOLUME = 1001, 3248
_PAGE = 50


class ThinClient:
    """A connection over which one exchange at a time is made."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self._serial = 0

    @classmethod
    async def connect(cls, host: str, port: int) -> "ThinClient":
        """Connect and greet."""
        client = cls(await anyio.connect_tcp(host, port))
        await client._ask(_INIT_CONNECT, {"clientVer": 300, "clientID": "thin", "packetEncAlgo": -1})
        return client

    async def fetch_days(self, code: str, count: int) -> list[Any]:
        """The newest days of a Hong Kong stock, as they come, in whole pages of 50."""
        days: list[Any] = []
        key: dict[str, str] = {}
        while len(days) < count:
            question = {"security": {"market": 1, "code": code}, "num": _PAGE, **key}
            content = await self._ask(_GET_DAILY_SHORT_VOLUME, question)
            days += content["hkItemList"]
            key = {"nextKey": content["nextKey"]}
        return days

    async def _ask(self, protocol: int, c2s: dict[str, Any]) -> Any:
        self._serial += 1
        body = json.dumps({"c2s": c2s}).encode()
        header = _HEADER.pack(b"FT", protocol, 1, 0, self._serial, len(body), sha1(body).digest(), bytes(8))
        await self._stream.send(header + body)
        answer = await self._stream.receive()
        while len(answer) < _HEADER.size or len(answer) < _HEADER.size + _HEADER.unpack_from(answer)[5]:
            answer += await self._stream.receive()
        return json.loads(answer[_HEADER.size :])["s2c"]
