"""A client of the SDK's first generation, mcp 1.30: it lists the tools and asks one question."""

import asyncio
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main() -> None:
    server = StdioServerParameters(command=sys.argv[1], env={"PATH": os.environ["PATH"], "SHORTVOL_SANDBOX": "1"})
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        tools = (await session.list_tools()).tools
        result = await session.call_tool("get_short_trades", {"symbol": "700.HK", "count": 3})
        assert result.structuredContent is not None
        print(len(tools), "tools;", result.content[0].text.partition("\n")[0])


asyncio.run(main())
