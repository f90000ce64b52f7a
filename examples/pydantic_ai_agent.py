"""Pydantic AI: an agent with the server's tools. The model is a function; name a real one in its place."""

import asyncio

from fastmcp.client.transports import StdioTransport
from pydantic_ai import Agent
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from scripted_model import TOOL
from server import ARGUMENTS, COMMAND, ENVIRONMENT, QUESTION


def scripted(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    results = [part for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
    if not results:
        return ModelResponse(parts=[ToolCallPart(TOOL, ARGUMENTS)])
    content = results[0].content
    assert isinstance(content, dict)  # Pydantic AI passes on the structured answer
    return ModelResponse(parts=[TextPart(content["summary"])])


async def main() -> None:
    toolset = MCPToolset(StdioTransport(COMMAND, [], env=ENVIRONMENT), init_timeout=60)
    agent = Agent(FunctionModel(scripted), toolsets=[toolset])
    async with agent:
        result = await agent.run(QUESTION)
    print(result.output)


asyncio.run(main())
