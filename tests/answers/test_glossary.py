"""The glossary has every field of the answers, in one short line."""

from itertools import chain

import pytest

from mcp_shortvol.answers.comparison import comparison_of
from mcp_shortvol.answers.glossary import GLOSSARY, glossary_text
from mcp_shortvol.answers.notable_days import NotableDay
from mcp_shortvol.answers.short_volume import answer_of
from tests.answers.test_short_volume import TENCENT, TESLA, busy_days, series_of

FIELDS = set(chain.from_iterable(GLOSSARY.values()))


def test_every_statistic_is_described_in_its_order() -> None:
    statistics = answer_of(series_of(TENCENT, busy_days(TENCENT, 60))).statistics
    assert statistics is not None
    assert list(GLOSSARY["statistics"]) == list(statistics)
    assert list(GLOSSARY["short_volume and short_turnover in statistics"]) == list(statistics["short_volume"])
    assert list(GLOSSARY["notable_days, in this order"]) == list(NotableDay._fields)


@pytest.mark.parametrize("symbol", [TENCENT, TESLA], ids=str)
def test_every_column_is_described(symbol: object) -> None:
    series = series_of(symbol, busy_days(symbol, 60))  # type: ignore[arg-type]
    compared = comparison_of([series], {}).columns
    assert set(answer_of(series, "full").columns[1:]) <= FIELDS
    assert set(compared) - {"symbol", "last_date"} <= FIELDS


def test_a_description_has_at_most_60_characters() -> None:
    words = list(chain.from_iterable(fields.values() for fields in GLOSSARY.values()))
    assert max(map(len, words)) <= 60
    assert all(line.endswith(".") for line in words)


def test_the_text_has_them_all() -> None:
    text = glossary_text()
    assert all(f"- {name}: " in text for name in FIELDS)
    assert len(text.encode()) <= 6656
