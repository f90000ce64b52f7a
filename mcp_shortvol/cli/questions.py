"""The options of `query` → the tool that answers, and its arguments: a person can ask whatever an assistant can."""

import argparse
from typing import Any

from mcp_shortvol.automatic import candidates
from mcp_shortvol.domain.errors import InvalidRequest
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.settings import Settings, SourceName

__all__ = ["question_of"]


def question_of(options: argparse.Namespace, settings: Settings) -> tuple[str, dict[str, Any]]:
    """The tool's name and its arguments; raises InvalidRequest where the options do not fit each other."""
    if options.rank:
        return "rank_short_selling", _ranking(options)
    if options.screen:
        return "screen_short_volume", _screen(options)
    if not options.symbols:
        raise InvalidRequest(
            "No symbol was given.", "Name one, such as 700.HK, or use --rank HK, --rank US or --screen."
        )
    if options.venues:
        return "get_short_volume_by_venue", _venues(options)
    if options.interest:
        return "get_short_interest", _interest(options)
    if options.source == "sfc":
        raise InvalidRequest("The SFC publishes weekly short positions, and no daily volume.", "Add --interest.")
    dates = {"count": options.count, "start_date": options.start, "end_date": options.end}
    if len(options.symbols) > 1:
        _refuse(options, "Several symbols are compared", "interval", "full")
        compared = {"symbols": options.symbols, "order_by": options.order_by, "source": options.source, **dates}
        return "compare_short_volume", _given(compared)
    _refuse(options, "One symbol has one order, by date", "order_by")
    arguments = {
        "symbol": options.symbols[0],
        "interval": options.interval,
        "response_format": "full" if options.full or options.csv or options.html else None,
        **dates,
    }
    if options.source == "longbridge" or (
        options.source == "auto" and _auto(options.symbols[0], settings) == "longbridge"
    ):
        return "get_short_trades", _given(arguments)
    return "get_daily_short_volume", _given({**arguments, "source": options.source})


def _auto(symbol: str, settings: Settings) -> SourceName:
    """The source that is preferred for a symbol; what is no symbol is any tool's error."""
    try:
        market = Symbol.parse(symbol).market
    except InvalidRequest:
        market = Market.US
    return candidates(settings, market, "volume")[0]


def _venues(options: argparse.Namespace) -> dict[str, Any]:
    if len(options.symbols) > 1:
        raise InvalidRequest("--venues takes one symbol.", "Ask for each by itself.")
    _refuse(options, "The venues have their own table", "interval", "order_by", "full", "html", "plot")
    _refuse_source(options, "It puts FINRA and whoever is set up together")
    return _given(
        {"symbol": options.symbols[0], "count": options.count, "start_date": options.start, "end_date": options.end}
    )


def _screen(options: argparse.Namespace) -> dict[str, Any]:
    if options.symbols:
        raise InvalidRequest("--screen takes no symbol.", "Leave the symbol out, or leave out --screen.")
    _refuse(options, "A screen is of one day, which --end names", "start", "interval", "full", "html", "plot")
    _refuse_source(options, "The whole market comes from FINRA")
    return _given({"date": options.end, "count": options.count, "order_by": options.order_by})


def _ranking(options: argparse.Namespace) -> dict[str, Any]:
    if options.symbols:
        raise InvalidRequest("--rank takes no symbol.", "Leave the symbol out, or leave out --rank.")
    _refuse(options, "A ranking is of the newest day", "start", "end", "interval", "full", "html", "plot")
    return _given({"market": options.rank, "count": options.count, "order_by": options.order_by})


def _interest(options: argparse.Namespace) -> dict[str, Any]:
    if len(options.symbols) > 1:
        raise InvalidRequest("--interest takes one symbol.", "Ask for each by itself.")
    _refuse(options, "Reports of short interest have their own dates", "start", "interval", "order_by")
    full = options.full or options.csv
    return _given(
        {
            "symbol": options.symbols[0],
            "count": options.count,
            "end_date": options.end,
            "source": options.source,
            "response_format": "full" if full else None,
        }
    )


def _refuse(options: argparse.Namespace, why: str, *names: str) -> None:
    """Raise InvalidRequest for the first of these options that is set: none is ignored in silence."""
    for name in names:
        if getattr(options, name):
            raise InvalidRequest(f"{why}: --{name.replace('_', '-')} does not fit.", "Leave that option out.")


def _refuse_source(options: argparse.Namespace, why: str) -> None:
    if options.source != "auto":
        raise InvalidRequest(f"{why}: --source does not fit.", "Leave that option out.")


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}
