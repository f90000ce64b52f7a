"""The server as its command starts it, which also tells on SIGUSR1 how many tasks it has, on standard error."""

import asyncio
import signal
import sys

from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings


def _tell(*_: object) -> None:
    sys.stderr.write(f"tasks {len(asyncio.all_tasks())}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    server = build_server(load_settings())
    signal.signal(signal.SIGUSR1, _tell)
    server.run("stdio")
