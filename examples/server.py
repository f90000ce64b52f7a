"""How the examples start the server: over stdio, with invented figures, by the command that MCP_SHORTVOL names."""

import os

COMMAND = os.environ.get("MCP_SHORTVOL", "mcp-shortvol")
ENVIRONMENT = {"PATH": os.environ.get("PATH", ""), "SHORTVOL_SANDBOX": "1", "SHORTVOL_STORE": "memory:"}
QUESTION = "How much of Tencent's volume was shorted over the last 20 trading days, and is the newest day unusual?"
ARGUMENTS = {"symbol": "700.HK", "count": 20}
