"""Makes the quotas of this process. Their buckets are shared by all processes that ask the same upstream."""

from pathlib import Path
from typing import TYPE_CHECKING

from mcp_shortvol.quotas.quota import Quota, Rate

if TYPE_CHECKING:
    from mcp_shortvol.files.database import Database
    from mcp_shortvol.valkey import Valkey

__all__ = ["Quotas"]


class Quotas:
    """Quotas whose buckets lie in `file` or on `server`; in this process alone where neither is given."""

    def __init__(self, file: Path | None, server: "Valkey | None" = None) -> None:
        self._file = file
        self._server = server
        self._database: Database | None = None
        self._made: list[tuple[str, Quota]] = []

    def quota(self, title: str, rate: Rate | None, *, concurrent: int, bucket: str, pause: float) -> Quota:
        """A quota of `rate`, None for no limit, for all who name the same `bucket`: an upstream and an account.

        `title` names the vendor in errors. `pause` is the seconds to wait after a refusal that does not say how long.
        """
        made = self._quota(title, rate, concurrent=concurrent, bucket=bucket, pause=pause)
        self._made.append((title, made))
        return made

    async def free(self) -> dict[str, tuple[int, Rate]]:
        """By vendor how many requests could start now, and at which rate; of several quotas the one with the fewest."""
        found: dict[str, tuple[int, Rate]] = {}
        for title, quota in self._made:
            if quota.rate is not None:
                left = await quota.free(), quota.rate
                found[title] = min(found.get(title, left), left)
        return found

    def _quota(self, title: str, rate: Rate | None, *, concurrent: int, bucket: str, pause: float) -> Quota:
        if self._server is not None:
            from mcp_shortvol.quotas.valkey_bucket import ValkeyBucket

            on_server = ValkeyBucket(self._server, bucket)
            return Quota(rate, concurrent=concurrent, bucket=on_server, title=title, pause=pause)
        if self._file is None:
            return Quota(rate, concurrent=concurrent, title=title, pause=pause)
        from mcp_shortvol.quotas.shared_bucket import SharedBucket, starts_in  # start-up time

        self._database = self._database or starts_in(self._file)
        shared = SharedBucket(self._database, bucket)
        return Quota(rate, concurrent=concurrent, bucket=shared, title=title, pause=pause)

    async def aclose(self) -> None:
        """Close the file."""
        if self._database is not None:
            await self._database.aclose()
