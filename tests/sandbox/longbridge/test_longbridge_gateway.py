"""The simulated Longbridge gateway accepts valid credentials and answers in the documented format."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.sandbox.http import Request
from mcp_shortvol.sandbox.longbridge.auth import signature
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.sandbox.market.days import listings
from mcp_shortvol.sandbox.runner import Sandbox

VECTORS = json.loads((Path(__file__).parents[2] / "wire" / "golden" / "longbridge_signatures.json").read_text())
HK, US = "/v1/quote/short-trades/hk", "/v1/quote/short-trades/us"


def rows(answer: httpx.Response) -> list[dict[str, str]]:
    document = answer.json()
    assert (answer.status_code, document["code"], document["message"]) == (200, 0, "success")
    found: list[dict[str, str]] = document["data"]["data"]
    return found


def dates(market: Market, answer: httpx.Response) -> list[date]:
    return [market.date_of(int(row["timestamp"])) for row in rows(answer)]


def signed(client: httpx.Client) -> httpx.Request:
    """A request for 700.HK as `client` would send it."""
    request = client.build_request("GET", HK, params={"symbol": "700.HK"})
    assert client.auth
    return next(client.auth.sync_auth_flow(request))


@pytest.fixture
def bearer(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client with a fresh OAuth token."""
    token = sandbox.longbridge.issue_token("a-client")
    headers = {"X-Api-Key": "a-client", "Authorization": f"Bearer {token['access_token']}"}
    base = sandbox.environment()["LONGBRIDGE_OAUTH_URL"]
    with httpx.Client(base_url=base, headers=headers, trust_env=False, timeout=5) as opened:
        yield opened


class TestSignature:
    @pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["captured_from"])
    def test_the_captured_signatures_are_reproduced(self, vector: dict[str, Any]) -> None:
        path, _, query = vector["target"].partition("?")
        request = Request(vector["method"], path, query, vector["headers"], vector["body"].encode())
        assert signature(vector["app_secret"], request) == vector["x_api_signature"]


class TestWhoIsLetIn:
    def test_a_signed_request_is(self, client: httpx.Client) -> None:
        assert rows(client.get(HK, params={"symbol": "700.HK"}))

    def test_a_bearer_is(self, bearer: httpx.Client) -> None:
        assert rows(bearer.get(HK, params={"symbol": "700.HK"}))

    @pytest.mark.parametrize(
        ("header", "value", "code", "status"),
        [
            ("x-api-key", "another", 403203, 403),
            ("x-api-signature", "HMAC-SHA256 SignedHeaders=authorization, Signature=00", 403201, 403),
            ("x-timestamp", "1", 403201, 403),
            ("authorization", "another", 403201, 403),
        ],
    )
    def test_a_request_changed_after_signing_is_not(
        self, client: httpx.Client, header: str, value: str, code: int, status: int
    ) -> None:
        request = signed(client)
        request.headers[header] = value
        answer = client.send(request, auth=None)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert set(answer.json()) == {"code", "message"}

    def test_a_query_changed_after_signing_is_not(self, client: httpx.Client) -> None:
        request = signed(client)
        request.url = request.url.copy_with(query=b"symbol=5.HK")
        assert client.send(request, auth=None).json()["code"] == 403201

    def test_a_wrong_token_that_is_signed_well_is_not(self, sandbox: Sandbox) -> None:
        gateway = sandbox.longbridge
        headers = {"x-api-key": gateway.credentials.app_key, "authorization": "old", "x-timestamp": "1"}
        unsigned = Request("GET", HK, "symbol=700.HK", headers)
        headers["x-api-signature"] = signature(gateway.credentials.app_secret, unsigned)
        answer = gateway(Request("GET", HK, "symbol=700.HK", headers))
        assert (answer.status, json.loads(answer.body)["code"]) == (401, 401004)

    def test_a_repeated_signature_is_not_where_that_is_switched_on(
        self, client: httpx.Client, sandbox: Sandbox
    ) -> None:
        request = signed(client)
        assert [client.send(request, auth=None).json()["code"] for _ in range(2)] == [0, 0]
        sandbox.longbridge.authority.refuse_duplicates = True
        assert client.send(request, auth=None).json()["code"] == 403202

    def test_an_expired_bearer_is_not(self, bearer: httpx.Client, sandbox: Sandbox) -> None:
        sandbox.longbridge.authority.expire_tokens()
        answer = bearer.get(HK, params={"symbol": "700.HK"})
        assert (answer.status_code, answer.json()["code"]) == (401, 401003)

    def test_a_bearer_under_another_client_id_is_not(self, bearer: httpx.Client) -> None:
        answer = bearer.get(HK, params={"symbol": "700.HK"}, headers={"X-Api-Key": "b-client"})
        assert answer.json()["code"] == 401004

    def test_a_revoked_bearer_is_not(self, bearer: httpx.Client, sandbox: Sandbox) -> None:
        sandbox.longbridge.authority.revoke_tokens()
        assert bearer.get(HK, params={"symbol": "700.HK"}).json()["code"] == 401004


