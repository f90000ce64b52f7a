"""FINRA's records → days and reports: golden rows, and everything that a cell may hold."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mcp_shortvol.domain.errors import InvalidRequest, UpstreamChanged
from mcp_shortvol.domain.short_interest import days_to_cover
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sources.finra.records import quantity, read_days, read_reports
from mcp_shortvol.sources.finra.spelling import interest_code, symbol_of, volume_code
from mcp_shortvol.sources.scalars import Unreadable

GOLDEN = Path(__file__).parents[2] / "wire" / "golden" / "finra"


def golden(name: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads((GOLDEN / name).read_text(), parse_float=Decimal)
    return records


def record(**cells: Any) -> dict[str, Any]:
    return {
        "tradeReportDate": "2026-05-15",
        "securitiesInformationProcessorSymbolIdentifier": "AAPL",
        "reportingFacilityCode": "NQTRF",
        "shortParQuantity": 10,
        "shortExemptParQuantity": 1,
        "totalParQuantity": 20,
    } | cells


class TestGoldenRows:
    def test_a_day_is_the_sum_of_its_three_facilities_rounded_once(self) -> None:
        newest, day = read_days(golden("regShoDaily_AAPL_20260728.json"), "AAPL").days
        assert day.date == date(2026, 7, 28)
        # 8101622.503547 + 71287.391347 + 1433075.91414 and 17193767.649164 + 139754.385672 + 1756412.25786
        assert (day.short_volume, day.total_volume, day.exempt_short_volume) == (9_605_986, 19_089_934, 42_284)
        assert (day.nqtrf_short_volume, day.nctrf_total_volume, day.nytrf_short_volume) == (
            8_101_623,
            139_754,
            1_433_076,
        )
        assert (day.orf_short_volume, day.adf_total_volume) == (None, None)
        assert (newest.date, newest.short_volume) == (date(2026, 7, 29), 8_104_492)

    def test_short_interest_of_apple(self) -> None:
        records = [
            r for r in golden("consolidatedShortInterest_20260831_20260915_extract.json") if r["symbolCode"] == "AAPL"
        ]
        newest, before = read_reports(records, "AAPL").days
        assert (newest.date, newest.short_interest) == (date(2026, 9, 15), 128_753_092)
        assert newest.previous_short_interest == before.short_interest == 139_749_097
        assert round(days_to_cover(newest) or 0, 2) == 2.85

    def test_every_golden_report_s_days_to_cover_are_the_quotient(self) -> None:
        for each in golden("consolidatedShortInterest_20260831_20260915_extract.json"):
            (report,) = read_reports([each], each["symbolCode"]).days
            assert abs((days_to_cover(report) or 0) - float(each["daysToCoverQuantity"])) < 0.006


class TestCells:
    @pytest.mark.parametrize("value", [10, Decimal("10.000001"), "10", "10.5", Decimal(10) ** 15])
    def test_a_quantity_is_a_number_or_its_digits(self, value: object) -> None:
        assert quantity(value) == Decimal(str(value))

    @pytest.mark.parametrize(
        "value", [True, -1, 1.5, "1e3", "NaN", "-1", "1_000", [], {}, Decimal("1e16"), Decimal("-0.1"), "９"]
    )
    def test_anything_else_is_damage(self, value: object) -> None:
        with pytest.raises(Unreadable):
            quantity(value)

    def test_one_damaged_facility_makes_the_day_unknown_and_not_smaller(self) -> None:
        (day,) = read_days([record(), record(reportingFacilityCode="NYTRF", totalParQuantity="many")], "AAPL").days
        assert (day.short_volume, day.total_volume, day.damaged) == (None, None, True)

    def test_a_facility_without_a_figure_makes_the_sum_unknown(self) -> None:
        (day,) = read_days([record(), record(reportingFacilityCode="NYTRF", totalParQuantity=None)], "AAPL").days
        assert (day.short_volume, day.total_volume, day.damaged) == (20, None, False)

    def test_a_facility_that_nobody_knows_is_part_of_the_sum(self) -> None:
        (day,) = read_days([record(), record(reportingFacilityCode="NEW")], "AAPL").days
        assert (day.short_volume, day.total_volume) == (20, 40)

    def test_the_same_record_twice_counts_once_and_two_versions_are_damage(self) -> None:
        (day,) = read_days([record(), record()], "AAPL").days
        assert day.short_volume == 10
        (day,) = read_days([record(), record(shortParQuantity=11)], "AAPL").days
        assert (day.short_volume, day.damaged) == (None, True)

    @pytest.mark.parametrize("value", [None, "", "15/05/2026", "2026-13-01", 20260515, []])
    def test_a_record_without_a_date_is_counted(self, value: object) -> None:
        rows = read_days([record(tradeReportDate=value), None, "x", record()], "AAPL")
        assert (len(rows.days), rows.unreadable) == (1, 3)

    def test_lower_case_is_the_same_security_and_another_one_is_refused(self) -> None:
        name = "securitiesInformationProcessorSymbolIdentifier"
        assert read_days([record(**{name: "aapl"})], "AAPL").days
        with pytest.raises(UpstreamChanged, match="another security"):
            read_days([record(**{name: "MSFT"})], "AAPL")

    def test_flags(self) -> None:
        report = {"settlementDate": "2026-04-30", "symbolCode": "GME", "currentShortPositionQuantity": 5}
        (plain,) = read_reports([{**report, "stockSplitFlag": "", "revisionFlag": None}], "GME").days
        assert (plain.split, plain.revised) == (None, None)
        (flagged,) = read_reports([{**report, "stockSplitFlag": "Y", "revisionFlag": "R"}], "GME").days
        assert (flagged.split, flagged.revised) == (True, True)


class TestSpelling:
    @pytest.mark.parametrize(
        ("symbol", "volume", "interest"),
        [("AAPL", "AAPL", "AAPL"), ("BRK.B", "BRK/B", "BRKB"), ("US.BF.A", "BF/A", "BFA")],
    )
    def test_share_classes(self, symbol: str, volume: str, interest: str) -> None:
        asked = Symbol.parse(symbol)
        assert [volume_code(asked), interest_code(asked)] == [volume, interest]
        assert symbol_of(volume) == str(asked)

    def test_a_preferred_share_has_an_established_spelling_in_short_interest_only(self) -> None:
        preferred = Symbol.parse("ABR.PRD")
        assert interest_code(preferred) == "ABRPRD"
        with pytest.raises(InvalidRequest, match="not established"):
            volume_code(preferred)
        with pytest.raises(InvalidRequest, match="not established"):
            interest_code(Symbol.parse("ACAQ.WS"))

    def test_hong_kong_is_refused_with_who_has_it(self) -> None:
        with pytest.raises(InvalidRequest, match=r"FINRA has US securities only, and 700\.HK is a Hong Kong stock"):
            volume_code(Symbol.parse("700.HK"))

    def test_what_is_not_established_is_shown_as_it_is_and_made_plain(self) -> None:
        assert symbol_of("ABRpD") == "ABRpD"
        assert symbol_of("A\x1b<b>") == "A??b?"
