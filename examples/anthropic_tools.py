"""Anthropic SDK: the server's tools by its MCP helpers, in its tool runner. The model is scripted."""

import asyncio

from anthropic import AsyncAnthropic
from anthropic.lib.tools.mcp import async_mcp_tool
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from scripted_model import scripted_model
from server import COMMAND, ENVIRONMENT, QUESTION


async def main() -> None:
    parameters = StdioServerParameters(command=COMMAND, env=ENVIRONMENT)
    with scripted_model() as url:
        client = AsyncAnthropic(api_key="none", base_url=url)
        async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            listed = await session.list_tools()
            runner = client.beta.messages.tool_runner(
                model="scripted",
                max_tokens=1024,
                tools=[async_mcp_tool(tool, session) for tool in listed.tools],
                messages=[{"role": "user", "content": QUESTION}],
            )
            answer = await runner.until_done()
    print(answer.content[0].text)


asyncio.run(main())
