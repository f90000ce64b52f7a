"""Daily short volume of US and Hong Kong stocks for AI assistants, as an MCP server.

Nothing is imported here: the start-up path pays for every line.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