class TestRefresh:
    def refresh(self, client: httpx.Client, token: str, client_id: str = "a-client") -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client_id}
        return client.post("/oauth2/token", data=form)

    def test_a_refresh_token_works_once_and_brings_its_successor(self, bearer: httpx.Client, sandbox: Sandbox) -> None:
        issued = sandbox.longbridge.issue_token("a-client", expires_in=-1)
        answer = self.refresh(bearer, issued["refresh_token"])
        assert answer.status_code == 200
        fresh = answer.json()
        assert (fresh["token_type"], fresh["expires_in"]) == ("Bearer", 3600)
        headers = {"Authorization": f"Bearer {fresh['access_token']}"}
        assert rows(bearer.get(HK, params={"symbol": "700.HK"}, headers=headers))

        again = self.refresh(bearer, issued["refresh_token"])
        assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})
        assert self.refresh(bearer, fresh["refresh_token"]).status_code == 200

    def test_a_refresh_token_is_its_clients_own(self, bearer: httpx.Client, sandbox: Sandbox) -> None:
        issued = sandbox.longbridge.issue_token("a-client")
        assert self.refresh(bearer, issued["refresh_token"], "b-client").json() == {"error": "invalid_grant"}
        assert self.refresh(bearer, issued["refresh_token"]).status_code == 200

    def test_other_grants_are_not_supported(self, bearer: httpx.Client) -> None:
        answer = bearer.post("/oauth2/token", data={"grant_type": "password"})
        assert (answer.status_code, answer.json()) == (400, {"error": "unsupported_grant_type"})


