"""Whole market days, kept or fetched, and the screens over them.

A day takes several requests and is kept. The newest two days are corrected by the source and fetched again after the
next close; older ones never. Equal fetches at the same time are one.
"""

from dataclasses import replace
from datetime import date, timedelta

import anyio
from anyio.abc import TaskGroup

from mcp_shortvol.cache.market import KeptDay, MarketStore
from mcp_shortvol.domain.calendar import is_trading_day, previous_trading_day
from mcp_shortvol.domain.errors import InvalidRequest, ShortVolumeError, UpstreamFault, out_of_time
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.progress import Progress
from mcp_shortvol.domain.screen import MOST_DAYS, ScreenQuery, ScreenResult
from mcp_shortvol.domain.short_volume import Interruption
from mcp_shortvol.history.freshness import Freshness
from mcp_shortvol.history.single_flight import SharedCall, SingleFlight
from mcp_shortvol.sources import MarketSource

__all__ = ["MarketDays"]

_US = Market.US
_ONE_DAY = timedelta(days=1)
_MOST_EMPTY = 2  # newest trading days that the source does not have yet
_A_YEAR = timedelta(days=365)


class MarketDays:
    """Market days in `store`, current by `freshness`; the fetches live in `tasks`.

    `last` is the newest date that there can be, where that is not today.
    """

    def __init__(self, store: MarketStore, freshness: Freshness, tasks: TaskGroup, *, last: date | None = None) -> None:
        self._last = last
        self._store = store
        self._freshness = freshness
        self._calls = SingleFlight(tasks)

    async def screen(
        self, source: MarketSource, query: ScreenQuery, *, deadline: float, progress: Progress | None
    ) -> ScreenResult:
        """The names that `query` asks for. Raises what the source raises where not even the date itself is here."""
        began = anyio.current_time()
        stale: list[Interruption] = []
        days = [await self._latest(source, query, deadline, progress, stale)]
        interruption = None
        try:
            await self._add_days(source, query, days, deadline, progress, stale)
        except (ShortVolumeError, TimeoutError) as error:
            failure = error if isinstance(error, ShortVolumeError) else out_of_time(deadline - began)
            interruption = Interruption(failure.what, failure.next_step, None)
        found = await self._store.screen(query, days)
        return ScreenResult(
            query=replace(query, date=days[0].date),
            source=f"sandbox:{source.name}" if days[0].invented else source.name,
            ratio_basis=source.ratio_basis,
            days=[day.date for day in days],
            names=days[0].names,
            passing=await self._store.counted(query, days[0]),
            unreadable=days[0].unreadable,
            found=found,
            interruption=interruption or next(iter(stale), None),
        )

    async def _latest(
        self,
        source: MarketSource,
        query: ScreenQuery,
        deadline: float,
        progress: Progress | None,
        stale: list[Interruption],
    ) -> KeptDay:
        """The day of the screen: the date asked for, or the newest one that the source has."""
        today = self._freshness.today(_US)
        if query.date is not None:
            _check(query.date, today)
            if (day := await self._day(source, query.date, deadline, progress, stale)) is None:
                raise UpstreamFault(
                    f"{source.title} has no figures of {query.date} yet.",
                    "They come in the evening, New York time; leave date out for the newest day there is.",
                )
            return day
        candidate = today if is_trading_day(_US, today) else previous_trading_day(_US, today)
        if self._freshness.now() < _US.close(candidate):
            candidate = previous_trading_day(_US, candidate)
        if self._last is not None and candidate > self._last:
            candidate = previous_trading_day(_US, self._last + _ONE_DAY)
        for _ in range(_MOST_EMPTY + 1):
            if (day := await self._day(source, candidate, deadline, progress, stale)) is not None:
                return day
            candidate = previous_trading_day(_US, candidate)
        raise UpstreamFault(
            f"{source.title} has no figures of the last trading days.", "Try again later, or name a date."
        )

    async def _add_days(
        self,
        source: MarketSource,
        query: ScreenQuery,
        days: list[KeptDay],
        deadline: float,
        progress: Progress | None,
        stale: list[Interruption],
    ) -> None:
        """The trading days before the latest: those asked for, and further ones that are kept; without a gap."""
        invented = days[0].invented
        first = days[0].date - timedelta(2 * MOST_DAYS)
        kept = {
            day.date
            for day in await self._store.days(source.upstream, first, days[0].date)
            if day.invented == invented and self._is_current(source, day)
        }
        while len(days) < MOST_DAYS:
            before = previous_trading_day(_US, days[-1].date)
            if len(days) >= query.days and before not in kept:
                return
            day = await self._day(source, before, deadline, progress, stale, done=len(days), of=query.days)
            if day is None:
                raise UpstreamFault(f"{source.title} has no figures of {before}.", "The days after it are here.")
            if day.invented != invented:
                raise UpstreamFault(
                    f"{source.title} is a sandbox for some of these days and a market for others.",
                    "If a sandbox and a gateway use the same address, stop one of them.",
                )
            days.append(day)

    async def _day(
        self,
        source: MarketSource,
        day: date,
        deadline: float,
        progress: Progress | None,
        stale: list[Interruption],
        *,
        done: int = 0,
        of: int = 1,
    ) -> KeptDay | None:
        """A day, kept or fetched; None where the source has none of it.

        Where a kept one should be fetched again and cannot, it is given, and `stale` says so.
        """
        kept = [each for each in await self._store.days(source.upstream, day, day) if self._may_stand(each)]
        for each in kept:
            if self._is_current(source, each):
                return each
        answered: list[KeptDay | None] = []

        def begin() -> SharedCall[list[KeptDay | None]]:
            async def work(report: Progress) -> None:
                async def told(here: float, total: float | None, words: str) -> None:
                    share = here / total if total else 0.0
                    await report(done + share, max(of, done + 1), f"market day {day}: {here:,.0f} {words}")

                fetched = await source.fetch_day(day, None, told)
                if not fetched.names:
                    answered.append(None)
                    return
                answered.append(await self._store.keep_day(source.upstream, fetched, self._freshness.now()))
                if answered[-1] is None:
                    raise UpstreamFault(
                        "The market day cannot be kept on this machine.",
                        "Free some room, or set SHORTVOL_STORE=memory:.",
                    )

            return SharedCall(answered, work)

        began = anyio.current_time()
        call = self._calls.join((source.upstream, day), begin)
        try:
            await call.wait(deadline, progress)
        except (ShortVolumeError, TimeoutError) as error:
            if not kept:
                raise
            failure = error if isinstance(error, ShortVolumeError) else out_of_time(deadline - began)
            stale.append(Interruption(failure.what, failure.next_step, kept[0].fetched_at))
            return kept[0]
        return call.subject[0]

    def _may_stand(self, day: KeptDay) -> bool:
        """Invented days stand for some minutes only: a real gateway may be started at their address next."""
        return not day.invented or self._freshness.just_seen(day.fetched_at)

    def _is_current(self, source: MarketSource, day: KeptDay) -> bool:
        return self._freshness.day_holds(_US, day.date, day.fetched_at, source.settling_days, invented=day.invented)


def _check(day: date, today: date) -> None:
    if day > today:
        raise InvalidRequest(
            f"date {day} is in the future: in the US it is {today}.", "Leave date out for the newest day."
        )
    if not is_trading_day(_US, day):
        before = previous_trading_day(_US, day)
        raise InvalidRequest(f"{day} was no US trading day.", f"The trading day before is {before}.")
    if day < today - _A_YEAR:
        raise InvalidRequest(
            f"FINRA gives the last 365 days only, and {day} is before them.", f"Name a date from {today - _A_YEAR} on."
        )
