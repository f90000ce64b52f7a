"""The tables of every answer's text: a Markdown table, CSV, and the limit of a text's size."""

from collections.abc import Sequence

__all__ = ["CONCISE_BYTES", "csv", "fitted", "table"]

CONCISE_BYTES = 2048


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
