"""The server over streamable HTTP on a port of loopback, for tools that speak HTTP only."""

import sys

from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

settings = load_settings(SHORTVOL_SANDBOX="1", SHORTVOL_STORE="memory:")
build_server(settings).run("streamable-http", port=int(sys.argv[1]), stateless_http=True, json_response=True)
