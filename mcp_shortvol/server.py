"""The MCP server: registers what the rooms offer, and nothing else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp.server import MCPServer
from mcp.server.apps import APP_MIME_TYPE, Apps
from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.caching import CacheHint
from mcp.server.mcpserver.resources import FunctionResource, TextResource
from mcp_types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from mcp_shortvol import __version__
from mcp_shortvol.answers.glossary import glossary_text
from mcp_shortvol.prompts import load_prompts, suggestions
from mcp_shortvol.settings import Settings
from mcp_shortvol.tools.compare_short_volume import compare_short_volume_tool
from mcp_shortvol.tools.get_daily_short_volume import get_daily_short_volume_tool
from mcp_shortvol.tools.get_short_interest import get_short_interest_tool
from mcp_shortvol.tools.get_short_trades import get_short_trades_tool
from mcp_shortvol.tools.get_short_volume_by_venue import get_short_volume_by_venue_tool
from mcp_shortvol.tools.rank_short_selling import rank_short_selling_tool
from mcp_shortvol.tools.screen_short_volume import screen_short_volume_tool
from mcp_shortvol.upstreams import Upstreams
from mcp_shortvol.view import VIEW_URI

__all__ = ["build_server"]

_INSTRUCTIONS = (
    "Daily short volume of US and Hong Kong stocks. Short volume is a flow, the shares sold short in a day; it is not "
    "short interest, the positions still open. Say what a ratio is a share of (ratio_basis), and pass on the notes.\n"
    "For a US stock Futu measures against the volume of all venues, Longbridge against the Nasdaq exchange's, FINRA "
    "against off-exchange volume: about 14, 36 and 50 %, and each is right; get_short_volume_by_venue puts them "
    "together. Statistics cover "
    "every day asked for, also where rows are left out; response_format=summary gives them without rows. "
    "shortvol://glossary says what each field is.\n"
    "No tool here has market totals, intraday figures, borrow fees, holders, fails to deliver or alerts."
)
_HOUR = 3_600_000


def _view() -> Apps:
    """The chart that hosts of MCP Apps show beside an answer; its document is read when it is asked for."""

    def document() -> str:
        from mcp_shortvol.view.document import view_html

        return view_html()

    apps = Apps()
    apps.add_resource(
        FunctionResource(
            uri=VIEW_URI,
            name="view",
            title="Chart of an answer",
            description="The answer of a tool as a picture, for hosts that render MCP Apps.",
            mime_type=APP_MIME_TYPE,
            fn=document,
        )
    )
    return apps


def _set_up(settings: Settings) -> str:
    """Which sources answer on this machine, as far as the settings tell."""
    if settings.sandbox:
        return "The sandbox answers for every source: all figures are invented."
    named = {
        "Longbridge": settings.longbridge_set_up,
        "Futu OpenD": settings.opend_set_up and settings.futu_source != "futu_cloud",
        "Futu cloud": settings.cloud_set_up and settings.futu_source != "futu_opend",
    }
    names = [name for name, is_set_up in named.items() if is_set_up]
    finra = " FINRA answers for US stocks without an account." if settings.finra else ""
    return f"Set up here: {', '.join(names) or 'nothing; an OpenD on this machine is used where one answers'}.{finra}"


def build_server(
    settings: Settings,
    upstreams: Upstreams | None = None,
    *,
    auth: AuthSettings | None = None,
    token_verifier: TokenVerifier | None = None,
) -> MCPServer[None]:
    """The server over the vendors that `settings` name; they are opened on first use and closed with the server.

    `upstreams` are those of the settings, where somebody else looks at them too. `auth` and `token_verifier` are the
    sign-in of a server over HTTP.
    """
    upstreams = upstreams or Upstreams(settings)

    @asynccontextmanager
    async def lifespan(_: MCPServer[None]) -> AsyncIterator[None]:
        async with upstreams:
            yield

    server = MCPServer(
        "mcp-shortvol",
        title="Short volume, US and Hong Kong",
        version=__version__,
        instructions=f"{_INSTRUCTIONS}\n{_set_up(settings)}",
        tools=[
            get_short_trades_tool(upstreams),
            get_daily_short_volume_tool(upstreams),
            compare_short_volume_tool(upstreams),
            get_short_interest_tool(upstreams),
            get_short_volume_by_venue_tool(upstreams),
            rank_short_selling_tool(upstreams),
            screen_short_volume_tool(upstreams),
        ],
        log_level=settings.log_level,
        lifespan=lifespan,
        extensions=[_view()],
        subscriptions=False,
        auth=auth,
        token_verifier=token_verifier,
        cache_hints={"tools/list": CacheHint(ttl_ms=_HOUR, scope="public")},
    )
    for prompt in load_prompts():
        server.add_prompt(prompt)
    server.add_resource(
        TextResource(
            uri="shortvol://glossary",
            name="glossary",
            title="Fields of the answers",
            description="What each field of the answers is, with its unit.",
            mime_type="text/markdown",
            text=glossary_text(),
        )
    )

    @server.resource(
        "shortvol://status",
        name="status",
        title="How things stand",
        description="What is set up, what is kept, and which source answers, with the next step for what does not.",
        mime_type="text/plain",
    )
    async def status() -> str:
        from mcp_shortvol.examination import examine, lines

        found, _ = await examine(settings, upstreams)
        return lines(found)

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # the SDK leaves it without types
    async def complete(
        _ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        _context: CompletionContext | None,
    ) -> Completion:
        kept = await upstreams.store.symbols() if argument.name == "symbol" else ()
        return Completion(values=suggestions(argument.name, argument.value, kept))

    return server
