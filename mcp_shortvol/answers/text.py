"""The answer as text for a person, or for a model whose host passes text only: Markdown, or CSV after the summary."""

from collections.abc import Sequence

from mcp_shortvol.answers.formatting import big, days_in_words, source_in_words
from mcp_shortvol.answers.short_volume import Interval, ShortVolumeAnswer

__all__ = ["CONCISE_BYTES", "concise_text", "csv", "fitted", "full_text", "table"]

CONCISE_BYTES = 2048
_MOST_ROWS = 20
_HEADS = {
    "short_volume": "Short",
    "total_volume": "Total",
    "short_ratio_pct": "Short %",
    "close": "Close",
    "short_turnover": "Short HKD",
    "days": "Days",
}
_DATE_HEADS: dict[Interval, str] = {"day": "Date", "week": "Week to", "month": "Month to"}
_BIG = frozenset({"short_volume", "total_volume", "short_turnover"})


def concise_text(answer: ShortVolumeAnswer, interval: Interval = "day") -> str:
    """Heading, summary, a table of the newest rows and the notes, in at most 2,048 bytes of UTF-8."""
    heads = [_DATE_HEADS[interval], *(_HEADS[name] for name in answer.columns[1:])]
    cells = [
        [row[0], *(_cell(name, value) for name, value in zip(answer.columns[1:], row[1:], strict=True))]
        for row in answer.rows[:_MOST_ROWS]
    ]
    return fitted(_heading(answer, interval), heads, cells, _notes(answer))


def full_text(answer: ShortVolumeAnswer, interval: Interval = "day") -> str:
    """Heading, summary and notes, then every row as CSV with the columns of the structured answer."""
    return "\n\n".join((*_heading(answer, interval), _notes(answer), csv(answer.columns, answer.rows)))


def _heading(answer: ShortVolumeAnswer, interval: Interval) -> tuple[str, str]:
    kind = "daily short volume" if interval == "day" else f"short volume by {interval}"
    span = f", {days_in_words(answer.returned)} to {answer.last_date}" if answer.last_date else ""
    incomplete = "" if answer.complete else ", INCOMPLETE"
    return f"**{answer.symbol} {kind}{span}** ({source_in_words(answer.source)}{incomplete})", answer.summary


def _notes(answer: ShortVolumeAnswer) -> str:
    return "\n".join(f"- {note}" for note in answer.notes)


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name in _BIG:
        return big(value)
    return f"{value:.2f}" if name == "short_ratio_pct" else f"{value:g}"


def fitted(head: Sequence[str], heads: Sequence[str], rows: Sequence[Sequence[str]], foot: str) -> str:
    """A text of at most 2,048 bytes of UTF-8. The table gives way: it holds as many of the first rows as fit."""
    for count in range(len(rows), 0, -1):
        text = "\n\n".join((*head, table(heads, rows[:count]), foot))
        if len(text.encode()) <= CONCISE_BYTES:
            return text
    return "\n\n".join((*head, foot))


def csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as comma-separated values under their names; an unknown figure is empty."""
    lines = [columns, *rows]
    return "\n".join(",".join("" if cell is None else str(cell) for cell in line) for line in lines)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
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
    alignments = ("left", *["right"] * (len(heads) - 1))
    return tabulate(rows, heads, tablefmt=lean, disable_numparse=True, colalign=alignments)
