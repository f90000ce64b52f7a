"""An answer for a person's eyes: colours, a sparkline in the heading, a plot. A model never reads any of it."""

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["is_for_eyes", "plotted", "styled"]

_BARS = "▁▂▃▄▅▆▇█"
_MOST_BARS = 40
_PLOT_WIDTH, _PLOT_HEIGHT = 60, 12
_BOLD, _DIM, _RED, _YELLOW, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[33m", "\x1b[0m"


def is_for_eyes() -> bool:
    """Whether standard output is a terminal that a person looks at."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def styled(text: str, answer: dict[str, Any]) -> str:
    """The text as a terminal shows it: with a sparkline of the ratio in the heading, and colours unless NO_COLOR."""
    heading, _, rest = text.partition("\n")
    line = sparkline([value for _, value in _ratios(answer)])
    heading = heading.replace("**", "") + (f"  {line}" if line else "")
    if os.environ.get("NO_COLOR"):
        return f"{heading}\n{rest}"
    heading = heading.replace("INCOMPLETE", f"{_RED}INCOMPLETE{_PLAIN}{_BOLD}")
    rest = rest.replace("Sandbox, invented figures.", f"{_YELLOW}Sandbox, invented figures.{_PLAIN}", 1)
    rest = re.sub(r"very unusual|(?<!somewhat )unusual(?=[,;)])", lambda found: f"{_RED}{found[0]}{_PLAIN}", rest)
    rest = re.sub(r"^- .*$", lambda note: f"{_DIM}{note[0]}{_PLAIN}", rest, flags=re.MULTILINE)
    return f"{_BOLD}{heading}{_PLAIN}\n{rest}"


def sparkline(values: Sequence[float | None]) -> str:
    """The newest values as bars from the lowest to the highest, oldest first; a blank where one is unknown."""
    shown = values[-_MOST_BARS:]
    known = [value for value in shown if value is not None]
    if len(known) < 2:
        return ""
    lowest, spread = min(known), max(known) - min(known)
    steps = [None if value is None else round((value - lowest) / spread * 7) if spread else 3 for value in shown]
    return "".join(" " if step is None else _BARS[step] for step in steps)


def plotted(answer: dict[str, Any]) -> str:
    """A plot of the short ratio, or of the reports' shares, by date; empty where there are fewer than two."""
    from plotille import Figure  # type: ignore[import-untyped]  # only a plot should pay for it

    points = [(date, value) for date, value in _ratios(answer) if value is not None]
    if len(points) < 2:
        return ""
    dates, values = [date for date, _ in points], [value for _, value in points]
    figure = Figure()
    figure.width, figure.height, figure.with_colors = _PLOT_WIDTH, _PLOT_HEIGHT, False
    figure.x_label, figure.y_label = "date", _unit(answer)
    pad = (max(values) - min(values)) * 0.05 or 1
    figure.set_x_limits(0, len(values) - 1)
    figure.set_y_limits(max(min(values) - pad, 0), max(values) + pad)
    figure.x_ticks_fkt = lambda place, _: dates[min(max(round(place), 0), len(dates) - 1)][2:]
    figure.y_ticks_fkt = lambda value, _: f"{value:,.2f}" if max(values) < 1000 else f"{value:,.0f}"
    figure.plot(range(len(values)), values)
    return str(figure.show())


def _ratios(answer: dict[str, Any]) -> list[tuple[str, float | None]]:
    """Date and figure of the rows that have a date, oldest first."""
    columns = answer["columns"]
    name = next((name for name in ("short_ratio_pct", "short_interest") if name in columns), None)
    if name is None or columns[0] != "date":
        return []
    place = columns.index(name)
    return [(row[0], row[place]) for row in reversed(answer["rows"])]


def _unit(answer: dict[str, Any]) -> str:
    return "short ratio, %" if "short_ratio_pct" in answer["columns"] else "shares short"
