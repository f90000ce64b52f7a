"""One question to the sources of several venues side by side → the days by venue."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import anyio

from mcp_shortvol.domain.errors import ShortVolumeError, UpstreamFault
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
    sources: Mapping[str, Source | ShortVolumeError],
    question: Question,
    *,
    deadline: float,
    progress: Progress | None,
) -> VenueSeries:
    """The days that any of `sources` ("finra", "futu", "longbridge") has, the newest as many as are asked for.

    A source that could not be opened, as its failure says, or that fails is named and does not fail the rest. Raises
    FINRA's failure where none answers, and UpstreamFault where one is a sandbox and another a market.
    """
    parts: dict[str, Series] = {}
    failures = {name: source for name, source in sources.items() if isinstance(source, ShortVolumeError)}

    async def ask(name: str, source: Source) -> None:
        try:
            parts[name] = await history.series(source, question, deadline=deadline, progress=report_of(name))
        except ShortVolumeError as error:
            failures[name] = error

    def report_of(name: str) -> Progress | None:
        return progress if name == "finra" else None  # one line of progress, because it only ever grows

    async with anyio.create_task_group() as tasks:
        for name, source in sources.items():
            if not isinstance(source, ShortVolumeError):
                tasks.start_soon(ask, name, source)
    if not parts:
        raise failures["finra"]
    if len({series.invented for series in parts.values()}) > 1:
        raise UpstreamFault(
            "Some of these sources are a sandbox and others a market: their figures cannot be added.",
            "Set SHORTVOL_SANDBOX=1 for all of them, or point the address of the one at the market.",
        )
    parts = {name: parts[name] for name in sources if name in parts}  # not in the order in which they came
    by_date = {name: {day.date: day for day in series.days} for name, series in parts.items()}
    dates = sorted({day for days in by_date.values() for day in days}, reverse=True)[: question.limit]
    finra, futu, longbridge = (by_date.get(name, {}) for name in ("finra", "futu", "longbridge"))
    alone = "futu" not in parts
    days = [venue_day(day, finra.get(day), futu.get(day), longbridge.get(day), without_futu=alone) for day in dates]
    return VenueSeries(question, days, parts, failures)
