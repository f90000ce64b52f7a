"""Runs the benchmarks and prints each figure as a ratio to a named yardstick."""

from benchmarks.start_up import start_up


def main() -> None:
    """Print every figure."""
    print("spawn to first tools/list / bare two-tool server:", start_up())


if __name__ == "__main__":
    main()
