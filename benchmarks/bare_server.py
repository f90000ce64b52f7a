"""The yardstick: a server of two tools with nothing behind them, as the SDK's own documentation would write it."""

from mcp.server import MCPServer

server = MCPServer("bare")


@server.tool()
def add(left: int, right: int) -> int:
    """Add two numbers."""
    return left + right


@server.tool()
def greet(name: str) -> str:
    """Greet someone."""
    return f"Hello, {name}"


if __name__ == "__main__":
    server.run("stdio")
