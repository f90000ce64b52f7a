"""Our server over HTTP on a port of loopback: `python http_server.py PORT`, with the settings of the environment."""

import sys

from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

if __name__ == "__main__":
    build_server(load_settings()).run("streamable-http", port=int(sys.argv[1]), stateless_http=True, json_response=True)
