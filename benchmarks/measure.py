"""Ratios of two things done in turns: each pair shares the machine's mood, so its ratio says more than either time."""

import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Ratio", "interleaved"]


@dataclass(frozen=True, slots=True)
class Ratio:
    """Median ratio of ours to the yardstick over pairs, with its spread (10th to 90th percentile of the pairs)."""

    median: float
    low: float
    high: float
    pairs: int
    ours: float
    yardstick: float

    def __str__(self) -> str:
        return (
            f"{self.median:.3f} (10-90 %: {self.low:.3f}..{self.high:.3f}, {self.pairs} pairs; "
            f"medians {self.ours * 1000:.1f} ms and {self.yardstick * 1000:.1f} ms)"
        )


def interleaved(ours: Callable[[], float], yardstick: Callable[[], float], pairs: int = 30) -> Ratio:
    """Measure both in turns, in random order within a pair; each callable returns its own seconds."""
    ours()
    yardstick()
    times: list[tuple[float, float]] = []
    for _ in range(pairs):
        if random.random() < 0.5:
            mine = ours()
            other = yardstick()
        else:
            other = yardstick()
            mine = ours()
        times.append((mine, other))
    ratios = sorted(mine / other for mine, other in times)
    deciles = statistics.quantiles(ratios, n=10)
    return Ratio(
        median=statistics.median(ratios),
        low=deciles[0],
        high=deciles[-1],
        pairs=pairs,
        ours=statistics.median(mine for mine, _ in times),
        yardstick=statistics.median(other for _, other in times),
    )
