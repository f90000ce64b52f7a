"""Ratios of two things done in turns: a pair shares the machine's mood, so its ratio says more than either figure."""

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["Ratio", "in_turns", "interleaved"]

Sample = TypeVar("Sample")


@dataclass(frozen=True, slots=True)
class Ratio:
    """Median ratio of ours to the yardstick over pairs, with its spread (10th to 90th percentile of the pairs).

    `ours` and `yardstick` are the medians of either side, in `unit`.
    """

    median: float
    low: float
    high: float
    pairs: int
    ours: float
    yardstick: float
    unit: str

    @classmethod
    def of(cls, pairs: Sequence[tuple[float, float]], unit: str) -> "Ratio":
        """From pairs of (ours, yardstick)."""
        ratios = [mine / other for mine, other in pairs]
        deciles = statistics.quantiles(ratios, n=10)
        return cls(
            median=statistics.median(ratios),
            low=deciles[0],
            high=deciles[-1],
            pairs=len(pairs),
            ours=statistics.median(mine for mine, _ in pairs),
            yardstick=statistics.median(other for _, other in pairs),
            unit=unit,
        )

    def __str__(self) -> str:
        return (
            f"{self.median:.3f} (10-90 %: {self.low:.3f}..{self.high:.3f}, {self.pairs} pairs; "
            f"medians {self.ours:.1f} {self.unit} and {self.yardstick:.1f} {self.unit})"
        )


def interleaved(ours: Callable[[], float], yardstick: Callable[[], float], pairs: int = 30) -> Ratio:
    """The ratio of two times; each callable returns its own seconds."""
    times = in_turns(ours, yardstick, pairs)
    return Ratio.of([(mine * 1000, other * 1000) for mine, other in times], "ms")


def in_turns(
    ours: Callable[[], Sample], yardstick: Callable[[], Sample], pairs: int = 30
) -> list[tuple[Sample, Sample]]:
    """What both give, in turns, in random order within a pair, after a first time that does not count."""
    ours()
    yardstick()
    samples = []
    for _ in range(pairs):
        if random.random() < 0.5:
            mine = ours()
            other = yardstick()
        else:
            other = yardstick()
            mine = ours()
        samples.append((mine, other))
    return samples
