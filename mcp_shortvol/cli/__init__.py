"""The command line: `mcp-shortvol` and its commands."""
