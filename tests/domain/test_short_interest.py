"""Reports of short interest: what is recomputed, what is no reading, and when the next one is due."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.answers.short_interest import interest_answer_of, interest_text
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_interest import InterestSeries, Report, days_to_cover, next_report
from mcp_shortvol.domain.short_volume import Ending
from mcp_shortvol.domain.symbols import Symbol

TODAY = date(2026, 4, 20)
GAMESTOP = Symbol("GME", Market.US)


def report(day: int, shares: int | None, volume: int | None = None, given: float | None = None) -> Report:
    return Report(date(2026, 3, day), shares, 1.0, 20.0, average_daily_volume=volume, source_days_to_cover=given)


def series(*reports: Report, before: Report | None = None) -> InterestSeries:
    question = Question(GAMESTOP, len(reports) or 6)
    return InterestSeries(question, "longbridge", "shares outstanding", reports, before, Ending.COVERED, TODAY)


@pytest.mark.parametrize(
    ("shares", "volume", "given", "expected"),
    [
        (65_598_603, 62_121_644, 1.06, 1.056),
        (500, 1000, 1.00, 0.5),  # FINRA's floor, recomputed
        (500, 0, 999.99, None),  # its sentinel
        (500, None, 1000, None),
        (500, None, 1.00, None),
        (500, None, 4.2, 4.2),
        (None, 1000, 4.2, 4.2),
        (None, None, None, None),
    ],
)
def test_days_to_cover_is_recomputed_or_the_vendor_s_reading_or_nothing(
    shares: int | None, volume: int | None, given: float | None, expected: float | None
) -> None:
    found = days_to_cover(report(31, shares, volume, given))
    assert found == (expected if expected is None else pytest.approx(expected, abs=1e-3))


def test_the_oldest_change_is_measured_against_the_report_before_it() -> None:
    changes = series(report(31, 120), report(13, 100), before=report(1, 80)).changes()
    assert changes == [(20, 20.0), (20, 25.0)]
    assert series(report(31, 120)).changes() == [(None, None)]
    assert series(report(31, 5), report(13, 0)).changes()[0] == (5, None)


def test_a_change_is_against_the_figure_that_the_newer_report_states() -> None:
    revised = report(31, 120)._replace(previous_short_interest=110, revised=True)
    found = series(revised, report(13, 100), before=report(1, 100))
    assert found.changes()[0] == (10, pytest.approx(100 / 11))
    (note,) = [note for note in interest_answer_of(found).notes if "revised" in note]
    assert (
        note
        == "The report before 2026-03-31 was revised from 100 to 110 shares; the change is against the revised figure."
    )


def test_a_figure_that_was_restated_without_a_flag_is_named_too() -> None:
    found = series(report(31, 120)._replace(previous_short_interest=110), report(13, 100))
    assert any("was revised from 100 to 110 shares" in note for note in interest_answer_of(found).notes)
    same = series(report(31, 120)._replace(previous_short_interest=100), report(13, 100))
    assert not any("revised" in note for note in interest_answer_of(same).notes)


def test_no_change_is_given_across_a_split() -> None:
    split = report(31, 1200)._replace(previous_short_interest=100, split=True)
    assert "Since" not in interest_answer_of(series(split, report(13, 100), report(1, 90))).summary
    answer = interest_answer_of(series(split, report(13, 100)))
    assert answer.rows[0][answer.columns.index("change_pct")] is None
    assert "No change is given for 2026-03-31: the stock was split since the report before." in answer.notes
    assert not any("revised" in note for note in answer.notes)


@pytest.mark.parametrize(
    ("newest", "following", "published"),
    [
        ("2026-03-31", "2026-04-15", "2026-04-24"),
        ("2026-04-15", "2026-04-30", "2026-05-11"),
        ("2026-04-30", "2026-05-15", "2026-05-27"),  # published over Memorial Day
        ("2026-05-15", "2026-05-29", "2026-06-09"),  # 31 May 2026 is a Sunday
        ("2026-12-31", "2027-01-15", "2027-01-27"),  # published over Martin Luther King Jr. Day
        ("2024-03-15", "2024-03-28", "2024-04-09"),  # 29 March 2024 was Good Friday
    ],
)
def test_the_next_us_report_follows_finra_s_calendar(newest: str, following: str, published: str) -> None:
    expected = date.fromisoformat(following), date.fromisoformat(published)
    assert next_report(Market.US, date.fromisoformat(newest)) == expected


@pytest.mark.parametrize(
    ("newest", "following", "published"),
    [
        ("2026-05-08", "2026-05-15", "2026-05-22"),
        ("2026-04-24", "2026-04-30", "2026-05-07"),  # 1 May is a holiday
        ("2026-04-30", "2026-05-08", "2026-05-15"),
        ("2026-04-17", "2026-04-24", "2026-05-04"),  # a week later is 1 May
        ("2024-08-30", "2024-09-05", "2024-09-12"),  # a typhoon closed the exchange on 6 September
    ],
)
def test_the_next_hong_kong_report_is_of_the_week_s_last_trading_day_and_published_a_week_later(
    newest: str, following: str, published: str
) -> None:
    expected = date.fromisoformat(following), date.fromisoformat(published)
    assert next_report(Market.HK, date.fromisoformat(newest)) == expected


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_a_next_report_is_after_the_newest_and_before_it_is_published(newest: date) -> None:
    for market in Market:
        following, published = next_report(market, newest)
        assert newest < following < published


def test_the_answer_says_how_old_the_newest_report_is_and_when_the_next_is_due() -> None:
    notes = interest_answer_of(series(report(31, 120))).notes
    assert notes[0] == "The newest report is 20 days old; the next, of about 2026-04-15, is due about 2026-04-24."


def test_a_floor_or_sentinel_is_null_in_the_row_and_explained() -> None:
    answer = interest_answer_of(series(report(31, 120, None, 999.99)))
    assert answer.rows[0][answer.columns.index("days_to_cover")] is None
    assert any("floor of 1.00 or a sentinel" in note for note in answer.notes)


def test_full_adds_the_vendor_s_own_figures_and_the_change_in_shares() -> None:
    answer = interest_answer_of(series(report(31, 120, 60, 2.0), report(13, 100, 50, 2.0)), "full")
    assert answer.columns[-3:] == ["change_shares", "average_daily_volume", "source_days_to_cover"]
    assert interest_text(answer, "full").splitlines()[-2].endswith(",20,60,2")


def test_an_empty_answer_explains_itself() -> None:
    answer = interest_answer_of(series())
    assert [answer.rows, answer.last_date, answer.returned] == [[], None, 0]
    assert "No reports of short interest for GME.US" in answer.summary
    assert len(interest_text(answer).encode()) <= 2048
