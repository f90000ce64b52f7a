"""The answer as text for a person, or for a model whose host passes text only: Markdown, or CSV after the summary."""

from collections.abc import Sequence

from mcp_shortvol.answer import ShortVolumeAnswer
from mcp_shortvol.markets import Market
from mcp_shortvol.series import Day, Series
from mcp_shortvol.words import big, days_in_words, source_in_words

__all__ = ["CONCISE_BYTES", "concise_text", "full_text"]

CONCISE_BYTES = 2048
_MOST_ROWS = 20


def concise_text(series: Series, answer: ShortVolumeAnswer) -> str:
    """Heading, summary, a table of the newest days and the notes, in at most 2,048 bytes of UTF-8.

    The table gives way: it holds as many of the 20 newest days as fit.
    """
    head = _heading(series, answer)
    foot = _notes(answer)
    for rows in range(min(_MOST_ROWS, len(series.days)), 0, -1):
        text = "\n\n".join((*head, _table(series.days[:rows], series.question.symbol.market), foot))
        if len(text.encode()) <= CONCISE_BYTES:
            return text
    return "\n\n".join((*head, foot))


def full_text(series: Series, answer: ShortVolumeAnswer) -> str:
    """Heading, summary and notes, then every day as CSV with the columns of the structured answer."""
    lines = [",".join(answer.columns)]
    lines += [",".join("" if cell is None else str(cell) for cell in row) for row in answer.rows]
    return "\n\n".join((*_heading(series, answer), _notes(answer), "\n".join(lines)))


def _heading(series: Series, answer: ShortVolumeAnswer) -> tuple[str, str]:
    span = f", {days_in_words(answer.returned)} to {answer.last_date}" if answer.last_date else ""
    incomplete = "" if answer.complete else ", INCOMPLETE"
    return (
        f"**{answer.symbol} daily short volume{span}** ({source_in_words(series.source)}{incomplete})",
        answer.summary,
    )


def _notes(answer: ShortVolumeAnswer) -> str:
    return "\n".join(f"- {note}" for note in answer.notes)


def _table(days: Sequence[Day], market: Market) -> str:
    """A Markdown table without the outer bars and padding that Markdown does not need."""
    from tabulate import DataRow, Line, TableFormat, tabulate  # start-up time that only an answer should pay

    heads = ["Date", "Short", "Total", "Short %", "Close"]
    rows = [
        [
            day.date.isoformat(),
            big(day.short_volume),
            big(day.total_volume),
            "-" if day.short_ratio_pct is None else f"{day.short_ratio_pct:.2f}",
            "-" if day.close is None else f"{day.close:g}",
        ]
        for day in days
    ]
    if market is Market.HK:
        heads.append("Short HKD")
        for row, day in zip(rows, days, strict=True):
            row.append(big(day.short_turnover))
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
