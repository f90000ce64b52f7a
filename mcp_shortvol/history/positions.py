"""Flow and positions of one stock together: what a question about one of them needs of the other.

Daily figures carry the newest short interest where the same source has it at one request more. Reports without an
average volume get it from the same source's daily rows, and a ranking its date. The failure of what is added is said
and not raised. A position or a date is waited for a moment only; volumes have the time of the call.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import anyio

from mcp_shortvol.domain.calendar import count_trading_days
from mcp_shortvol.domain.errors import ShortVolumeError
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.progress import Progress
from mcp_shortvol.domain.question import MAX_DAYS, Question
from mcp_shortvol.domain.ranking import RankingResult
from mcp_shortvol.domain.short_interest import VOLUME_DAYS, InterestSeries, Report, days_to_cover, mean_volume
from mcp_shortvol.domain.short_volume import Day, Series, ShortPosition
from mcp_shortvol.sources import InterestSource, Source, Vendor

if TYPE_CHECKING:
    from mcp_shortvol.history.history import History

__all__ = ["interest_with_volumes", "series_with_position", "trading_date_of"]

_PATIENCE = 2.0  # seconds for the short interest after the days are here
_PAGES_OF_VOLUMES = 2


async def series_with_position(
    history: "History", vendor: Vendor, question: Question, *, deadline: float, progress: Progress | None
) -> Series:
    """The days that answer `question`, with the newest short interest; raises what the days raise.

    A question about the past gets no short interest of today.
    """
    reports: list[InterestSeries | ShortVolumeError] = []
    here = anyio.Event()

    async def ask() -> None:
        newest = Question(question.symbol, count=1)
        try:
            reports.append(await history.interest(vendor.interest, newest, deadline=deadline))
        except ShortVolumeError as error:
            reports.append(error)
        here.set()

    today = history.today(question.symbol.market)
    wanted = not vendor.volume.gives_position(question.symbol.market) and (question.end or today) >= today
    failure: ShortVolumeError | None = None
    async with anyio.create_task_group() as tasks:
        if wanted:
            tasks.start_soon(ask)
        try:
            series = await history.series(vendor.volume, question, deadline=deadline, progress=progress)
        except ShortVolumeError as error:
            failure = error  # raised outside, where no group wraps it
        else:
            with anyio.move_on_after(_PATIENCE):
                if wanted:
                    await here.wait()
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    if not wanted:
        return history.made.of((series,), None, lambda: _covered(series, series.short_position))
    if not reports:
        return replace(series, no_position="The newest short interest was not here in time: ask get_short_interest.")
    (found,) = reports
    if isinstance(found, ShortVolumeError):
        return replace(series, no_position=f"Without short interest: {found.what}")
    return history.made.of((series, found), None, lambda: _covered(series, _position(found)))


def _position(found: InterestSeries) -> ShortPosition | None:
    if not found.reports:
        return None
    report = found.reports[0]
    return ShortPosition(
        report.short_interest, report.short_interest_pct, report.date, found.pct_basis, days_to_cover(report)
    )


def _covered(series: Series, position: ShortPosition | None) -> Series:
    """With the days to cover from the days that are here, where the position has none of its own.

    In Hong Kong only: a US source's daily volume may be that of some venues.
    """
    hong_kong = series.question.symbol.market is Market.HK
    if hong_kong and position is not None and position.days_to_cover is None and position.shares and position.date:
        volume = mean_volume(series.days, position.date)
        position = replace(position, days_to_cover=position.shares / volume if volume else None)
    return replace(series, short_position=position)


async def trading_date_of(history: "History", vendor: Vendor, ranking: RankingResult, deadline: float) -> date | None:
    """The trading date of a ranking, which its source does not name; None where it cannot be known.

    It is the newest day of one ranked name, where that day has the very short volume of the ranking: a name whose days
    are kept, else the first one.
    """
    named = [row for row in ranking.rows if row.short_volume]
    if not named:
        return None
    row = named[0]
    for other in named:
        if await history.kept_days(vendor.volume, other.symbol):
            row = other
            break
    until = min(deadline, anyio.current_time() + _PATIENCE)
    try:
        found = await history.series(vendor.volume, Question(row.symbol, count=1), deadline=until)
    except ShortVolumeError as error:
        logging.getLogger(__name__).debug("no trading date for the ranking: %s", error.what)
        return None
    day = found.days[0] if found.days else None
    return day.date if day is not None and day.short_volume == row.short_volume else None


async def interest_with_volumes(
    history: "History",
    interest: InterestSource,
    volume: Source | None,
    question: Question,
    *,
    deadline: float,
    progress: Progress | None,
) -> InterestSeries:
    """The reports that answer `question`; in Hong Kong with mean volume and value, which a source may not send.

    The volumes come from the same vendor's daily rows, where it has any: the kept ones, and at most two pages more.
    """
    found = await history.interest(interest, question, deadline=deadline, progress=progress)
    if question.symbol.market is not Market.HK or not found.reports:
        return found
    computed = set()
    reports = [_with_value(report) for report in found.reports]
    if reports != list(found.reports):
        computed.add("short_interest_value")
    failure = ""
    if volume is None:
        failure = f"{interest.title} publishes none."
    elif not any(report.average_daily_volume or report.source_days_to_cover for report in reports):
        try:
            days = await _daily_rows(history, volume, question, reports[-1].date, deadline)
        except ShortVolumeError as error:
            failure = error.what
        else:
            reports = [_with_volume(report, days) for report in reports]
            if any(report.average_daily_volume for report in reports):
                computed.add("days_to_cover")
    return replace(found, reports=reports, computed=frozenset(computed), no_volumes=failure)


async def _daily_rows(
    history: "History", volume: Source, question: Question, oldest: date, deadline: float
) -> Sequence[Day]:
    market = question.symbol.market
    needed = count_trading_days(market, oldest, history.today(market)) + VOLUME_DAYS + 1
    kept = await history.kept_days(volume, question.symbol)
    most = kept + _PAGES_OF_VOLUMES * volume.page_limit
    daily = Question(question.symbol, count=min(needed, most, MAX_DAYS))
    return (await history.series(volume, daily, deadline=deadline)).days


def _with_value(report: Report) -> Report:
    if report.short_interest_value is not None or report.short_interest is None or report.close is None:
        return report
    return report._replace(short_interest_value=report.short_interest * report.close)


def _with_volume(report: Report, days: Sequence[Day]) -> Report:
    return report._replace(average_daily_volume=mean_volume(days, report.date))