class TestRows:
    def test_hong_kongs_published_rows_are_exact(self, client: httpx.Client) -> None:
        answer = client.get(HK, params={"symbol": "700.HK", "last_timestamp": 1795169607, "page_size": 5})
        assert answer.json()["data"]["symbol"] == "700.HK"
        assert rows(answer)[0] == {
            "timestamp": "1779033600",
            "amount": "2926000",
            "balance": "1318056100.00",
            "total_amount": "29497076",
            "rate": "0.0992",
            "close": "449.2",
        }
        assert rows(answer)[-1] == {
            "timestamp": "1779379200",
            "amount": "1957600",
            "balance": "865793700.00",
            "total_amount": "23998219",
            "rate": "0.0816",
            "close": "441.4",
        }

    @pytest.mark.parametrize(
        ("symbol", "row"),
        [
            ("TSLA.US", "1778817600 5748485 0 15778974 0.3643 300.230"),
            ("AAPL.US", "1779422400 3809598 0 10564290 0.3606 308.820"),
        ],
    )
    def test_the_us_published_rows_are_exact(self, client: httpx.Client, symbol: str, row: str) -> None:
        params: dict[str, str | int] = {"symbol": symbol, "last_timestamp": int(row.split()[0]), "page_size": 1}
        answer = client.get(US, params=params)
        names = ("timestamp", "nus_amount", "ny_amount", "total_amount", "rate", "close")
        assert rows(answer) == [dict(zip(names, row.split(), strict=True))]
        assert answer.json()["data"]["sources"] == 1

    @pytest.mark.parametrize("symbol", listings(), ids=str)
    def test_every_cell_is_a_string_and_every_rate_the_quotient(self, client: httpx.Client, symbol: Any) -> None:
        path = HK if symbol.market is Market.HK else US
        for row in rows(client.get(path, params={"symbol": str(symbol), "page_size": 100})):
            assert all(isinstance(cell, str) for cell in row.values())
            short = int(row["amount"]) if "amount" in row else int(row["nus_amount"]) + int(row["ny_amount"])
            assert row["rate"] == f"{short / int(row['total_amount']):.4f}"
            low, high = (0.15, 0.6) if symbol.market is Market.US else (0.05, 0.25)
            assert low <= float(row["rate"]) <= high

    def test_rows_are_oldest_first_and_midnights_of_their_market(self, client: httpx.Client) -> None:
        hk = rows(client.get(HK, params={"symbol": "700.HK", "page_size": 100}))
        us = rows(client.get(US, params={"symbol": "SPY.US", "page_size": 100}))
        assert [row["timestamp"] for row in hk] == sorted(row["timestamp"] for row in hk)
        assert {datetime.fromtimestamp(int(row["timestamp"]), UTC).hour for row in hk} == {16}
        assert {datetime.fromtimestamp(int(row["timestamp"]), UTC).hour for row in us} == {4, 5}

    def test_nothing_is_newer_than_as_of(self, client: httpx.Client) -> None:
        assert dates(Market.HK, client.get(HK, params={"symbol": "700.HK"}))[-1] == date(2026, 5, 22)

    def test_by_default_the_newest_day_is_before_the_markets_today(self) -> None:
        # 2026-05-19 02:00 in New York is 14:00 in Hong Kong: one day ended on Monday in both.
        gateway = LongbridgeGateway(now=lambda: 1779170400.0)
        token = gateway.issue_token("c")["access_token"]
        headers = {"x-api-key": "c", "authorization": f"Bearer {token}"}
        for path, symbol, market in ((HK, "700.HK", Market.HK), (US, "SPY.US", Market.US)):
            body = gateway(Request("GET", path, f"symbol={symbol}", headers)).body
            newest = json.loads(body)["data"]["data"][-1]
            assert market.date_of(int(newest["timestamp"])) == date(2026, 5, 18)


class TestPositions:
    HK, US = "/v1/quote/short-positions/hk", "/v1/quote/short-positions/us"

    def test_hong_kongs_published_row_is_exact(self, client: httpx.Client) -> None:
        answer = client.get(self.HK, params={"symbol": "700.HK", "last_timestamp": 1718294400, "count": 1})
        assert answer.json()["data"] == {
            "symbol": "700.HK",
            "data": [
                {
                    "timestamp": "1718294400",
                    "amount": "53677721",
                    "balance": "20386798436",
                    "cost": "379.800",
                    "rate": "0.0057",
                }
            ],
        }

    def test_the_us_published_rows_are_exact(self, client: httpx.Client) -> None:
        params: dict[str, str | int] = {"symbol": "TSLA.US", "last_timestamp": 1774929600, "page_size": 3}
        names = ("timestamp", "current_shares_short", "avg_daily_share_volume", "days_to_cover", "rate", "close")
        assert rows(client.get(self.US, params=params)) == [
            dict(zip(names, row.split(), strict=True))
            for row in (
                "1772168400 61839735 51533435 1.20 0.0165 402.510",
                "1773374400 60860404 60676562 1.00 0.0162 391.200",
                "1774929600 65598603 62121644 1.06 0.0175 371.750",
            )
        ]

    def test_only_what_is_published_is_served(self, client: httpx.Client) -> None:
        hk = dates(Market.HK, client.get(self.HK, params={"symbol": "700.HK"}))
        us = dates(Market.US, client.get(self.US, params={"symbol": "TSLA.US"}))
        assert [hk[-1], us[-1]] == [date(2026, 5, 15), date(2026, 4, 30)]

    @pytest.mark.parametrize("sizes", [{}, {"count": 7}, {"page_size": 7}, {"count": 7, "page_size": 7}])
    def test_either_name_says_how_many(self, client: httpx.Client, sizes: dict[str, int]) -> None:
        found = rows(client.get(self.HK, params={"symbol": "700.HK", **sizes}))
        assert len(found) == (7 if sizes else 20)

    @pytest.mark.parametrize("sizes", [{"count": 0}, {"count": 101}, {"count": 7, "page_size": 101}])
    def test_other_sizes_are_refused(self, client: httpx.Client, sizes: dict[str, int]) -> None:
        assert client.get(self.HK, params={"symbol": "700.HK", **sizes}).json()["code"] == 301600


