"""The tables of every answer's text: heads and cells of a column, Markdown, CSV, and the limit of a text's size.

All cells of a column have the same unit and the same number of decimals, because 7 beside 7.07 reads like another
precision. The unit of large figures stands in the column's head.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

__all__ = ["CONCISE_BYTES", "csv", "fitted"]

CONCISE_BYTES = 2048

_Kind = Literal["text", "count", "scaled", "price", "figure"]
_SCALES = ((1e12, "tn"), (1e9, "bn"), (1e6, "M"), (1e3, "k"))
_PRICE_DECIMALS = 4
_COLUMNS: Mapping[str, tuple[str, _Kind]] = {
    "date": ("Date", "text"),
    "last_date": ("Last date", "text"),
    "symbol": ("Symbol", "text"),
    "name": ("Name", "text"),
    "days": ("Days", "count"),
    "streak_days": ("Streak", "count"),
    "close": ("Close", "price"),
    "volume": ("Total", "scaled"),
    "total_volume": ("Total", "scaled"),
    "short_volume": ("Short", "scaled"),
    "short_volume_change": ("Short change", "scaled"),
    "short_turnover": ("Short HKD", "scaled"),
    "short_ratio_pct": ("Short %", "figure"),
    "short_ratio_change": ("Ratio change", "figure"),
    "week_average_short_volume": ("Week's short", "scaled"),
    "week_average_short_ratio_pct": ("Week's %", "figure"),
    "month_average_short_volume": ("Month's short", "scaled"),
    "month_average_short_ratio_pct": ("Month's %", "figure"),
    "short_interest": ("Short interest", "scaled"),
    "short_interest_pct": ("Interest %", "figure"),
    "short_interest_value": ("Value HKD", "scaled"),
    "days_to_cover": ("Days to cover", "figure"),
    "change_pct": ("Change %", "figure"),
    "latest_pct": ("Latest %", "figure"),
    "change_pp": ("Change pp", "figure"),
    "change_z": ("z of change", "figure"),
    "mean_pct": ("Mean %", "figure"),
    "z_score": ("z", "figure"),
    "percentile": ("Percentile", "figure"),
    "price_change_pct": ("Price %", "figure"),
    "prior_mean_pct": ("Mean before %", "figure"),
    "deviation_pp": ("Above it pp", "figure"),
    "off_exchange_short": ("Off-exch. short", "scaled"),
    "off_exchange_total": ("Off-exch. total", "scaled"),
    "nasdaq_short": ("Nasdaq short", "scaled"),
    "nyse_short": ("NYSE short", "scaled"),
    "known_short": ("Known short", "scaled"),
    "consolidated_volume": ("All volume", "scaled"),
    "all_venue_pct": ("All venues >= %", "figure"),
    "off_exchange_share_pct": ("Off-exch. share %", "figure"),
}
"""The head of each column, and what its cells are."""


def fitted(
    head: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    foot: str,
    titles: Mapping[str, str] | None = None,
    *,
    every_row_counts: bool = False,
) -> str:
    """A text of at most 2,048 bytes of UTF-8. The table gives way: it holds as many of the first rows as fit.

    `titles` are heads that differ from the usual ones. A column without any figure is left out. Where
    `every_row_counts`, a line below says how many rows had no room.
    """
    shown = [
        (name, values)
        for name, *values in zip(columns, *rows, strict=True)
        if any(value is not None for value in values)
    ]
    heads, cells = [], []
    for name, values in shown:
        title, kind = _COLUMNS[name]
        unit, texts = _cells(kind, values)
        heads.append(f"{(titles or {}).get(name, title)}{unit}")
        cells.append(texts)
    lines = list(zip(*cells, strict=True))
    kinds = [_COLUMNS[name][1] for name, _ in shown]

    def text_of(count: int) -> str:
        more = f"\n- {len(lines) - count} more rows had no room here: they are in the structured answer."
        end = foot + more if every_row_counts and count < len(lines) else foot
        return "\n\n".join((*head, _table(heads, lines[:count], kinds), end) if count else (*head, foot))

    fitting, most = 0, len(lines)
    while fitting < most:  # a row more is never shorter, so that halving finds the most that fit
        count = (fitting + most + 1) // 2
        if len(text_of(count).encode()) <= CONCISE_BYTES:
            fitting = count
        else:
            most = count - 1
    return text_of(fitting)


def csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as comma-separated values under their names; an unknown figure is empty."""
    lines = [columns, *rows]
    return "\n".join(",".join("" if cell is None else str(cell) for cell in line) for line in lines)


def _cells(kind: _Kind, values: Sequence[Any]) -> tuple[str, list[str]]:
    """The unit that belongs into the head, and the cells; "-" where a figure is unknown."""
    known = [value for value in values if value is not None]
    unit, divisor, decimals = "", 1.0, 0
    match kind:
        case "text":
            return "", ["-" if value is None else str(value) for value in values]
        case "figure":
            decimals = 2
        case "price":
            decimals = _decimals_of_prices(known)
        case "scaled":
            unit, divisor, decimals = _scale_of(known)
    return unit, ["-" if value is None else f"{value / divisor:,.{decimals}f}" for value in values]


def _scale_of(values: Sequence[float]) -> tuple[str, float, int]:
    """Unit, divisor and decimals that show the smallest figure in three digits, so that none but 0 reads like 0."""
    smallest = min((abs(value) for value in values if value), default=0)
    for scale, unit in _SCALES:
        if smallest >= scale:
            scaled = smallest / scale
            return f" {unit}", scale, 2 if scaled < 10 else 1 if scaled < 100 else 0
    return "", 1.0, 0


def _decimals_of_prices(values: Sequence[float]) -> int:
    """Two decimals; more, as far as they are needed, where a price is below 1."""
    if min(map(abs, values)) >= 1:
        return 2
    needed = (len(f"{value:.{_PRICE_DECIMALS}f}".rstrip("0").partition(".")[2]) for value in values)
    return max(2, *needed)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], kinds: Sequence[_Kind]) -> str:
    """A Markdown table without the outer bars and padding that Markdown does not need."""
    from tabulate import DataRow, Line, TableFormat, tabulate  # start-up time that only an answer should pay

    lean = TableFormat(
        lineabove=None,
        linebelowheader=Line("", "-", "|", ""),
        linebetweenrows=None,
        linebelow=None,
        headerrow=DataRow("", "|", ""),
        datarow=DataRow("", "|", ""),
        padding=0,
        with_header_hide=None,
    )
    alignments = ["left" if kind == "text" else "right" for kind in kinds]
    return tabulate(rows, heads, tablefmt=lean, disable_numparse=True, colalign=alignments)
