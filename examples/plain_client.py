"""The `mcp` client by itself: one call, the text for a person and the figures for a program."""

import anyio
from mcp import Client, StdioServerParameters, stdio_client
from mcp_types import TextContent
from server import ARGUMENTS, COMMAND, ENVIRONMENT


async def main() -> None:
    server = StdioServerParameters(command=COMMAND, env=ENVIRONMENT)
    async with Client(stdio_client(server)) as client:
        result = await client.call_tool("get_short_trades", ARGUMENTS)
    (block,) = result.content
    assert isinstance(block, TextContent)
    print(block.text)
    statistics = (result.structured_content or {})["statistics"]
    print(f"\nz-score {statistics['z_score']}, percentile {statistics['percentile']}")


anyio.run(main)
