"""The simulated OpenD's short interest and ranking: published reports, every order, changing lists, limits."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.futu_reports import report_rows
from mcp_shortvol.sandbox.market.ranking import SORT_ONLY_FIELDS, ranked_stocks
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.sandbox.opend.server import OpenDService
from tests.sandbox.opend.test_opend import Client

GOLDEN = Path(__file__).parents[2] / "wire" / "golden" / "opend_positions"
AS_OF = date(2026, 5, 8)


def recorded(name: str) -> dict[str, Any]:
    packet = bytes.fromhex((GOLDEN / f"{name}.hex").read_text())
    envelope: dict[str, Any] = json.loads(packet[44:])
    return envelope


@pytest.fixture
def gateway() -> OpenDGateway:
    return OpenDGateway(AS_OF)


@pytest.fixture
def client(gateway: OpenDGateway) -> Iterator[Client]:
    service = OpenDService(gateway)
    with start_blocking_portal() as portal:
        portal.call(service.start)
        connected = Client(int(service.environment()["FUTU_OPEND_PORT"]))
        with connected.socket:
            yield connected
        portal.call(service.stop)


def interest(client: Client, code: str = "00700", market: int = 1, **more: object) -> dict[str, Any]:
    return client.ask(3249, {"security": {"market": market, "code": code}, **more})


def ranking(client: Client, **c2s: object) -> dict[str, Any]:
    content: dict[str, Any] = client.ask(3415, c2s)["s2c"]
    return content


def codes(content: dict[str, Any]) -> list[str]:
    return [item["security"]["code"] for item in content["dataList"]]


class TestShortInterest:
    def test_the_published_report_is_the_recorded_one(self, client: Client) -> None:
        content = interest(client, num=2)["s2c"]
        assert content["hkItemList"][0] == recorded("006_s2c_3249_json")["s2c"]["hkItemList"][0]
        assert content["nextKey"] == content["hkItemList"][-1]["timestamp"]
        assert content.keys() == {"hkItemList", "nextKey"}

    def test_a_us_report_has_the_recorded_ones_fields(self, client: Client) -> None:
        (report,) = interest(client, "TSLA", 11, num=1)["s2c"]["usItemList"]
        (example,) = recorded("012_s2c_3249_json")["s2c"]["usItemList"]
        assert {name: type(value) for name, value in report.items()} == {
            name: type(value) for name, value in example.items()
        }

    def test_a_report_is_told_when_it_is_published_and_not_before(self) -> None:
        tencent = Symbol("700", Market.HK)
        assert report_rows(tencent, date(2026, 5, 6))[0]["timestampStr"] == "2026-04-24"
        assert report_rows(tencent, date(2026, 5, 7))[0]["timestampStr"] == "2026-04-30"

    def test_without_a_size_ten_reports_come(self, client: Client) -> None:
        assert len(interest(client)["s2c"]["hkItemList"]) == 10

    def test_an_unknown_code_is_refused_as_recorded(self, client: Client) -> None:
        assert interest(client, "NONE1") == recorded("014_s2c_3249_json")

    @pytest.mark.parametrize("bad", [{"num": 0}, {"num": 51}, {"nextKey": "-1"}])
    def test_what_makes_no_sense_is_refused(self, client: Client, bad: dict[str, object]) -> None:
        assert interest(client, **bad)["retType"] == -1


class TestRanking:
    def test_unless_told_otherwise_ten_us_names_by_the_change_of_short_volume(self, client: Client) -> None:
        content = ranking(client)
        changes = [int(item["shortNumberChange"]) for item in content["dataList"]]
        assert changes == sorted(changes, reverse=True)
        assert len(changes) == 10
        assert {item["security"]["market"] for item in content["dataList"]} == {11}

    def test_a_name_has_the_recorded_ones_fields(self, client: Client) -> None:
        (name,) = ranking(client, sortField=6, count=1)["dataList"]
        (example,) = recorded("032_s2c_3415_json")["s2c"]["dataList"]
        assert {field: type(value) for field, value in name.items()} == {
            field: type(value) for field, value in example.items()
        }

    @pytest.mark.parametrize("direction", [0, 1])
    @pytest.mark.parametrize("field", range(1, 15))
    @pytest.mark.parametrize("market", [1, 11])
    def test_pages_lead_through_every_order_without_loss_or_repetition(
        self, gateway: OpenDGateway, client: Client, market: int, field: int, direction: int
    ) -> None:
        gateway.limited = False
        received: list[str] = []
        while True:
            content = ranking(client, market=market, sortField=field, sortDir=direction, offset=len(received), count=35)
            if "dataList" not in content:
                break
            received += codes(content)
        assert len(received) == len(set(received)) == content["allCount"] > 250

    def test_short_ratios_are_topped_by_rmb_counters_of_which_hardly_any_trade(self, client: Client) -> None:
        for item in ranking(client, market=1, sortField=4)["dataList"]:
            assert 80000 <= int(item["security"]["code"]) <= 89999
            assert item["name"].endswith("R")
            assert item["shortRatio"] == 100
            assert int(item["volume"]) < 10_000
            assert "daysToCover" not in item

    def test_days_to_cover_are_topped_by_the_sentinel(self, client: Client) -> None:
        top = ranking(client, sortField=8)["dataList"]
        assert (top[0]["daysToCover"], top[0]["volume"]) == (999.99, "0")

    def test_figures_without_a_name_on_the_wire_can_be_ordered_by(self) -> None:
        names = ranked_stocks(Market.US, AS_OF)
        assert all(set(SORT_ONLY_FIELDS) <= name.figures.keys() for name in names)

    def test_the_markets_names_stand_in_it_with_their_day(self, client: Client) -> None:
        names = {name.symbol: name for name in ranked_stocks(Market.HK, AS_OF)}
        tencent = names[Symbol("700", Market.HK)].figures
        assert (tencent["shortNumber"], tencent["volume"], tencent["closePrice"]) == (2464300, 25207039, 471.4)
        assert tencent["shortNumberChange"] == 2464300 - 4286000
        assert (tencent["shortPositionVolume"], tencent["shortPositionRatio"]) == (51480638, 0.56)

    def test_every_code_is_one_that_can_be_asked_for(self) -> None:
        for market in Market:
            for name in ranked_stocks(market, AS_OF):
                assert Symbol.parse(str(name.symbol)) == name.symbol

    def test_a_list_that_moves_repeats_names(self, gateway: OpenDGateway, client: Client) -> None:
        gateway.moving_list = True
        pages = [codes(ranking(client, market=1, sortField=3, offset=35 * page, count=35)) for page in range(3)]
        assert pages[0][-1] == pages[1][0]
        gateway.moving_list = False
        assert codes(ranking(client, market=1, sortField=3, count=35)) == codes(
            ranking(client, market=1, sortField=3, count=35)
        )

    @pytest.mark.parametrize(
        ("bad", "name"), [({"count": 36}, "028_s2c_3415_json"), ({"market": 21}, "030_s2c_3415_json")]
    )
    def test_what_makes_no_sense_is_refused_as_recorded(
        self, client: Client, bad: dict[str, object], name: str
    ) -> None:
        assert client.ask(3415, bad) == recorded(name)

    @pytest.mark.parametrize(
        "bad",
        [
            {"count": 0},
            {"count": "x"},
            {"sortField": 15},
            {"sortField": "4"},
            {"sortDir": 2},
            {"offset": -1},
            {"plateList": [{"market": 11, "code": "BK2024"}]},
        ],
    )
    def test_unsupported_requests_are_refused(self, client: Client, bad: dict[str, object]) -> None:
        assert client.ask(3415, bad)["retType"] == -1

    def test_sixty_requests_in_thirty_seconds_are_answered(self, client: Client) -> None:
        for _ in range(60):
            ranking(client, count=1)
        assert "每30秒最多60次" in client.ask(3415, {})["retMsg"]
        assert interest(client)["retType"] == 0
