"""Answers to draw: by the tools over the sandbox, and altered where the sandbox has no such thing."""

from copy import deepcopy
from functools import cache
from typing import Any

from anyio.from_thread import start_blocking_portal
from mcp_types import CallToolResult

from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror="document.title=1"> <!-- \u2028 \u202e'

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "days_5": ("get_short_trades", {"symbol": "700.HK", "count": 5}),
    "days_20": ("get_short_trades", {"symbol": "700.HK", "count": 20}),
    "days_250": ("get_daily_short_volume", {"symbol": "TSLA.US", "count": 250}),
    "one_day": ("get_short_trades", {"symbol": "700.HK", "count": 1}),
    "weeks": ("get_short_trades", {"symbol": "700.HK", "count": 120, "interval": "week"}),
    "months": ("get_short_trades", {"symbol": "AAPL.US", "count": 250, "interval": "month"}),
    "no_rows": ("get_short_trades", {"symbol": "700.HK", "count": 60, "response_format": "summary"}),
    "compared": ("compare_short_volume", {"symbols": ["TSLA.US", "AAPL.US", "GME.US", "700.HK", "9988.HK"]}),
    "no_prices": ("get_daily_short_volume", {"symbol": "AAPL.US", "count": 60, "source": "finra"}),
    "interest": ("get_short_interest", {"symbol": "GME.US", "count": 24}),
}


@cache
def _answers() -> dict[str, dict[str, Any]]:
    async def ask() -> dict[str, dict[str, Any]]:
        settings = load_settings(SHORTVOL_SANDBOX="1", SHORTVOL_SANDBOX_AS_OF="2026-06-12", SHORTVOL_STORE="off")
        server = build_server(settings)
        assert server.settings.lifespan is not None
        found = {}
        async with server.settings.lifespan(server):
            for name, (tool, arguments) in CALLS.items():
                result = await server.call_tool(tool, arguments)
                assert isinstance(result, CallToolResult)
                assert result.structured_content is not None
                found[name] = result.structured_content
        return found

    with start_blocking_portal() as portal:  # a thread of its own: the browser's driver has an event loop in this one
        return portal.call(ask)


def answer(name: str) -> dict[str, Any]:
    """An answer by its name; a copy, to be altered at will."""
    if name in CALLS:
        return deepcopy(_answers()[name])
    found = deepcopy(_answers()["days_20"])
    match name:
        case "no_day":
            found |= {"rows": [], "returned": 0, "first_date": None, "last_date": None, "statistics": None}
        case "nulls":
            found["rows"] = [
                [row[0], *[None] * (len(row) - 1)] if i % 3 else row for i, row in enumerate(found["rows"])
            ]
        case "missing_day":
            del found["rows"][7]
        case "hostile":
            found |= dict.fromkeys(("symbol", "source", "summary", "ratio_basis"), HOSTILE)
            found["notes"] = [HOSTILE] * 3
            found["rows"] = [[HOSTILE] * len(row) for row in found["rows"][:3]]
            found["short_position"] = {"date": HOSTILE, "shares": 5, "pct": 1, "pct_basis": HOSTILE, "days_to_cover": 2}
        case _:
            raise AssertionError(name)
    return found


NAMES = [*CALLS, "no_day", "nulls", "missing_day", "hostile"]
