"""What answers cost an assistant: bytes of compact JSON and of text, beside the budgets that the tests assert."""

import json
from collections.abc import Iterator

import anyio
from mcp_types import CallToolResult, TextContent

from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

__all__ = ["sizes"]

_TEN = ["700.HK", "9988.HK", "3690.HK", "2800.HK", "823.HK", "TSLA.US", "AAPL.US", "NVDA.US", "BRK.B.US", "GME.US"]
_CALLS = [
    ("20 days", "get_short_trades", {"symbol": "700.HK"}, 2048, 3584),
    ("30 days", "get_daily_short_volume", {"symbol": "700.HK"}, 2048, 4096),
    ("1000 days, concise", "get_short_trades", {"symbol": "700.HK", "count": 1000}, 2048, 17 * 1024),
    ("a year of months", "get_short_trades", {"symbol": "700.HK", "count": 250, "interval": "month"}, 2048, 3584),
    (
        "500 days, full",
        "get_daily_short_volume",
        {"symbol": "700.HK", "count": 500, "response_format": "full"},
        50 * 1024,
        50 * 1024,
    ),
    ("10 stocks compared", "compare_short_volume", {"symbols": _TEN}, 2048, 4096),
    ("6 reports of short interest", "get_short_interest", {"symbol": "TSLA"}, 2048, None),
    ("a ranking of 10", "rank_short_selling", {"market": "HK"}, 2048, None),
]


def sizes() -> Iterator[str]:
    """One line an answer, and one for the tool definitions; figures of the sandbox, as long as a market's."""
    return iter(anyio.run(_measured))


async def _measured() -> list[str]:
    server = build_server(load_settings(SHORTVOL_SANDBOX="1"))
    tools = await server.list_tools()
    definitions = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
    seen = [{key: tool[key] for key in ("name", "description", "inputSchema")} for tool in definitions]
    lines = [
        f"bytes of the tools: {_size(seen)} seen by a model, {_size({'tools': definitions})} of tools/list",
    ]
    assert server.settings.lifespan is not None
    async with server.settings.lifespan(server):
        for title, tool, arguments, text_budget, json_budget in _CALLS:
            result = await server.call_tool(tool, arguments)
            assert isinstance(result, CallToolResult)
            (block,) = result.content
            assert isinstance(block, TextContent)
            text, structured = len(block.text.encode()), _size(result.structured_content)
            budgets = [f" (budget {budget})" if budget else "" for budget in (text_budget, json_budget)]
            lines.append(
                f"bytes of {title}: text {text}{budgets[0]}, JSON {structured}{budgets[1]}, "
                f"about {text // 3} and {structured // 3} tokens at 3 bytes each"
            )
    return lines


def _size(value: object) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())
