"""A series becomes an answer: the text for a person and the structured model for a program."""

from mcp_shortvol.answers.comparison import Comparison, comparison_of, comparison_text
from mcp_shortvol.answers.ranking import RankingAnswer, ranking_answer_of, ranking_text
from mcp_shortvol.answers.short_interest import InterestAnswer, interest_answer_of, interest_text
from mcp_shortvol.answers.short_volume import Interval, ResponseFormat, ShortVolumeAnswer, answer_of
from mcp_shortvol.answers.short_volume_text import concise_text, full_text

__all__ = [
    "Comparison",
    "InterestAnswer",
    "Interval",
    "RankingAnswer",
    "ResponseFormat",
    "ShortVolumeAnswer",
    "answer_of",
    "comparison_of",
    "comparison_text",
    "concise_text",
    "full_text",
    "interest_answer_of",
    "interest_text",
    "ranking_answer_of",
    "ranking_text",
]
