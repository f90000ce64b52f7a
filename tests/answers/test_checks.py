"""Each check reports its failure in one short plain sentence, and all are silent on a plain series."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import count, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_shortvol.answers.checks import findings
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.question import Question
from mcp_shortvol.domain.short_volume import Day, Ending, Series
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.market.days import MarketDay, listings
from mcp_shortvol.sandbox.market.days import days as invented_days

TODAY = date(2026, 5, 26)  # a Tuesday
NEWEST = date(2026, 5, 25)
TESLA, TENCENT = Symbol("TSLA", Market.US), Symbol("700", Market.HK)


def weekdays_back(number: int) -> list[date]:
    back = (NEWEST - timedelta(days) for days in count())
    return list(islice((day for day in back if day.weekday() < 5), number))


def plain_us_day(day: date) -> Day:
    return Day(
        day, 360_000, 1_000_000, 300.0, source_ratio_pct=36.0, nasdaq_short_volume=200_000, nyse_short_volume=160_000
    )


def plain_hk_day(day: date) -> Day:
    return Day(day, 100_000, 1_000_000, 450.0, short_turnover=45_200_000.0, source_ratio_pct=10.0)


def series(days: Sequence[Day], symbol: Symbol = TESLA, end: date | None = None) -> Series:
    return Series(Question(symbol, 30, None, end), "longbridge", "volume", days, Ending.COVERED, TODAY)


def us_days(number: int = 30) -> list[Day]:
    return [plain_us_day(day) for day in weekdays_back(number)]


def hk_days(number: int = 30) -> list[Day]:
    return [plain_hk_day(day) for day in weekdays_back(number)]


def altered(days: Sequence[Day], *indices: int, **figures: float | None) -> list[Day]:
    """The days with the figures of some changed; 0 is the newest."""
    return [day._replace(**figures) if index in indices else day for index, day in enumerate(days)]  # type: ignore[arg-type]


def said(found: Series, today: date = TODAY) -> str:
    """The one thing that is wrong with a series."""
    (sentence,) = findings(found, today)
    return sentence


@pytest.mark.parametrize("days", [us_days(), us_days(1), []], ids=["a month", "a day", "no day"])
def test_a_plain_us_series_is_silent(days: list[Day]) -> None:
    assert findings(series(days), TODAY) == []


def test_a_plain_hong_kong_series_is_silent() -> None:
    assert findings(series(hk_days(), TENCENT), TODAY) == []


def test_days_without_figures_are_reported_once() -> None:
    blank = [Day(day, None, None, None) for day in weekdays_back(30)]
    assert said(series(blank), TODAY).endswith(
        "and 29 other days the source gave no volumes: the ratio is unknown, not 0."
    )
    assert len(findings(series(blank, TENCENT), TODAY)) == 1
    assert findings(series([Day(day, 0, 0, 0.0) for day in weekdays_back(30)]), TODAY) == []


class TestLostAndDamaged:
    def test_rows_that_could_not_be_read(self) -> None:
        assert said(replace(series(us_days()), unreadable=1)) == (
            "1 row without a date that can be one had to be left out: days may be missing."
        )
        assert said(replace(series([]), unreadable=3)).startswith("3 rows ")

    def test_figures_that_could_not_be_read(self) -> None:
        assert said(series(altered(us_days(), 3, 8, close=None, damaged=True))) == (
            "Figures of 2 days could not be read and are null here: they are unknown, not 0."
        )

    def test_volumes_that_were_not_given(self) -> None:
        assert said(series(altered(us_days(), 3, 8, total_volume=None, source_ratio_pct=None))) == (
            "On 2026-05-20 and 1 other day the source gave no volumes: the ratio is unknown, not 0."
        )

    def test_a_ratio_of_the_source_s_own_stands_in_for_volumes(self) -> None:
        assert findings(series(altered(us_days(), 3, total_volume=None)), NEWEST) == []


class TestRatios:
    def test_short_above_total(self) -> None:
        one = altered(us_days(), 4, short_volume=1_200_000, source_ratio_pct=120.0)
        assert said(series(one)) == (
            "On 2026-05-19 more shares were sold short than traded: a ratio above 100 % is not to be quoted."
        )
        several = altered(us_days(), 4, 7, 9, short_volume=1_200_000, source_ratio_pct=120.0)
        assert said(series(several)).startswith("On 2026-05-19 and 2 other days more shares")

    def test_everything_sold_short_is_possible(self) -> None:
        assert findings(series(altered(us_days(), 4, short_volume=1_000_000, source_ratio_pct=100.0)), TODAY) == []

    def test_the_source_s_own_ratio_disagrees(self) -> None:
        assert said(series(altered(us_days(), 0, source_ratio_pct=13.79))) == (
            "On 2026-05-25 the source's own ratio (13.79 %) is not that of the row's volumes (36.00 %)."
        )
        assert "2026-05-25 and 29 other days" in said(series(altered(us_days(), *range(30), source_ratio_pct=0.36)))

    @pytest.mark.parametrize("own", [35.995, 36.005, 35.999, 36.01, 35.99, None])
    def test_a_vendor_s_rounding_is_no_disagreement(self, own: float | None) -> None:
        assert findings(series(altered(us_days(), 0, source_ratio_pct=own)), TODAY) == []

    def test_a_ratio_that_stands_in_for_volumes_cannot_disagree_with_them(self) -> None:
        assert findings(series(altered(us_days(), 0, total_volume=None, source_ratio_pct=99.0)), TODAY) == []


class TestAveragePrice:
    def test_a_turnover_that_is_none(self) -> None:
        shares_as_money = altered(hk_days(), 2, short_turnover=100_000.0)
        assert said(series(shares_as_money, TENCENT)) == (
            "On 2026-05-21 the average short price (1) is far from the close (450): a field may be mislabelled."
        )

    @pytest.mark.parametrize(("average", "silent"), [(450 * 0.86, True), (450 * 1.14, True), (450 * 1.16, False)])
    def test_prices_of_the_day_lie_within_15_percent(self, average: float, silent: bool) -> None:
        days = altered(hk_days(), 2, short_turnover=average * 100_000)
        assert (findings(series(days, TENCENT), TODAY) == []) is silent


class TestPriceStep:
    @pytest.mark.parametrize(
        ("close_before", "event"),
        [
            (600.0, "a 2-for-1 split"),
            (1480.0, "a 5-for-1 split"),
            (3060.0, "a 10-for-1 split"),
            (30.0, "a 1-for-10 consolidation"),
            (72.0, "a 1-for-4 consolidation"),
            (200.0, "a split or consolidation"),
            (510.0, "a split or consolidation"),
        ],
    )
    def test_a_step_names_what_it_looks_like(self, close_before: float, event: str) -> None:
        stepped = altered(us_days(), *range(10, 30), close=close_before)
        assert said(series(stepped)) == (
            f"The close goes from {close_before:,g} (2026-05-11) to 300 (2026-05-12): if {event}, "
            "share counts before and after are not comparable."
        )

    @pytest.mark.parametrize("close_before", [410.0, 240.0, None, 0.0])
    def test_an_ordinary_move_or_an_unknown_close_is_none(self, close_before: float | None) -> None:
        assert findings(series(altered(us_days(), *range(10, 30), close=close_before)), TODAY) == []

    def test_the_largest_of_several_steps_is_reported(self) -> None:
        steps = altered(altered(us_days(), *range(10, 20), close=600.0), *range(20, 30), close=6000.0)
        assert "a 10-for-1 split" in said(series(steps))


def without(days: Sequence[Day], *indices: int) -> list[Day]:
    """The days but for some; 0 is the newest."""
    return [day for index, day in enumerate(days) if index not in indices]


class TestDates:
    def test_a_missing_trading_day_is_named(self) -> None:
        assert said(series(without(us_days(), 3))) == (
            "No row for 2026-05-20, a trading day: a suspension, or the source left it out."
        )

    def test_of_several_how_many_the_first_and_the_last(self) -> None:
        assert said(series(without(us_days(), 3, 10, 11))) == (
            "No rows for 3 trading days, the first 2026-05-08, the last 2026-05-20: "
            "a suspension, or the source left them out."
        )

    def test_one_missing_day_in_hong_kong_may_be_an_unscheduled_closing(self) -> None:
        closed = "perhaps the exchange was closed; else a suspension, or the source left"
        assert said(series(without(hk_days(), 3), TENCENT)) == f"No row for 2026-05-20, a trading day: {closed} it out."
        assert said(series(without(hk_days(), 3, 10), TENCENT)) == (
            f"No rows for 2 trading days, the first 2026-05-11, the last 2026-05-20: {closed} them out."
        )
        assert "closed" not in said(series(without(hk_days(), 3, 4), TENCENT))

    def test_a_missing_day_may_be_one_of_the_rows_that_could_not_be_read(self) -> None:
        assert findings(replace(series(without(hk_days(), 3), TENCENT), unreadable=1), TODAY)[1:] == [
            "No row for 2026-05-20, a trading day: perhaps among the rows that could not be read."
        ]

    @pytest.mark.parametrize("market", [TESLA, TENCENT], ids=str)
    def test_a_holiday_or_a_weekend_is_not_missed(self, market: Symbol) -> None:
        plain = plain_us_day if market is TESLA else plain_hk_day
        over_a_holiday = [plain(date(2026, 5, 26)), plain(date(2026, 5, 22))]  # closed on 25 May in both markets
        assert findings(series(over_a_holiday, market), date(2026, 5, 27)) == []

    def test_days_before_the_oldest_and_after_the_newest_row_are_not_missed(self) -> None:
        assert findings(series(us_days()[1:]), date(2026, 5, 28)) == []

    def test_nothing_is_missed_in_years_that_the_calendar_does_not_know(self) -> None:
        unknown = [plain_hk_day(date(2013, 5, 31)), plain_hk_day(date(2013, 5, 2))]
        assert findings(series(unknown, TENCENT, date(2013, 5, 31)), TODAY) == []
        half_known = [plain_hk_day(date(2014, 1, 6)), plain_hk_day(date(2013, 12, 2))]
        assert said(series(half_known, TENCENT, date(2014, 1, 6))).startswith(
            "No rows for 2 trading days, the first 2014-01-02, the last 2014-01-03: "
        )

    def test_an_old_newest_day(self) -> None:
        days = us_days()[1:]  # up to Friday, 22 May; the Monday after it is Memorial Day
        assert findings(series(days), date(2026, 6, 1)) == []
        assert said(series(days), date(2026, 6, 2)) == (
            "The newest day, 2026-05-22, is 6 trading days before today: a suspension, or a source that lags."
        )
        assert "before today" in said(series(days, end=date(2027, 1, 1)), date(2026, 6, 2))

    def test_the_row_of_today_is_not_expected_yet_but_all_before_it_are(self) -> None:
        days = us_days()[2:]  # up to Thursday, 21 May
        assert findings(series(days), date(2026, 5, 29)) == []  # four rows are missing
        assert "is 6 trading days before today" in said(series(days), date(2026, 5, 30))  # five, on a Saturday

    def test_a_question_about_the_past_is_not_stale(self) -> None:
        assert findings(series(us_days(), end=NEWEST + timedelta(days=3)), date(2027, 1, 4)) == []

    def test_days_that_stop_before_the_end_asked_for(self) -> None:
        assert said(series(us_days(), end=date(2026, 6, 30)), date(2027, 1, 4)) == (
            "The newest day, 2026-05-25, is 25 trading days before the end asked for, 2026-06-30: "
            "a suspension, or a source that lags."
        )


class TestHoliday:
    """The newest weekday before today was no trading day: whoever asks for yesterday is told why it is missing."""

    def test_the_holiday_is_named(self) -> None:
        days = us_days()[1:]  # up to Friday, 22 May; Monday the 25th was Memorial Day
        assert said(series(days), date(2026, 5, 26)) == "2026-05-25 was Memorial Day: the newest US day is 2026-05-22."

    def test_an_ordinary_day_an_older_end_and_a_newest_day_that_is_there_are_silent(self) -> None:
        days = us_days()[1:]
        assert findings(series(days), date(2026, 5, 23)) == []
        assert findings(series(days), date(2026, 5, 27)) == []
        assert findings(series(days, end=date(2026, 5, 22)), date(2026, 5, 26)) == []


class TestThinDay:
    def test_a_latest_day_far_below_the_usual_volume(self) -> None:
        days = altered(us_days(), 0, short_volume=18_000, total_volume=50_000)
        assert said(series(days)) == (
            "Only 50,000 shares traded on 2026-05-25, a usual day has 1,000,000: that day's ratio means little."
        )

    def test_an_older_thin_day_and_a_half_session_are_silent(self) -> None:
        assert findings(series(altered(us_days(), 3, short_volume=18_000, total_volume=50_000)), TODAY) == []
        assert findings(series(altered(us_days(), 0, short_volume=108_000, total_volume=300_000)), TODAY) == []

    def test_a_handful_of_shares(self) -> None:
        days = altered(us_days(2), 0, 1, short_volume=180, total_volume=500)
        assert said(series(days)) == "Only 500 shares traded on 2026-05-25: that day's ratio means little."


def test_the_most_important_comes_first() -> None:
    days = altered(us_days(), *range(30), short_volume=2_000_000, damaged=True)
    found = findings(replace(series(days[7:]), unreadable=2), TODAY)
    assert [sentence.split()[0] for sentence in found] == ["2", "Figures", "On", "On", "The"]
    assert "sold short than traded" in found[2]
    assert "source's own ratio" in found[3]
    assert "newest day" in found[4]


shares = st.one_of(st.none(), st.integers(0, 10**15))
money = st.one_of(st.none(), st.floats(0, 10**18), st.sampled_from([0.0, 1e-19, 123456.789, 1e18]))
any_day = st.builds(
    Day,
    date=st.dates(),
    short_volume=shares,
    total_volume=shares,
    close=money,
    short_turnover=money,
    source_ratio_pct=money,
    nasdaq_short_volume=shares,
    nyse_short_volume=shares,
    damaged=st.booleans(),
)


@given(st.lists(any_day, max_size=12, unique_by=lambda day: day.date), st.dates(), st.sampled_from((TESLA, TENCENT)))
def test_whatever_a_vendor_sends_the_notes_stay_short_and_plain(days: list[Day], today: date, symbol: Symbol) -> None:
    newest_first = sorted(days, key=lambda day: day.date, reverse=True)
    for sentence in findings(replace(series(newest_first, symbol), unreadable=1000), today):
        assert len(sentence) <= 160, sentence
        assert sentence.isascii()
        assert sentence.isprintable()
        assert sentence.endswith(".")


def over_futu(day: MarketDay) -> Day:
    """A day of the invented market with the consolidated volume, and the ratio cut to 3 decimals in the US."""
    cut = None if day.nyse_short_volume is None else 100_000 * day.short_volume // day.volume / 1000
    return _as_day(day, day.volume, cut)


def over_longbridge(day: MarketDay) -> Day:
    """The same day with a vendor's ratio of 4 decimals."""
    return _as_day(day, day.volume, 100 * float(f"{day.short_volume / day.volume:.4f}"))


def _as_day(day: MarketDay, volume: int, ratio: float | None) -> Day:
    return Day(
        day.date,
        day.short_volume,
        volume,
        day.close,
        short_turnover=day.short_turnover,
        source_ratio_pct=ratio,
        nasdaq_short_volume=day.nasdaq_short_volume,
        nyse_short_volume=day.nyse_short_volume,
    )


@pytest.mark.parametrize("vendor", [over_futu, over_longbridge])
@pytest.mark.parametrize("symbol", listings(), ids=str)
def test_the_invented_market_is_silent(symbol: Symbol, vendor: Callable[[MarketDay], Day]) -> None:
    history = [vendor(day) for day in invented_days(symbol, date(2026, 8, 28))][::-1]
    assert findings(series(history, symbol), history[0].date) == []
    for newest in range(0, len(history), 7):
        month = history[newest : newest + 30]
        assert findings(series(month, symbol), month[0].date) == []
