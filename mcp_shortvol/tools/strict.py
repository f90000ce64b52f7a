"""A tool that takes no argument it does not know, and words every failure itself.

The SDK drops unknown arguments silently, so a misspelt filter would return wrong days; it gives the model raw
validation text with URLs in it; and it puts its own prefix before every error. None of that happens here.
"""

from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mcp_shortvol import telemetry
from mcp_shortvol.domain.errors import ShortVolumeError
from mcp_shortvol.domain.wording import plain
from mcp_shortvol.view import VIEW_URI

__all__ = ["StrictTool"]

_READ_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)


class StrictTool(Tool):
    """A read-only tool with strict arguments, lean schemas and errors in our words."""

    @classmethod
    def of(
        cls, function: Callable[..., Any], *, name: str, title: str, description: str, drawn: bool = True
    ) -> "StrictTool":
        """The tool that `function` is; its parameters are the arguments, its return annotation the output schema.

        Hosts of MCP Apps show the view of an answer that can be `drawn`.
        """
        tool = cls.from_function(
            function,
            name=name,
            title=title,
            description=description,
            annotations=_READ_ONLY,
            meta={"ui": {"resourceUri": VIEW_URI}} if drawn else None,
        )
        metadata = tool.fn_metadata
        metadata.arg_model.model_config["extra"] = "forbid"
        metadata.arg_model.model_rebuild(force=True)
        # Run-time strictness only: google-genai's bridge fails on an advertised additionalProperties.
        tool.parameters = _lean(tool.parameters)
        if metadata.output_schema is not None:
            metadata.output_schema = _lean(metadata.output_schema)
        assert isinstance(tool, StrictTool)
        return tool

    async def run(self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool = False) -> Any:
        """Run the tool; every ToolError raised carries text for the model and nothing else."""
        with telemetry.operation(self.name) as operation:
            result = await self._run_in_our_words(arguments, context, convert_result)
            if isinstance(result, CallToolResult):
                text = "".join(block.text for block in result.content if isinstance(block, TextContent))
                operation.answered(text, result.structured_content)
        return result

    async def _run_in_our_words(
        self, arguments: dict[str, Any], context: Context[Any, Any], convert_result: bool
    ) -> Any:
        try:
            return await super().run(arguments, context, convert_result=convert_result)
        except UnexpectedToolError as error:
            if isinstance(error.__cause__, ShortVolumeError):
                raise ToolError(str(error.__cause__)) from error.__cause__
            raise
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(self._wrong_arguments(error.__cause__)) from error.__cause__
            raise

    def _wrong_arguments(self, error: ValidationError) -> str:
        """One line for each argument that is wrong: a union gives an error an arm, which is the same argument."""
        lines: dict[str, str] = {}
        for details in error.errors(include_url=False, include_context=False, include_input=False):
            name = str(details["loc"][0]) if details["loc"] else ""
            lines.setdefault(name, self._wrong_argument(name, details))
        return "\n".join(lines.values())

    def _wrong_argument(self, name: str, details: ErrorDetails) -> str:
        known: dict[str, dict[str, Any]] = self.parameters["properties"]
        if name not in known:
            return f'There is no argument "{plain(name)}". The arguments of {self.name} are {", ".join(known)}.'
        if details["type"] == "missing":
            return f"{name} is missing. {_allowed(known[name])}"
        said = details["msg"].removeprefix("Value error, ") if details["type"] == "value_error" else "cannot be used"
        return f"{name} {said}. {_allowed(known[name])}"


def _allowed(schema: dict[str, Any]) -> str:
    """What an argument may be, from the schema that the model has seen."""
    match schema:
        case {"enum": values}:
            kinds = " or ".join(f'"{value}"' for value in values)
        case {"type": "integer", "minimum": least, "maximum": most}:
            kinds = f"a whole number from {least} to {most}"
        case {"type": "number", "minimum": least, "maximum": most}:
            kinds = f"a number from {least:g} to {most:g}"
        case {"format": "date"}:
            kinds = "a date as YYYY-MM-DD"
        case {"type": "array", "minItems": least, "maxItems": most}:
            kinds = f"a list of {least} to {most} strings"
        case {"type": "boolean"}:
            kinds = "true or false"
        case _:
            kinds = "a string"
    examples = schema.get("examples")
    return f"It must be {kinds}" + (f", for example {examples[0]!r}." if examples else ".")


def _lean(schema: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema without the titles pydantic derives from names: tokens that say nothing.

    A property may itself be called "title"; only the keyword, whose value is a string, is dropped.
    """
    lean: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str):
            continue
        if isinstance(value, dict):
            lean[key] = _lean(value)
        elif isinstance(value, list):
            lean[key] = [_lean(item) if isinstance(item, dict) else item for item in value]
        else:
            lean[key] = value
    return lean
