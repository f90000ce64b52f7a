"""The connection to a Valkey or Redis server, which is never a reason for a call to fail.

Where it does not answer, is full or refuses, the caller's `otherwise` is returned, standard error says so once, and
nobody waits for it again for some seconds. Keys begin with the prefix and the version of what is kept, in braces, so
that all of them lie in one slot of a cluster.
"""

import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from mcp_shortvol.domain.errors import NotConfigured

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["SCHEMES", "Valkey"]

SCHEMES = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss"}
"""The schemes of an address, and what the client calls them; the second and the last speak TLS."""

_VERSION = 1
_PATIENCE = 1.0
_PAUSE = 5.0
_CONNECTIONS = 32

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Valkey:
    """The server at `url`; `prefix` tells this program's keys from others'. Raises NotConfigured without the client."""

    def __init__(self, url: str, prefix: str) -> None:
        try:
            import redis.asyncio
            from redis.exceptions import RedisError
        except ImportError:
            raise NotConfigured(
                "SHORTVOL_STORE names a Valkey or Redis server, and its client is not installed.",
                "Install mcp-shortvol[valkey].",
            ) from None
        scheme, _, rest = url.partition("://")
        self._client: Redis = redis.asyncio.from_url(
            f"{SCHEMES[scheme]}://{rest}",
            decode_responses=True,
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
            max_connections=_CONNECTIONS,
        )
        self._failures: tuple[type[Exception], ...] = (RedisError, OSError, TimeoutError)
        self._where = urlsplit(url).hostname or "there"
        self._space = f"{{{prefix}:v{_VERSION}}}"
        self._unusable_until = 0.0
        self._warned = False
        self.failures = 0

    def key(self, *parts: str) -> str:
        """A key of this program's."""
        return ":".join((self._space, *parts))

    async def run(self, work: Callable[["Redis"], Awaitable[T]], otherwise: T) -> T:
        """The result of `work`, or `otherwise` where the server cannot do it now."""
        if monotonic() < self._unusable_until:
            return otherwise
        try:
            return await work(self._client)
        except self._failures as error:
            self.failures += 1
            self._unusable_until = monotonic() + _PAUSE
            if not self._warned:
                self._warned = True
                kind = type(error).__name__
                logger.warning("The store at %s cannot be used now (%s); it works without.", self._where, kind)
            return otherwise

    async def script(self, text: str, keys: list[str], arguments: list[str | int | float], otherwise: T) -> Any | T:
        """The result of a Lua script, which is one atomic step."""
        return await self.run(lambda client: client.eval(text, len(keys), *keys, *map(str, arguments)), otherwise)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
