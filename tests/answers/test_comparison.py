"""What a comparison says of the series it stands on."""

import json
import statistics
from dataclasses import replace
from itertools import pairwise

from mcp_shortvol.answers.comparison import CompareBy, Comparison, comparison_of, comparison_text
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Day, Ending, Interruption, Series
from mcp_shortvol.domain.symbols import Symbol
from tests.answers.test_short_volume import NEWEST, busy_days, series_of, weekdays

KEPT = Interruption("OpenD at 127.0.0.1:11111 refused the connection.", "Start it.", 1_781_280_000.0)


def ten(interruption: Interruption | None, restated: int) -> Comparison:
    found: list[Series] = []
    for number in range(10):
        symbol = Symbol(str(9000 + number), Market.HK)
        series = series_of(symbol, busy_days(symbol, 60), ending=Ending.INTERRUPTED if interruption else Ending.COVERED)
        dates = weekdays(10) if number < restated else []
        found.append(replace(series, interruption=interruption, restated=dates))
    return comparison_of(found, {})


def test_kept_days_are_dated_and_the_reason_given_within_the_budgets() -> None:
    found = ten(KEPT, 0)
    assert not found.complete
    assert any("As kept on 2026-06-12" in note and "9009.HK" in note and KEPT.what in note for note in found.notes)
    assert len(json.dumps(found.model_dump(), separators=(",", ":")).encode()) <= 4096
    text = comparison_text(found)
    assert "INCOMPLETE" in text
    assert "As kept on" in text
    assert len(text.encode()) <= 2048


def test_who_was_restated_is_named() -> None:
    found = ten(None, 2)
    assert found.complete
    assert [note for note in found.notes if "Restated" in note] == [
        "Restated by the source since last asked, perhaps for a split: 9000.HK, 9001.HK."
    ]
    assert not any("Restated" in note or "kept" in note for note in ten(None, 0).notes)
    assert str(NEWEST) in found.summary


def one(code: str, market: Market, ratios: list[int], closes: tuple[float, float] = (110.0, 100.0)) -> Series:
    """A series with such shorts of 1,000 shares, newest first."""
    prices = [*closes, *[100.0] * len(ratios)]
    days = [Day(day, short, 1000, prices[n]) for n, (day, short) in enumerate(zip(weekdays(60), ratios, strict=False))]
    return series_of(Symbol(code, market), days)


def test_a_jump_is_measured_against_the_changes_before_it() -> None:
    ratios = [150, *[100 + (7 * n) % 5 for n in range(30)]]
    found = comparison_of([one("A", Market.US, ratios), one("B", Market.US, [*ratios[1:], 100])], {}, "change")
    row = dict(zip(found.columns, found.rows[0], strict=True))
    changes = [(newer - older) / 10 for newer, older in pairwise(ratios)]
    z_score = (changes[0] - statistics.mean(changes[1:])) / statistics.stdev(changes[1:])
    assert [row["symbol"], row["change_z"]] == ["A.US", round(z_score, 2)]
    assert [row["price_change_pct"], row["short_volume"], row["days"]] == [10.0, 150, 31]
    assert found.summary.startswith("Biggest jump for its own changes: A.US, 15.00 %")


def test_each_order_has_its_own_first_and_ratios_are_ranked_within_a_market_only() -> None:
    calm = [100 + n % 3 for n in range(30)]
    found = [
        one("LOW", Market.US, [99, *calm]),
        one("HIGH", Market.US, [400 + n % 2 for n in range(31)]),
        one("700", Market.HK, [900 + n % 4 for n in range(31)]),
    ]
    orders: dict[CompareBy, list[str]] = {
        by: [row[0] for row in comparison_of(found, {}, by).rows] for by in ("z_score", "percentile", "latest")
    }
    assert orders["z_score"][0] == "LOW.US"
    assert orders["percentile"][-1] == "LOW.US"
    assert orders["latest"] == ["700.HK", "HIGH.US", "LOW.US"]
    assert comparison_of(found[:2], {}, "latest").summary.startswith("Highest ratio: HIGH.US, 40.00 %")
