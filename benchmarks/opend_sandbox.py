"""The sandbox in a process of its own, its OpenD without the limit of 30 requests in 30 seconds.

Run as a program, it prints the sandbox's environment variables as a line of JSON and plays until its stdin ends.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from mcp_shortvol.sandbox.runner import Sandbox

__all__ = ["opend_in_another_process", "sandbox_in_another_process"]

_AS_OF = date(2026, 5, 8)


@contextmanager
def opend_in_another_process() -> Iterator[tuple[str, int]]:
    """Host and port of an OpenD that plays until the block ends."""
    with sandbox_in_another_process() as environment:
        yield environment["FUTU_OPEND_HOST"], int(environment["FUTU_OPEND_PORT"])


@contextmanager
def sandbox_in_another_process(*options: str) -> Iterator[dict[str, str]]:
    """The variables of a sandbox that plays until the block ends; with "limited", its OpenD counts requests."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        environment = json.loads(process.stdout.readline())
        try:
            yield environment
        finally:
            process.stdin.close()


def _play() -> None:
    sandbox = Sandbox(_AS_OF)
    sandbox.opend.limited = "limited" in sys.argv
    with sandbox:
        print(json.dumps(sandbox.environment()), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    _play()
