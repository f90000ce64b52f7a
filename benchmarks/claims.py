"""One of several processes that count requests in one bucket: `python -m benchmarks.claims ours|pyrate FILE COUNT`."""

import sys
from pathlib import Path
from time import perf_counter

import anyio

_REQUESTS, _SECONDS = 300, 1


async def _ours(file: Path, count: int) -> None:
    from mcp_shortvol.quotas.quota import Quota, Rate
    from mcp_shortvol.quotas.shared_bucket import SharedBucket, starts_in

    bucket = SharedBucket(starts_in(file), "bench")
    quota = Quota(Rate(_REQUESTS, _SECONDS), concurrent=1, bucket=bucket)
    for _ in range(count):
        async with quota.slot():
            pass


async def _pyrate(file: Path, count: int) -> None:
    from pyrate_limiter import Limiter, Rate, SQLiteBucket

    bucket = SQLiteBucket.init_from_file([Rate(_REQUESTS, _SECONDS * 1000)], db_path=str(file), use_file_lock=True)
    limiter = Limiter(bucket)
    for _ in range(count):
        # Its lock blocks, so that it runs off the event loop.
        assert await anyio.to_thread.run_sync(limiter.try_acquire, "bench")


if __name__ == "__main__":
    _, which, path, number = sys.argv
    began = perf_counter()
    anyio.run({"ours": _ours, "pyrate": _pyrate}[which], Path(path), int(number))
    print(perf_counter() - began)
