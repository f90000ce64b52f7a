"""What the summary says of a trend, of an unusual day and of days that stand out."""

from datetime import timedelta

from mcp_shortvol.answers.statistics import statistics_of
from mcp_shortvol.answers.summary import summary_of
from mcp_shortvol.domain.short_volume import Day
from tests.answers.test_short_volume import NEWEST, TESLA, series_of


def said(*figures: tuple[int, int]) -> str:
    """The summary of days with such short and total volumes, told oldest first."""
    days = [Day(NEWEST - timedelta(number), *pair, 100.0) for number, pair in enumerate(figures[::-1])]
    return summary_of(series_of(TESLA, days), statistics_of(days))


def wobble(number: int) -> int:
    return 400 + (7 * number) % 11


def test_a_trend_has_its_size_and_a_small_one_is_flat_in_words() -> None:
    assert "trend rising, +5.8 pp over 30 trading days" in said(*[(400 + 2 * n, 1000) for n in range(30)])
    # Significant by its 200 days, and yet smaller over them than they spread by themselves.
    noisy = [(400 + 60 * (n % 2) + n // 8, 1000) for n in range(200)]
    statistics = statistics_of([Day(NEWEST - timedelta(n), *pair, 1.0) for n, pair in enumerate(noisy[::-1])])
    assert statistics is not None
    assert statistics.trend == "rising"
    assert "trend flat" in said(*noisy)


def test_a_high_ratio_of_few_shares_is_said() -> None:
    days = [(wobble(n), 1000) for n in range(30)]
    assert "very unusual, though short volume fell 75 % that day" in said(*days, (100, 150))
    assert "though short volume" not in said(*days, (900, 1350))


def test_the_newest_day_that_stands_out_is_named_with_the_number_of_others() -> None:
    days = [(wobble(n), 1000) for n in range(60)]
    days[40] = (670, 1000)
    assert f"Notable: {NEWEST - timedelta(19)}, 67.00 % (z " in said(*days)
    assert "; 1 more." in said(*days)  # its shares stand out, too
    assert "Notable" not in said(*[(wobble(n), 1000) for n in range(60)])


def test_the_mean_that_is_meant_is_named() -> None:
    assert "the mean of the 2 trading days before, 40.00 %" in said((400, 1000), (400, 1000), (500, 1000))
