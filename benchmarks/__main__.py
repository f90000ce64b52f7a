"""Runs the benchmarks named, or all, and prints each figure beside its yardstick or budget."""

import argparse

from benchmarks.eight_processes import eight_processes
from benchmarks.finra import finra, screen
from benchmarks.kept_days import kept_days
from benchmarks.opend_calls import opend_calls
from benchmarks.shared_quota import shared_quota
from benchmarks.sizes import sizes
from benchmarks.source_calls import source_calls
from benchmarks.start_up import start_up
from benchmarks.vendor_sdk import vendor_sdk

_BENCHMARKS = {
    benchmark.__name__: benchmark
    for benchmark in (
        start_up,
        sizes,
        opend_calls,
        source_calls,
        finra,
        screen,
        kept_days,
        eight_processes,
        shared_quota,
        vendor_sdk,
    )
}


def main() -> None:
    """Print every figure asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(_BENCHMARKS), default=list(_BENCHMARKS))
    names = parser.parse_args().names
    for name in names:
        if name not in _BENCHMARKS:
            parser.error(f"there is no benchmark {name}; there are {', '.join(_BENCHMARKS)}")
    for name in names:
        for figure in _BENCHMARKS[name]():
            print(figure, flush=True)


if __name__ == "__main__":
    main()
