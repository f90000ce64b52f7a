"""The MCP server: registers what the rooms offer, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp.server import MCPServer
from mcp.server.caching import CacheHint
from mcp_types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from mcp_shortvol import __version__
from mcp_shortvol.prompts import load_prompts, suggestions
from mcp_shortvol.settings import Settings
from mcp_shortvol.tools.compare_short_volume import compare_short_volume_tool
from mcp_shortvol.tools.get_daily_short_volume import get_daily_short_volume_tool
from mcp_shortvol.tools.get_short_interest import get_short_interest_tool
from mcp_shortvol.tools.get_short_trades import get_short_trades_tool
from mcp_shortvol.tools.rank_short_selling import rank_short_selling_tool
from mcp_shortvol.upstreams import Upstreams

__all__ = ["build_server"]

_INSTRUCTIONS = (
    "Daily short volume of US and Hong Kong stocks. Short volume is a flow, the shares sold short in a day; it is not "
    "short interest, the positions still open. Say what a ratio is a share of (ratio_basis), and pass on the notes."
)
_HOUR = 3_600_000


def build_server(settings: Settings) -> MCPServer[None]:
    """The server over the vendors that `settings` name; they are opened on first use and closed with the server."""
    upstreams = Upstreams(settings)

    @asynccontextmanager
    async def lifespan(_: MCPServer[None]) -> AsyncIterator[None]:
        async with upstreams:
            yield

    server = MCPServer(
        "mcp-shortvol",
        title="Short volume, US and Hong Kong",
        version=__version__,
        instructions=_INSTRUCTIONS,
        tools=[
            get_short_trades_tool(upstreams),
            get_daily_short_volume_tool(upstreams),
            compare_short_volume_tool(upstreams),
            get_short_interest_tool(upstreams),
            rank_short_selling_tool(upstreams),
        ],
        log_level=settings.log_level,
        lifespan=lifespan,
        subscriptions=False,
        cache_hints={"tools/list": CacheHint(ttl_ms=_HOUR, scope="public")},
    )
    for prompt in load_prompts():
        server.add_prompt(prompt)

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK leaves it without types
    async def complete(
        _ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        _context: CompletionContext | None,
    ) -> Completion:
        return Completion(values=suggestions(argument.name, argument.value))

    return server
