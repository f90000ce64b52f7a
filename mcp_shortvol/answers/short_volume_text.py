"""The text of a short-volume answer, for a person or a model whose host passes text only: Markdown, or CSV."""

from mcp_shortvol.answers.formatting import days_in_words, source_in_words
from mcp_shortvol.answers.short_volume import Interval, ShortVolumeAnswer
from mcp_shortvol.answers.tables import csv, fitted

__all__ = ["concise_text", "full_text"]

_MOST_ROWS = 20
_DATE_HEADS: dict[Interval, str] = {"day": "Date", "week": "Week to", "month": "Month to"}


def concise_text(answer: ShortVolumeAnswer, interval: Interval = "day") -> str:
    """Heading, summary, a table of the newest rows, if any, and the notes, in at most 2,048 bytes of UTF-8."""
    rows, titles = answer.rows[:_MOST_ROWS], {"date": _DATE_HEADS[interval]}
    return fitted(_heading(answer, interval), answer.columns, rows, _notes(answer), titles)


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
