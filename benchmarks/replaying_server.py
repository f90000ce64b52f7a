"""The yardstick for kept days: a server whose one tool returns a result that is there already, byte for byte ours.

`python replaying_server.py FILE [PORT]`, where FILE holds a tool's result as JSON; over HTTP where a port is given.
"""

import json
import sys
from pathlib import Path

from mcp.server import MCPServer
from mcp_types import CallToolResult

_RESULT = CallToolResult.model_validate(json.loads(Path(sys.argv[1]).read_text()))

server = MCPServer("replaying", log_level="WARNING")


@server.tool()
def get_daily_short_volume(symbol: str, count: int) -> CallToolResult:  # noqa: ARG001 - as the tool it stands for
    """Return what is there."""
    return _RESULT


if __name__ == "__main__":
    if len(sys.argv) > 2:
        server.run("streamable-http", port=int(sys.argv[2]), stateless_http=True, json_response=True)
    else:
        server.run("stdio")
