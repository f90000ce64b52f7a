"""A scripted model behind the HTTP interfaces of Anthropic and Gemini: it calls a tool, then says what came back."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from server import ARGUMENTS

TOOL = "get_short_trades"


@contextmanager
def scripted_model() -> Iterator[str]:
    """The base URL of a model that answers as long as the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def first_paragraphs(text: str) -> str:
    """Heading and summary of a tool's text."""
    return "\n\n".join(text.split("\n\n")[:2])


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = _anthropic(question) if self.path.startswith("/v1/messages") else _gemini(question)
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def _anthropic(question: dict[str, Any]) -> dict[str, Any]:
    last = question["messages"][-1]["content"]
    results = [block for block in last if isinstance(block, dict) and block["type"] == "tool_result"]
    if results:
        content = results[0]["content"]
        text = content if isinstance(content, str) else content[0]["text"]
        blocks, reason = [{"type": "text", "text": first_paragraphs(text)}], "end_turn"
    else:
        assert TOOL in {tool["name"] for tool in question["tools"]}
        blocks, reason = [{"type": "tool_use", "id": "call_1", "name": TOOL, "input": ARGUMENTS}], "tool_use"
    usage = {"input_tokens": 1, "output_tokens": 1}
    return {
        "id": "message_1",
        "type": "message",
        "role": "assistant",
        "model": question["model"],
        "content": blocks,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
    }


def _gemini(question: dict[str, Any]) -> dict[str, Any]:
    parts = question["contents"][-1]["parts"]
    results = [part["functionResponse"] for part in parts if "functionResponse" in part]
    if results:
        part: dict[str, Any] = {"text": first_paragraphs(_text_in(results[0]["response"]))}
    else:
        part = {"functionCall": {"name": TOOL, "args": ARGUMENTS}}
    return {"candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}]}


def _text_in(response: dict[str, Any]) -> str:
    """The text of a tool's result, wherever the bridge put it."""
    content = response.get("content") or response.get("result", {}).get("content", [])
    return next((block["text"] for block in content if block.get("text")), json.dumps(response))
