"""One question to the sources of several venues side by side → the days by venue."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import anyio

from mcp_shortvol.domain.errors import InvalidRequest, ShortVolumeError
from mcp_shortvol.domain.progress import Progress
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Series
from mcp_shortvol.domain.venues import VenueSeries, venue_day
from mcp_shortvol.sources import Source

if TYPE_CHECKING:
    from mcp_shortvol.history.history import History

__all__ = ["series_by_venue"]


async def series_by_venue(
    history: "History",
    sources: Mapping[str, Source],
    question: Question,
    *,
    deadline: float,
    progress: Progress | None,
) -> VenueSeries:
    """The days that any of `sources` ("finra", "futu", "longbridge") has, the newest as many as are asked for.

    A source that fails is named and does not fail the rest; raises FINRA's failure where none answers, and whatever is
    wrong with the question itself.
    """
    parts: dict[str, Series] = {}
    failures: dict[str, ShortVolumeError] = {}

    async def ask(name: str) -> None:
        try:
            parts[name] = await history.series(sources[name], question, deadline=deadline, progress=report_of(name))
        except ShortVolumeError as error:
            failures[name] = error

    def report_of(name: str) -> Progress | None:
        return progress if name == "finra" else None  # one line of progress, because it only ever grows

    async with anyio.create_task_group() as tasks:
        for name in sources:
            tasks.start_soon(ask, name)
    if wrong := [error for error in failures.values() if isinstance(error, InvalidRequest)]:
        raise wrong[0]
    if not parts:
        raise failures["finra"]
    parts = {name: parts[name] for name in sources if name in parts}  # not in the order in which they came
    by_date = {name: {day.date: day for day in series.days} for name, series in parts.items()}
    dates = sorted({day for days in by_date.values() for day in days}, reverse=True)[: question.limit]
    finra, futu, longbridge = (by_date.get(name, {}) for name in ("finra", "futu", "longbridge"))
    days = [venue_day(day, finra.get(day), futu.get(day), longbridge.get(day)) for day in dates]
    return VenueSeries(question, days, parts, failures)
