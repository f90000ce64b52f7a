"""The store on a Valkey or Redis server, for several replicas: one value a series, changed if it is still the same.

Real series are forgotten after forty days without a change, invented ones after one: the server may forget them sooner.
"""

import json
import logging
from collections.abc import Callable, Sequence
from hashlib import sha1
from typing import TYPE_CHECKING, Any

from mcp_shortvol.cache.encoding import decode, encode
from mcp_shortvol.cache.run import Merged, Run
from mcp_shortvol.cache.store import Extent, SeriesKey
from mcp_shortvol.domain.rows import Row
from mcp_shortvol.valkey import Valkey

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["ValkeyStore"]

_DAY = 86_400
_KEPT_FOR = {False: 40 * _DAY, True: _DAY}  # by whether it is invented
_ATTEMPTS = 16
_MOST_SYMBOLS = 1000

# The value as it was read is named by its SHA-1: another replica may have written meanwhile.
_SWAP = """
local old = redis.call('GET', KEYS[1])
if (old and redis.sha1hex(old) or '') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[6])
redis.call('HSET', KEYS[3], ARGV[6], ARGV[5])
return 1
"""

logger = logging.getLogger(__name__)


class ValkeyStore:
    """Runs kept on `server`."""

    def __init__(self, server: Valkey) -> None:
        self._server = server
        self._index, self._rows = server.key("series"), server.key("rows")

    async def load(self, key: SeriesKey, kind: type[Row]) -> Run[Row] | None:
        """See Store."""
        return _run_in(await self._read(key), key, kind)

    async def change(
        self, key: SeriesKey, kind: type[Row], merge: Callable[[Run[Row] | None], Merged[Row]]
    ) -> Merged[Row] | None:
        """See Store."""
        for _ in range(_ATTEMPTS):
            failures = self._server.failures
            text = await self._read(key)
            if text is None and self._server.failures > failures:
                return None
            kept = _run_in(text, key, kind)
            merged = merge(kept)
            if merged.run == kept:
                return merged
            swapped = await self._server.script(
                _SWAP,
                [self._name(key), self._index, self._rows],
                [
                    sha1(text.encode()).hexdigest() if text is not None else "",  # noqa: S324 - no secret
                    f"{merged.run.checked_at!r}\n{encode(merged.run)}",
                    _KEPT_FOR[key.invented],
                    merged.run.checked_at,
                    len(merged.run.rows),
                    json.dumps(key),
                ],
                None,
            )
            if swapped is None:
                return None
            if swapped:
                return merged
        return None

    async def extent(self) -> Extent | None:
        """See Store."""

        async def work(client: "Redis") -> Extent | None:
            rows: Any = client.hvals(self._rows)  # its type is of the client that blocks as well
            return Extent(int(await client.zcard(self._index)), sum(map(int, await rows)))

        return await self._server.run(work, None)

    async def symbols(self) -> Sequence[str]:
        """See Store."""

        async def work(client: "Redis") -> Sequence[str]:
            listed: Any = await client.zrevrange(self._index, 0, _MOST_SYMBOLS)
            return list(dict.fromkeys(str(SeriesKey(*json.loads(name)).symbol) for name in listed))

        return await self._server.run(work, ())

    async def aclose(self) -> None:
        """See Store."""
        await self._server.aclose()

    async def _read(self, key: SeriesKey) -> str | None:
        async def work(client: "Redis") -> str | None:
            found = await client.get(self._name(key))
            return found if isinstance(found, str) else None

        return await self._server.run(work, None)

    def _name(self, key: SeriesKey) -> str:
        mark = sha1(json.dumps(key).encode()).hexdigest()  # noqa: S324 - a short name, no secret
        return self._server.key(key.interface, key.symbol, mark)


def _run_in(text: str | None, key: SeriesKey, kind: type[Row]) -> Run[Row] | None:
    """The run in a value; None where there is none, or where it is not one that was written."""
    if text is None:
        return None
    checked_at, _, run = text.partition("\n")
    try:
        return decode(run, kind, checked_at=float(checked_at), invented=key.invented)
    except (ValueError, TypeError):
        logger.warning("A kept series on the shared store is damaged; it is fetched again.")
        return None
