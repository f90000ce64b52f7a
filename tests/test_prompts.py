"""Every Markdown prompt is served, and every argument it declares is used."""

import re
from pathlib import Path

import pytest
from mcp import Client
from mcp_types import PromptReference

from mcp_shortvol.prompts import PromptFile, prompt_files
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

FILES = [PromptFile.read(path) for path in prompt_files()]


def test_the_folder_at_the_top_is_what_is_read() -> None:
    top = Path(__file__).parent.parent / "prompts"
    assert [file.name for file in FILES] == sorted(path.stem for path in top.glob("*.md"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_text_uses_exactly_the_arguments_declared(file: PromptFile) -> None:
    assert set(re.findall(r"{([a-z_]+)}", file.text)) == {argument.name for argument in file.arguments}


@pytest.mark.anyio
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
async def test_a_prompt_is_served_and_filled_in(file: PromptFile) -> None:
    required = {argument.name: f"<{argument.name}>" for argument in file.arguments if argument.default is None}
    async with Client(build_server(load_settings()), raise_exceptions=True) as client:
        served = {prompt.name: prompt for prompt in (await client.list_prompts()).prompts}
        assert served[file.name].title == file.title
        assert [argument.name for argument in served[file.name].arguments or []] == [
            argument.name for argument in file.arguments
        ]
        text = (await client.get_prompt(file.name, required)).messages[0].content.text
    for argument in file.arguments:
        assert f"{{{argument.name}}}" not in text
        assert (argument.default or f"<{argument.name}>") in text


@pytest.mark.anyio
async def test_arguments_are_completed_from_what_has_been_typed() -> None:
    async with Client(build_server(load_settings()), raise_exceptions=True) as client:
        ref = PromptReference(name="short_selling_brief")
        symbols = await client.complete(ref, {"name": "symbol", "value": "ts"})
        days = await client.complete(ref, {"name": "days", "value": ""})
        unknown = await client.complete(ref, {"name": "date", "value": "2"})
    assert symbols.completion.values == ["TSLA.US"]
    assert days.completion.values[0] == "20"
    assert unknown.completion.values == []


def test_a_header_with_an_unknown_line_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd.md").write_text("---\ntitle: T\ndescription: D\nargumnet symbol: S\n---\nText\n")
    with pytest.raises(ValueError, match="needs a title"):
        PromptFile.read(tmp_path / "odd.md")
