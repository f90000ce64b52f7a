"""The Markdown prompts → MCP prompts: one file each, with its title, description and arguments in a header.

---
title: …
description: …
argument symbol: what it is                  (required)
argument days = 30: what it is               (optional, with what stands in for it)
---
The text, in which {symbol} and {days} stand for the arguments.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.prompts.base import PromptArgument

__all__ = ["PromptFile", "load_prompts", "prompt_files", "suggestions"]

_ARGUMENT = re.compile(r"argument (?P<name>[a-z_]+)(?: = (?P<default>[^:]+))?: (?P<description>.+)")
_LONGEST_VALUE = 200
_MOST_SUGGESTIONS = 100  # as the protocol allows
# What a client may offer while somebody fills in an argument of this name.
_SUGGESTIONS = {
    "symbol": (
        "700.HK",
        "9988.HK",
        "3690.HK",
        "1211.HK",
        "2800.HK",
        "AAPL.US",
        "TSLA.US",
        "NVDA.US",
        "GME.US",
        "SPY.US",
    ),
    "days": ("20", "30", "60", "120", "250"),
    "threshold": ("1.5", "2", "3"),
}


@dataclass(frozen=True, slots=True)
class Argument:
    """A blank in a prompt's text; `default` is None where it must be filled in."""

    name: str
    description: str
    default: str | None


@dataclass(frozen=True, slots=True)
class PromptFile:
    """A prompt as its file writes it."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    text: str

    @classmethod
    def read(cls, path: Path) -> "PromptFile":
        """The prompt in a file; raises ValueError where its header is not as above."""
        _, header, text = path.read_text(encoding="utf-8").split("---\n", 2)
        fields: dict[str, str] = {}
        arguments = []
        for line in header.splitlines():
            if match := _ARGUMENT.fullmatch(line):
                arguments.append(Argument(match["name"], match["description"], match["default"]))
            else:
                key, _, value = line.partition(": ")
                fields[key] = value
        if fields.keys() != {"title", "description"}:
            raise ValueError(f"{path.name}: the header needs a title, a description and arguments, nothing else")
        return cls(path.stem, fields["title"], fields["description"], tuple(arguments), text.strip())

    def fill_in(self, **values: str) -> str:
        """The text with its blanks filled in; values are cut to a sensible length and to one line."""
        text = self.text
        for argument in self.arguments:
            value = " ".join(values.get(argument.name, "").split())[:_LONGEST_VALUE]
            text = text.replace(f"{{{argument.name}}}", value or argument.default or "")
        return text


def prompt_files() -> Iterator[Path]:
    """The files: in the package where it is installed, in the folder beside it where it runs from its source."""
    package = Path(__file__).parent
    installed = package / "prompt_files"
    folder = installed if installed.is_dir() else package.parent / "prompts"
    yield from sorted(folder.glob("*.md"))


def load_prompts() -> list[Prompt]:
    """Every prompt, ready to be registered."""
    return [_prompt(PromptFile.read(path)) for path in prompt_files()]


def suggestions(argument: str, typed: str, kept: Sequence[str] = ()) -> list[str]:
    """Values to offer for an argument of which so much has been typed; `kept` symbols come before the usual ones."""
    values = dict.fromkeys((*(kept if argument == "symbol" else ()), *_SUGGESTIONS.get(argument, ())))
    return [value for value in values if value.lower().startswith(typed.strip().lower())][:_MOST_SUGGESTIONS]


def _prompt(file: PromptFile) -> Prompt:
    arguments = [
        PromptArgument(name=argument.name, description=argument.description, required=argument.default is None)
        for argument in file.arguments
    ]
    return Prompt(name=file.name, title=file.title, description=file.description, arguments=arguments, fn=file.fill_in)
