"""What a comparison says of the series it stands on."""

import json
from dataclasses import replace

from mcp_shortvol.answers.comparison import Comparison, comparison_of, comparison_text
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Ending, Interruption, Series
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
