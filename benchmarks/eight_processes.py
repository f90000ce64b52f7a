"""Eight server processes ask for 500 days of different stocks at once, over an OpenD that takes 30 requests in 30 s.

The yardstick is the limit itself: 80 requests cannot be made in less than 60 s, however clever anybody is.
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from time import perf_counter

from benchmarks.opend_sandbox import sandbox_in_another_process
from benchmarks.stdio import OURS, StdioServer

__all__ = ["eight_processes"]

_SYMBOLS = ["HK.00700", "HK.09988", "HK.03690", "HK.01211", "US.AAPL", "US.TSLA", "US.NVDA", "US.AMD"]
_DAYS = 500
_PAGES = len(_SYMBOLS) * _DAYS // 50
_REQUESTS, _SECONDS = 30, 30.0
_DEADLINE = "150"


def eight_processes() -> Iterator[str]:
    """The time it takes, beside the time that the limit allows; every day must come, and no refusal."""
    with sandbox_in_another_process("limited") as environment, TemporaryDirectory() as folder, ExitStack() as running:
        settings = {
            "FUTU_OPEND_HOST": environment["FUTU_OPEND_HOST"],
            "FUTU_OPEND_PORT": environment["FUTU_OPEND_PORT"],
            "FUTU_SOURCE": "futu_opend",
            "SHORTVOL_DATA_DIR": folder,
            "SHORTVOL_DEADLINE": _DEADLINE,
        }
        servers = [running.enter_context(StdioServer(OURS, **settings)) for _ in _SYMBOLS]
        for server in servers:
            server.initialize()
        returned: dict[str, int] = {}

        def ask(server: StdioServer, symbol: str) -> None:
            result = server.call("get_daily_short_volume", symbol=symbol, count=_DAYS)
            returned[symbol] = result["structuredContent"]["returned"]

        began = perf_counter()
        threads = [threading.Thread(target=ask, args=pair) for pair in zip(servers, _SYMBOLS, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = perf_counter() - began
    assert returned == dict.fromkeys(_SYMBOLS, _DAYS), returned
    allowed = (_PAGES - 1) // _REQUESTS * _SECONDS
    yield (
        f"8 processes asking for {_DAYS} days each / the time that 30 requests in 30 s allow: {took / allowed:.3f} "
        f"({took:.1f} s and {allowed:.0f} s, every day of each)"
    )
