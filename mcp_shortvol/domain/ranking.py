"""A market's ranking by short selling: a name and its figures, in the order of one of them.

A row carries figures of two dates and tells neither: the day's volumes (a flow) and the latest reported positions (a
stock). Volumes are shares, money is in the market's currency, a percentage ends in `_pct`. None means that the vendor
gave no readable value.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Literal, NamedTuple

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Interruption
from mcp_shortvol.domain.symbols import Symbol

__all__ = ["NO_VOLUME_DAYS", "Direction", "OrderBy", "Ranked", "RankingEnding", "RankingResult", "clean_name"]

OrderBy = Literal[
    "short_ratio",
    "short_ratio_change",
    "short_volume",
    "short_volume_change",
    "volume",
    "short_interest",
    "short_interest_pct",
    "days_to_cover",
    "week_average_short_volume",
    "week_average_short_ratio",
    "month_average_short_volume",
    "month_average_short_ratio",
]
"""What a ranking can be ordered by."""

Direction = Literal["desc", "asc"]

# Where a name has no volume to cover with, 999.99 or 1000 is sent for the days it would take: no reading of anything.
NO_VOLUME_DAYS = 999.99

_MOST_NAME = 40
_MOST_READ = 200
_KEPT_MARKS = frozenset(" .,&'()+-/%")
_RIGHT_TO_LEFT = frozenset(("R", "AL", "AN"))
_UNSEEN = frozenset(("Cc", "Cf", "Co", "Cs", "Zl", "Zp"))
_SMALL_WORDS = frozenset(
    ("a", "and", "da", "de", "di", "du", "e", "en", "for", "in", "la", "of", "on", "plc", "the", "to")
)
# Markup, addresses, names of variables; and the words of whoever gives a model orders. A name lost shows its symbol.
_NO_NAME = re.compile(
    r"[<>\[\]{}`|\\]|://|\.\w+/|\w_\w"
    r"|\b(ignore|disregard|forget|instructions?|prompts?|reveal|overrid\w*|assistant|password|credentials?)\b"
    r"|忽略|忽視|忽视|無視|无视|指令|提示詞|提示词",
    re.IGNORECASE,
)
_INVISIBLE_LETTERS = frozenset("\u115f\u1160")  # Hangul fillers, by their plain forms

# The orders whose figure is spelled otherwise, because it is a percentage.
_FIGURES: Mapping[OrderBy, str] = {
    "short_ratio": "short_ratio_pct",
    "week_average_short_ratio": "week_average_short_ratio_pct",
    "month_average_short_ratio": "month_average_short_ratio_pct",
}


class Ranked(NamedTuple):
    """One name of a ranking. `name` is the vendor's free text, cleaned by `clean_name`; it may be empty.

    `change_pct` is against the close before, `change_5d_pct` and `change_10d_pct` over so many trading days;
    `short_volume_change` against the day before, in shares; what `short_ratio_change` is a change in, points or percent
    of the ratio, the vendor does not say. Averages are over the last week and month. `damaged` says that a figure was
    sent which could not be read.
    """

    symbol: Symbol
    name: str
    close: float | None = None
    change_pct: float | None = None
    change_5d_pct: float | None = None
    change_10d_pct: float | None = None
    volume: int | None = None
    short_volume: int | None = None
    short_volume_change: int | None = None
    short_ratio_pct: float | None = None
    short_ratio_change: float | None = None
    short_interest: int | None = None
    short_interest_pct: float | None = None
    days_to_cover: float | None = None
    week_average_short_volume: int | None = None
    week_average_short_ratio_pct: float | None = None
    month_average_short_volume: int | None = None
    month_average_short_ratio_pct: float | None = None
    damaged: bool = False

    def figure(self, order_by: OrderBy) -> float | None:
        """What the name is ranked by."""
        value: float | None = getattr(self, _FIGURES.get(order_by, order_by))
        return value


def clean_name(text: object) -> str:
    """A vendor's free text as a name of at most 40 characters; empty where it is none.

    What stays is letters, digits and a name's own marks, in any script written from left to right: nothing that could
    be markup, is invisible, or turns the direction of the text around it. A text that has such characters, that reads
    like a sentence or an address, or that tells somebody to do something, is no name: a model would read it.
    """
    if not isinstance(text, str):
        return ""
    plain = unicodedata.normalize("NFKC", text[:_MOST_READ])
    if _NO_NAME.search(plain) or any(unicodedata.category(character) in _UNSEEN for character in plain.strip()):
        return ""
    words = "".join(character if _belongs(character) else " " for character in plain).split()
    if sum(word.isascii() and word.islower() and word not in _SMALL_WORDS for word in words) > 1:
        return ""
    name = " ".join(words)
    return name if len(name) <= _MOST_NAME else f"{name[: _MOST_NAME - 1].rstrip()}…"


def _belongs(character: str) -> bool:
    if character in _KEPT_MARKS:
        return True
    if not character.isalnum() or character in _INVISIBLE_LETTERS:
        return False
    return unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT


class RankingEnding(Enum):
    """Why a ranking holds no more names than it does."""

    COVERED = "as many names as were wanted"
    LIST_ENDS = "the list has no more names"
    READ_LIMIT = "one call reads no further down the list"
    STALLED = "the source kept giving the same names"
    INTERRUPTED = "a failure, or the end of the time a call has, came before the rest"


@dataclass(frozen=True, slots=True)
class RankingResult:
    """The names that a ranking begins with, in the vendor's order, and how they were read.

    `total` is how many names the whole list has by the vendor's count, None where it does not say. `left_out` counts
    the names read and dropped, by reason; `unreadable` those that could not be read. `fetched_at` is when the reading
    began, in UTC: the vendor dates nothing. `trading_date` is the date of the day's figures, where it is known from the
    days of one of the names. `source` carries the prefix "sandbox:" when the figures are invented.
    """

    market: Market
    order_by: OrderBy
    direction: Direction
    source: str
    ratio_basis: str
    rows: Sequence[Ranked]
    total: int | None
    left_out: Mapping[str, int]
    unreadable: int
    ending: RankingEnding
    fetched_at: datetime
    interruption: Interruption | None = None
    trading_date: date | None = None

    @property
    def invented(self) -> bool:
        """Whether the figures come from the sandbox and from no market."""
        return self.source.startswith("sandbox:")

    @property
    def complete(self) -> bool:
        """Whether these are the names wanted, or all there are."""
        return self.ending in {RankingEnding.COVERED, RankingEnding.LIST_ENDS} and not self.unreadable
