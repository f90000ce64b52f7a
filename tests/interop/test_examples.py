"""Each example runs in an environment of its own, with the framework it is for."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.conftest import COMMAND

EXAMPLES = Path(__file__).parents[2] / "examples"
PACKAGES = {
    "plain_client": ["mcp>=2.3,<3"],
    "openai_agents": ["openai-agents>=0.24"],
    "pydantic_ai_agent": ["pydantic-ai-slim[mcp]>=2.66"],
    # These two speak MCP by the SDK's first generation; the server is another process and does not mind.
    "langchain_tools": ["langchain-mcp-adapters>=0.3", "langchain-core", "mcp<2"],
    "google_genai_tools": ["google-genai>=3.6", "mcp<2"],
    "anthropic_tools": ["anthropic[mcp]>=2.14"],
}


def test_each_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*PACKAGES, "server", "scripted_model"}


@pytest.mark.parametrize("example", PACKAGES)
def test_an_example_asks_and_prints_what_a_person_wants(example: str, environment_of: Callable[..., Path]) -> None:
    python = environment_of(*PACKAGES[example]) / "python"
    done = subprocess.run(
        [str(python), str(EXAMPLES / f"{example}.py")],
        env=os.environ | {"MCP_SHORTVOL": COMMAND},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "700.HK on " in done.stdout
    assert "% sold short" in done.stdout
