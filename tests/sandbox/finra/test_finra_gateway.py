"""The simulated FINRA service against the wire notes: the real rows, pages, refusals and the credential."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from mcp_shortvol.sandbox.runner import Sandbox

GOLDEN = Path(__file__).parents[2] / "wire" / "golden" / "finra"
SYMBOL = "securitiesInformationProcessorSymbolIdentifier"
FIELDS = [
    "reportingFacilityCode",
    "marketCode",
    "tradeReportDate",
    SYMBOL,
    "shortParQuantity",
    "shortExemptParQuantity",
    "totalParQuantity",
]
VOLUME, INTEREST = "/data/group/otcMarket/name/regShoDaily", "/data/group/otcMarket/name/consolidatedShortInterest"


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with Sandbox(date(2026, 10, 5)) as sandbox:
        base = sandbox.environment()["FINRA_API_URL"]
        with httpx.Client(base_url=base, headers={"Accept": "application/json"}, trust_env=False) as opened:
            yield opened


def question(symbol: str, first: str, last: str, **more: Any) -> dict[str, Any]:
    return {
        "fields": FIELDS,
        "compareFilters": [{"compareType": "EQUAL", "fieldName": SYMBOL, "fieldValue": symbol}],
        "dateRangeFilters": [{"fieldName": "tradeReportDate", "startDate": first, "endDate": last}],
        "limit": 5000,
        "offset": 0,
        **more,
    }


def ask(client: httpx.Client, body: dict[str, Any], path: str = VOLUME) -> list[dict[str, Any]]:
    answer = client.post(path, json=body)
    if answer.status_code == 204:
        return []
    assert answer.status_code == 200, answer.text
    records: list[dict[str, Any]] = json.loads(answer.content, parse_float=Decimal)
    return records


def test_the_real_records_of_a_day(client: httpx.Client) -> None:
    real = json.loads((GOLDEN / "regShoDaily_AAPL_20260728.json").read_text(), parse_float=Decimal)
    expected = {r["reportingFacilityCode"]: r for r in real if r["tradeReportDate"] == "2026-07-28"}
    found = {r["reportingFacilityCode"]: r for r in ask(client, question("AAPL", "2026-07-28", "2026-07-28"))}
    assert found == expected


@pytest.mark.parametrize(
    ("symbol", "day", "short", "total"),
    [
        ("AAPL", "2026-05-15", "8714049.111124", "16275822.859084"),
        ("BRK/B", "2026-07-30", "691476.764953", "1280099.715143"),
        ("TSLA", "2026-10-02", "10560764.437545", "24014679.865443"),
    ],
)
def test_three_facilities_add_up_to_the_real_sums(
    client: httpx.Client, symbol: str, day: str, short: str, total: str
) -> None:
    records = ask(client, question(symbol, day, day))
    assert len(records) == 3
    assert sum(Decimal(r["shortParQuantity"]) for r in records) == Decimal(short)
    assert sum(Decimal(r["totalParQuantity"]) for r in records) == Decimal(total)


def test_quantities_are_whole_before_fractions_came(client: httpx.Client) -> None:
    early = ask(client, question("TSLA", "2026-02-17", "2026-02-20"))
    assert all(type(r["totalParQuantity"]) is int for r in early)
    assert any(
        type(r["totalParQuantity"]) is Decimal for r in ask(client, question("TSLA", "2026-02-23", "2026-02-27"))
    )


def test_every_real_report(client: httpx.Client) -> None:
    real = json.loads((GOLDEN / "consolidatedShortInterest_20260831_20260915_extract.json").read_text())
    for expected in real:
        if expected["symbolCode"] not in {"AAPL", "NVDA", "TSLA"}:
            continue
        body = {
            "fields": list(expected),
            "compareFilters": [
                {"compareType": "EQUAL", "fieldName": "symbolCode", "fieldValue": expected["symbolCode"]}
            ],
            "limit": 5000,
        }
        found = json.loads(client.post(INTEREST, json=body).content)
        assert [r for r in found if r["settlementDate"] == expected["settlementDate"]] == [expected]


def test_records_come_in_no_order_and_pages_fit_together(client: httpx.Client) -> None:
    whole = ask(client, question("AAPL", "2026-01-01", "2026-10-05"))
    dates = [record["tradeReportDate"] for record in whole]
    assert dates != sorted(dates)
    assert dates != sorted(dates, reverse=True)
    pages = [
        ask(client, question("AAPL", "2026-01-01", "2026-10-05", limit=100, offset=at)) for at in range(0, 700, 100)
    ]
    assert [record for page in pages for record in page] == whole


def test_the_headers_of_a_page(client: httpx.Client) -> None:
    answer = client.post(VOLUME, json=question("AAPL", "2026-05-11", "2026-05-15", limit=4))
    assert [answer.headers[f"record-{name}"] for name in ("total", "offset", "limit", "max-limit")] == [
        "15",
        "0",
        "4",
        "5000",
    ]


@pytest.mark.parametrize(
    "body",
    [
        question("NOBODY", "2026-05-11", "2026-05-15"),
        question("AAPL", "2026-05-16", "2026-05-17"),
        question("AAPL", "2024-05-13", "2024-05-17"),
        question("AAPL", "2026-05-11", "2026-05-15", offset=5000),
    ],
)
def test_no_records_are_204_without_a_body(client: httpx.Client, body: dict[str, Any]) -> None:
    answer = client.post(VOLUME, json=body)
    assert [answer.status_code, answer.content] == [204, b""]


@pytest.mark.parametrize(
    "wrong",
    [{"sortFields": ["tradeReportDate"]}, {"limit": 5001}, {"fields": None}, {"compareFilters": []}],
)
def test_a_wrong_question_is_400(client: httpx.Client, wrong: dict[str, Any]) -> None:
    answer = client.post(VOLUME, json=question("AAPL", "2026-05-11", "2026-05-15", **wrong))
    assert answer.status_code == 400
    assert answer.json()["statusCode"] == 400


def test_without_the_accept_header_it_is_csv(client: httpx.Client) -> None:
    answer = client.post(VOLUME, json=question("AAPL", "2026-05-15", "2026-05-15"), headers={"Accept": "*/*"})
    assert answer.text.startswith("reportingFacilityCode,marketCode,")


def test_a_whole_market_day_takes_pages_at_its_real_size() -> None:
    with Sandbox(date(2026, 10, 5)) as sandbox:
        sandbox.finra.additional = 12_457
        base = sandbox.environment()["FINRA_API_URL"]
        with httpx.Client(base_url=base, headers={"Accept": "application/json"}, trust_env=False, timeout=30) as client:
            equal = [{"compareType": "EQUAL", "fieldName": "tradeReportDate", "fieldValue": "2026-10-02"}]
            body = {"fields": FIELDS, "compareFilters": equal, "limit": 5000, "offset": 0}
            total = int(client.post(VOLUME, json=body).headers["record-total"])
    assert 25_000 <= total <= 35_000