class TestPaging:
    def test_a_page_has_20_rows_unless_another_size_is_asked(self, client: httpx.Client) -> None:
        assert len(rows(client.get(HK, params={"symbol": "700.HK"}))) == 20
        assert len(rows(client.get(HK, params={"symbol": "700.HK", "page_size": 100}))) == 100

    @pytest.mark.parametrize("inclusive", [True, False])
    def test_the_cursor_includes_its_own_row_or_not(
        self, client: httpx.Client, sandbox: Sandbox, inclusive: bool
    ) -> None:
        sandbox.longbridge.inclusive = inclusive
        params: dict[str, str | int] = {"symbol": "700.HK", "last_timestamp": 1779033600, "page_size": 2}
        newest = dates(Market.HK, client.get(HK, params=params))[-1]
        assert newest == (date(2026, 5, 18) if inclusive else date(2026, 5, 15))

    def test_before_the_first_day_there_are_no_rows(self, client: httpx.Client) -> None:
        assert rows(client.get(HK, params={"symbol": "700.HK", "last_timestamp": 0})) == []

    @pytest.mark.parametrize("size", ["0", "101", "-1", "ten", ""])
    def test_other_sizes_are_refused(self, client: httpx.Client, size: str) -> None:
        assert client.get(HK, params={"symbol": "700.HK", "page_size": size}).json()["code"] == 301600


class TestSymbols:
    def test_a_padded_code_answers_a_successful_nothing(self, client: httpx.Client) -> None:
        answer = client.get(HK, params={"symbol": "00700.HK"})
        assert rows(answer) == []
        assert answer.json()["data"]["symbol"] == "00700.HK"

    @pytest.mark.parametrize(
        ("path", "symbol", "code"),
        [
            (US, "NOPE.US", 2601400),
            (US, "tsla.US", 2601400),
            (HK, "4321.HK", 2601400),
            (US, "700.HK", 301600),
            (HK, "TSLA.US", 301600),
            (US, "TSLA", 301600),
            (US, "", 301600),
        ],
    )
    def test_other_spellings_are_refused(self, client: httpx.Client, path: str, symbol: str, code: int) -> None:
        assert client.get(path, params={"symbol": symbol}).json()["code"] == code

    def test_a_share_class_is_found(self, client: httpx.Client) -> None:
        assert rows(client.get(US, params={"symbol": "BRK.B.US"}))

    def test_other_paths_are_not_found(self, client: httpx.Client) -> None:
        assert client.get("/v1/quote/elsewhere").status_code == 404
        assert client.post(HK).status_code == 404


class TestMarks:
    def test_every_answer_says_that_it_is_a_sandboxs_and_has_its_own_trace_id(self, client: httpx.Client) -> None:
        answers = [client.get(HK), client.get("/nowhere"), client.post("/oauth2/token")]
        assert {answer.headers["X-Shortvol-Sandbox"] for answer in answers} == {"longbridge"}
        assert len({answer.headers["x-trace-id"] for answer in answers}) == 3

    def test_requests_are_remembered(self, client: httpx.Client, sandbox: Sandbox) -> None:
        client.get(HK, params={"symbol": "700.HK", "page_size": 3})
        (request,) = sandbox.longbridge.requests
        assert (request.method, request.path, request.query) == ("GET", HK, {"symbol": "700.HK", "page_size": "3"})
        assert "x-api-signature" in request.headers
