"""Tables in text: one unit and one number of decimals a column, aligned in Chinese too, and nothing lost unsaid."""

import pytest
from tabulate import tabulate as _  # noqa: F401 - the library must be there with its wide characters
from wcwidth import wcswidth

from mcp_shortvol.answers.tables import fitted


def column(name: str, values: list[object]) -> list[str]:
    """Head and cells of one column."""
    rows = [[str(number), value] for number, value in enumerate(values)]
    lines = fitted(("head",), ("symbol", name), rows, "foot").split("\n\n")[1].splitlines()
    return [line.split("|")[1].strip() for line in lines if "---" not in line]


@pytest.mark.parametrize(
    ("name", "values", "cells"),
    [
        ("close", [7, 7.07, 100.0], ["Close", "7.00", "7.07", "100.00"]),
        ("close", [0.495, 1.2], ["Close", "0.495", "1.200"]),
        ("short_ratio_pct", [31, 31.91, None], ["Short %", "31.00", "31.91", "-"]),
        ("short_volume", [2_926_000, 29_497_076], ["Short M", "2.93", "29.50"]),
        ("short_volume", [900_000, 2_926_000], ["Short k", "900", "2,926"]),
        ("short_volume", [0, 5_000_000], ["Short M", "0.00", "5.00"]),
        ("short_volume", [12, 5_000_000], ["Short", "12", "5,000,000"]),
        ("short_volume_change", [-1_500, 25_000], ["Short change k", "-1.50", "25.00"]),
        ("days", [5, 20], ["Days", "5", "20"]),
    ],
)
def test_a_column_has_one_unit_and_one_number_of_decimals(name: str, values: list[object], cells: list[str]) -> None:
    assert column(name, values) == cells


def test_chinese_names_keep_the_columns_aligned() -> None:
    rows = [["700.HK", "騰訊控股", 5], ["9.HK", "Nine", 7]]
    lines = fitted(("head",), ("symbol", "name", "days"), rows, "foot").split("\n\n")[1].splitlines()
    assert len({wcswidth(line.rpartition("|")[0]) for line in lines if "---" not in line}) == 1


def test_rows_without_room_are_counted_where_each_counts() -> None:
    rows = [[f"{number}.HK", "x" * 40, number] for number in range(60)]
    text = fitted(("head",), ("symbol", "name", "days"), rows, "- foot", every_row_counts=True)
    shown = text.count(".HK")
    assert len(text.encode()) <= 2048
    assert f"- {60 - shown} more rows had no room here" in text
    assert "had no room" not in fitted(("head",), ("symbol", "name", "days"), rows[:3], "- foot", every_row_counts=True)
