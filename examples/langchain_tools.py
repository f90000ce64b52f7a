"""LangChain: the server's tools by langchain-mcp-adapters, and a chat model that calls one. The model is scripted."""

import asyncio

from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolCall
from langchain_mcp_adapters.client import MultiServerMCPClient
from scripted_model import TOOL, first_paragraphs
from server import ARGUMENTS, COMMAND, ENVIRONMENT, QUESTION


async def main() -> None:
    client = MultiServerMCPClient(
        {"shortvol": {"transport": "stdio", "command": COMMAND, "args": [], "env": ENVIRONMENT}}
    )
    tools = {tool.name: tool for tool in await client.get_tools()}
    call = ToolCall(name=TOOL, args=ARGUMENTS, id="call_1", type="tool_call")
    model = FakeMessagesListChatModel(responses=[AIMessage("", tool_calls=[call])])
    asked = await model.ainvoke([HumanMessage(QUESTION)])
    assert isinstance(asked, AIMessage)
    for call in asked.tool_calls:
        message = await tools[call["name"]].ainvoke(call)
        text = message.content if isinstance(message.content, str) else message.content[0]["text"]
        print(first_paragraphs(text))


asyncio.run(main())
