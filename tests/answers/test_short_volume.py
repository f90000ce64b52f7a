"""The contract of the answer, within its budgets, for any series and any count."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.answers.short_volume import ResponseFormat, ShortVolumeAnswer, answer_of
from mcp_shortvol.answers.short_volume_text import concise_text, full_text
from mcp_shortvol.domain.errors import out_of_time
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Day, Ending, Interruption, Series
from mcp_shortvol.domain.symbols import Symbol

TENCENT = Symbol("700", Market.HK)
TESLA = Symbol("TSLA", Market.US)
NEWEST = date(2026, 6, 12)


def series_of(
    symbol: Symbol,
    days: list[Day],
    *,
    ending: Ending = Ending.COVERED,
    source: str = "longbridge",
    unreadable: int = 0,
) -> Series:
    basis = "HKEX shares traded" if symbol.market is Market.HK else "volume Longbridge reports"
    return Series(Question(symbol, len(days) or 20), source, basis, days, ending, NEWEST, unreadable)


def busy_days(symbol: Symbol, count: int) -> list[Day]:
    """Days with figures as long as figures get."""
    hong_kong = symbol.market is Market.HK
    return [
        Day(
            date=day,
            short_volume=120_345_678 + back,
            total_volume=987_654_321 - back,
            close=1234.567 + back,
            short_turnover=9_765_432_101.25 + back if hong_kong else None,
            source_ratio_pct=12.34,
            nasdaq_short_volume=None if hong_kong else 120_345_678,
            nyse_short_volume=None if hong_kong else 1_234_567,
        )
        for back, day in enumerate(weekdays(count))
    ]


def weekdays(count: int) -> list[date]:
    """So many trading days, newest first."""
    return [day for back in range(2 * count + 2) if (day := NEWEST - timedelta(days=back)).weekday() < 5][:count]


def size(answer: ShortVolumeAnswer) -> int:
    return len(json.dumps(answer.model_dump(), separators=(",", ":"), ensure_ascii=False).encode())


@pytest.mark.parametrize("symbol", [TENCENT, TESLA], ids=str)
@pytest.mark.parametrize(
    ("count", "response_format", "most"),
    [(250, "concise", 17 * 1024), (1000, "concise", 17 * 1024), (500, "full", 48 * 1024)],
)
def test_the_structured_answer_keeps_its_budget(
    symbol: Symbol, count: int, response_format: ResponseFormat, most: int
) -> None:
    assert size(answer_of(series_of(symbol, busy_days(symbol, count)), response_format)) <= most


@pytest.mark.parametrize(("symbol", "volume"), [(TENCENT, 34_567_800), (TESLA, 123_456_789)], ids=str)
@pytest.mark.parametrize(("count", "most"), [(20, 3584), (30, 4096)])
def test_a_usual_answer_of_a_busy_stock_costs_little(symbol: Symbol, volume: int, count: int, most: int) -> None:
    days = [
        Day(day.date, volume - back, 8 * volume, 421.6 + back, 456.12 * volume if symbol is TENCENT else None)
        for back, day in enumerate(busy_days(symbol, count))
    ]
    assert size(answer_of(series_of(symbol, days, source="sandbox:longbridge"), "concise")) <= most


@pytest.mark.parametrize("symbol", [TENCENT, TESLA], ids=str)
@pytest.mark.parametrize("count", [0, 1, 2, 20, 250, 1000])
def test_the_concise_text_keeps_to_two_kilobytes_and_shows_the_newest_day(symbol: Symbol, count: int) -> None:
    series = series_of(
        symbol, busy_days(symbol, count), ending=Ending.STALLED, source="sandbox:longbridge", unreadable=7
    )
    text = concise_text(answer_of(series, "concise"))
    assert len(text.encode()) <= 2048
    assert count == 0 or "\n2026-06-12|" in text


def test_concise_rows_end_with_250_and_the_notes_say_how_to_get_the_rest() -> None:
    answer = answer_of(series_of(TENCENT, busy_days(TENCENT, 400)), "concise")
    assert [len(answer.rows), answer.rows_omitted, answer.returned] == [250, 150, 400]
    assert any("150 older rows" in note and "full" in note for note in answer.notes)
    full = answer_of(series_of(TENCENT, busy_days(TENCENT, 400)), "full")
    assert [len(full.rows), full.rows_omitted] == [400, 0]


def test_full_adds_what_the_source_has_and_nothing_else() -> None:
    hong_kong = answer_of(series_of(TENCENT, busy_days(TENCENT, 2)), "full")
    united_states = answer_of(series_of(TESLA, busy_days(TESLA, 2)), "full")
    core = ["date", "short_volume", "total_volume", "short_ratio_pct", "close"]
    assert hong_kong.columns == [*core, "short_turnover", "source_ratio_pct"]
    assert united_states.columns == [*core, "source_ratio_pct", "nasdaq_short_volume", "nyse_short_volume"]


def test_the_full_text_carries_every_day_as_csv() -> None:
    series = series_of(TENCENT, busy_days(TENCENT, 300))
    answer = answer_of(series, "full")
    lines = full_text(answer).splitlines()
    assert lines[-301] == ",".join(answer.columns)
    assert lines[-300].split(",") == [str(cell) for cell in answer.rows[0]]


def test_a_missing_figure_is_null_and_a_dash() -> None:
    series = series_of(TENCENT, [Day(NEWEST, None, None, None)])
    answer = answer_of(series, "concise")
    assert answer.rows == [["2026-06-12", None, None, None, None, None]]
    known = answer_of(series_of(TENCENT, [*busy_days(TENCENT, 1), Day(NEWEST - timedelta(1), None, None, None)]))
    assert [cell.strip() for cell in concise_text(known).splitlines()[7].split("|")] == ["2026-06-11", *"-----"]


def test_a_column_without_any_figure_is_not_in_the_text() -> None:
    text = concise_text(answer_of(series_of(TENCENT, [Day(NEWEST, 5, 50, None)])))
    assert text.splitlines()[4].split("|")[0].strip() == "Date"
    assert "Close" not in text


def test_an_incomplete_answer_is_told_by_either_channel_alone() -> None:
    series = series_of(TENCENT, busy_days(TENCENT, 3), ending=Ending.STALLED)
    answer = answer_of(series, "concise")
    assert answer.complete is False
    assert any(note.startswith("Incomplete") for note in answer.notes)
    assert "INCOMPLETE" in concise_text(answer)


def test_the_sandbox_is_told_by_either_channel_alone() -> None:
    series = series_of(TENCENT, busy_days(TENCENT, 3), source="sandbox:longbridge")
    answer = answer_of(series, "concise")
    assert answer.source == "sandbox:longbridge"
    assert "invented figures" in answer.summary
    assert "SANDBOX" in concise_text(answer)


def test_rows_lost_are_counted_in_the_notes() -> None:
    answer = answer_of(series_of(TENCENT, busy_days(TENCENT, 3), unreadable=2), "concise")
    assert answer.complete is False
    assert any("2 rows" in note for note in answer.notes)


def test_an_empty_answer_explains_itself() -> None:
    answer = answer_of(series_of(TENCENT, [], ending=Ending.HISTORY_BEGINS), "concise")
    assert [answer.first_date, answer.last_date, answer.returned, answer.rows] == [None, None, 0, []]
    assert "No short-volume days for 700.HK" in answer.summary
    assert any("designated securities" in note for note in answer.notes)


@pytest.mark.parametrize("response_format", ["concise", "full"])
@pytest.mark.parametrize("symbol", [TENCENT, TESLA], ids=str)
def test_the_texts_are_as_reviewed(
    symbol: Symbol, response_format: ResponseFormat, snapshot: Callable[[str, str], None]
) -> None:
    answer = answer_of(series_of(symbol, ordinary_days(12)), response_format)
    text = (full_text if response_format == "full" else concise_text)(answer)
    structured = json.dumps(answer.model_dump(), indent=1)
    snapshot(f"answer_{symbol}_{response_format}.txt", f"{text}\n\n----\n{structured}\n")


def ordinary_days(count: int) -> list[Day]:
    weekdays = [day for back in range(2 * count) if (day := NEWEST - timedelta(days=back)).weekday() < 5]
    return [
        Day(day, 2_000_000 + 150_000 * (back % 4), 20_000_000 + 1_000_000 * (back % 3), 450.2)
        for back, day in enumerate(weekdays[:count])
    ]


GONE = Interruption(
    "No OpenD answers at 127.0.0.1:11111.", "Start OpenD (Futu's or moomoo's gateway) and log in.", None
)
INTERRUPTED = {
    "kept": replace(GONE, as_of=datetime(2026, 6, 12, 9, 30, tzinfo=UTC).timestamp()),
    "cut_short": Interruption(*out_of_time(45).args, None),
}


@pytest.mark.parametrize("what", INTERRUPTED)
def test_the_text_of_an_interrupted_answer_is_as_reviewed(what: str, snapshot: Callable[[str, str], None]) -> None:
    series = series_of(TENCENT, ordinary_days(6), ending=Ending.INTERRUPTED)
    answer = answer_of(replace(series, interruption=INTERRUPTED[what]))
    assert not answer.complete
    snapshot(f"answer_{what}.txt", f"{concise_text(answer)}\n")


def test_the_text_of_a_restated_answer_is_as_reviewed(snapshot: Callable[[str, str], None]) -> None:
    series = replace(series_of(TENCENT, ordinary_days(6)), restated=[NEWEST, NEWEST - timedelta(1)])
    snapshot("answer_restated.txt", f"{concise_text(answer_of(series))}\n")


figures = st.none() | st.integers(0, 10**12)
money = st.none() | st.floats(0, 1e13)


@given(
    st.lists(
        st.builds(Day, st.dates(), figures, figures, money, money, money, money, money, money, money, figures, figures),
        max_size=40,
        unique_by=lambda day: day.date,
    ),
    st.sampled_from([TENCENT, TESLA]),
    st.sampled_from(["concise", "full"]),
)
def test_any_days_give_a_text_within_its_budget_and_json_without_nan(
    days: list[Day], symbol: Symbol, response_format: ResponseFormat
) -> None:
    series = series_of(symbol, sorted(days, key=lambda day: day.date, reverse=True))
    answer = answer_of(series, response_format)
    json.dumps(answer.model_dump(), allow_nan=False)
    assert len(concise_text(answer_of(series)).encode()) <= 2048


def part_of_nyse(days: list[Day], *, part: int | None) -> Series:
    return series_of(TESLA, [day._replace(nyse_short_volume=part) for day in days])


class TestTheNysePart:
    """Longbridge sends 0 for every day where Futu has a million shares: the part is missing."""

    def test_zero_on_every_day_is_missing(self) -> None:
        answer = answer_of(part_of_nyse(busy_days(TESLA, 5), part=0), "full")
        assert "nasdaq_short_volume" in answer.columns
        assert "nyse_short_volume" not in answer.columns
        assert "The NYSE part is not there" in answer.notes[-1]

    @pytest.mark.parametrize("part", [None, 5])
    def test_an_unknown_or_a_real_part_is_not_missing(self, part: int | None) -> None:
        answer = answer_of(part_of_nyse(busy_days(TESLA, 5), part=part), "full")
        assert not [note for note in answer.notes if "NYSE" in note]

    def test_zero_on_one_day_is_a_figure(self) -> None:
        days = busy_days(TESLA, 5)
        days[2] = days[2]._replace(nyse_short_volume=0)
        answer = answer_of(series_of(TESLA, days), "full")
        assert answer.rows[2][answer.columns.index("nyse_short_volume")] == 0
