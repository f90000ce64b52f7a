"""The starts of requests counted over all replicas, on a Valkey or Redis server and by its clock.

Where the server cannot be used, each replica counts alone, for a third of the rate: so that up to three of them keep to
it together. What was counted alone is added once the server answers again.
"""

import secrets
from collections import deque
from time import monotonic

from mcp_shortvol.quotas.quota import LocalBucket, Rate, time_until_free
from mcp_shortvol.valkey import Valkey

__all__ = ["ValkeyBucket"]

_LONGEST_WINDOW = 60.0
_ALONE = 3  # replicas that may count alone at once

_CLAIM = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local requests, seconds, keep = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
for place = 5, #ARGV, 2 do redis.call('ZADD', KEYS[1], 'NX', now - ARGV[place + 1], ARGV[place]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - keep)
local wait = (tonumber(redis.call('GET', KEYS[2]) or '0')) - now
local before = redis.call('ZREVRANGE', KEYS[1], requests - 1, requests - 1, 'WITHSCORES')
if before[2] then wait = math.max(wait, before[2] + seconds - now) end
if wait > 0 then return tostring(wait) end
redis.call('ZADD', KEYS[1], now, ARGV[4])
redis.call('EXPIRE', KEYS[1], math.ceil(keep))
return '0'
"""
_LOOK = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local found = redis.call('ZREVRANGE', KEYS[1], 0, ARGV[1] - 1, 'WITHSCORES')
local ages = {}
for place = 2, #found, 2 do ages[#ages + 1] = tostring(now - found[place]) end
return {tostring((tonumber(redis.call('GET', KEYS[2]) or '0')) - now), ages}
"""
_BACK_OFF = """
local time = redis.call('TIME')
local till = time[1] + time[2] / 1000000 + ARGV[1]
if till > tonumber(redis.call('GET', KEYS[1]) or '0') then
  redis.call('SET', KEYS[1], string.format('%.6f', till), 'PX', math.ceil(ARGV[1] * 1000))
end
return 1
"""


class ValkeyBucket:
    """A bucket that all replicas share, under its `name`."""

    def __init__(self, server: Valkey, name: str) -> None:
        self._server = server
        self._starts, self._closed = server.key("starts", name), server.key("closed", name)
        self._alone = LocalBucket()
        self._own: deque[tuple[str, float]] = deque()  # the starts of this replica, by their ids
        self._unwritten = False

    async def claim(self, rate: Rate) -> float:
        """See Bucket."""
        keep = max(rate.seconds, _LONGEST_WINDOW)
        now, mark = monotonic(), secrets.token_hex(8)
        while self._own and self._own[0][1] < now - keep:
            self._own.popleft()
        again = [part for each, at in self._own for part in (each, now - at)] if self._unwritten else []
        keys, arguments = [self._starts, self._closed], [rate.requests, rate.seconds, keep, mark, *again]
        told = await self._server.script(_CLAIM, keys, arguments, None)
        if told is None:
            self._unwritten = True
            wait = await self._alone.claim(_share(rate))
        else:
            self._unwritten = False
            wait = max(float(told), 0.0)
            if not wait:
                await self._alone.claim(Rate(10**9, keep))  # known, should the server go away
        if not wait:
            self._own.append((mark, now))
        return wait

    async def expected(self, rate: Rate, ahead: int) -> float:
        """See Bucket."""
        told = await self._server.script(_LOOK, [self._starts, self._closed], [rate.requests], None)
        if told is None:
            return await self._alone.expected(_share(rate), ahead)
        closed, ages = float(told[0]), sorted(map(float, told[1]), reverse=True)
        starts = [-age for age in ages if age < rate.seconds]
        return time_until_free(starts, rate, ahead, closed, 0.0)

    async def give_back(self) -> None:
        """See Bucket."""
        mark, _ = self._own.pop()
        await self._alone.give_back()
        await self._server.run(lambda client: client.zrem(self._starts, mark), 0)

    async def back_off(self, seconds: float) -> None:
        """See Bucket."""
        await self._alone.back_off(seconds)
        await self._server.script(_BACK_OFF, [self._closed], [seconds], None)


def _share(rate: Rate) -> Rate:
    """What one replica may take alone; of a small rate one request in a longer time."""
    if rate.requests >= _ALONE:
        return Rate(rate.requests // _ALONE, rate.seconds)
    return Rate(1, rate.seconds * _ALONE / rate.requests)
