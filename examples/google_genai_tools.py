"""Google Gen AI SDK: a session of the server as a tool, which the SDK calls by itself. The model is scripted."""

import asyncio
import warnings

from google import genai
from google.genai import types
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from scripted_model import scripted_model
from server import COMMAND, ENVIRONMENT, QUESTION

warnings.simplefilter("ignore")  # the SDK's MCP support calls itself experimental


async def main() -> None:
    parameters = StdioServerParameters(command=COMMAND, env=ENVIRONMENT)
    with scripted_model() as url:
        client = genai.Client(api_key="none", http_options=types.HttpOptions(base_url=url))
        async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            # As a dict: the SDK copies a GenerateContentConfig deeply, which a session does not survive.
            answer = await client.aio.models.generate_content(
                model="scripted", contents=QUESTION, config={"tools": [session]}
            )
    print(answer.text)


asyncio.run(main())
