"""OpenAI Agents SDK: an agent with the server's tools. The model is scripted; leave `model` out for a real one."""

import asyncio
import json
from typing import Any

from agents import Agent, ModelResponse, Runner, Usage, set_tracing_disabled
from agents.mcp import MCPServerStdio
from agents.models.interface import Model
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText
from scripted_model import TOOL, first_paragraphs
from server import ARGUMENTS, COMMAND, ENVIRONMENT, QUESTION


class Scripted(Model):
    """Calls the tool, then says what it answered."""

    async def get_response(self, system_instructions: Any, input: Any, *args: Any, **more: Any) -> ModelResponse:
        results = [item for item in input if isinstance(item, dict) and item.get("type") == "function_call_output"]
        output: Any
        if results:
            answer = results[0]["output"]
            text = answer if isinstance(answer, str) else answer[0]["text"]
            if text.startswith("{"):  # some versions pass a content block as JSON
                text = json.loads(text)["text"]
            said = ResponseOutputText(text=first_paragraphs(text), type="output_text", annotations=[], logprobs=[])
            output = ResponseOutputMessage(
                id="message_1", content=[said], role="assistant", status="completed", type="message"
            )
        else:
            output = ResponseFunctionToolCall(
                arguments=json.dumps(ARGUMENTS), call_id="call_1", name=TOOL, type="function_call"
            )
        return ModelResponse(output=[output], usage=Usage(), response_id=None)

    def stream_response(self, *args: Any, **more: Any) -> Any:
        raise NotImplementedError


async def main() -> None:
    set_tracing_disabled(True)
    async with MCPServerStdio(
        params={"command": COMMAND, "env": ENVIRONMENT}, client_session_timeout_seconds=60
    ) as server:
        agent = Agent(name="Analyst", model=Scripted(), mcp_servers=[server])
        result = await Runner.run(agent, QUESTION)
    print(result.final_output)


asyncio.run(main())
