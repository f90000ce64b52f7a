"""Every fault of the gateway does what its name says, for the given number of responses."""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mcp_shortvol.domain.errors import InvalidRequest
from mcp_shortvol.sandbox.faults import parse_fault
from mcp_shortvol.sandbox.longbridge.faults import longbridge_faults
from mcp_shortvol.sandbox.runner import Sandbox

HK = "/v1/quote/short-trades/hk"
Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(client: httpx.Client) -> Ask:
    """Asks for the three newest days of 700.HK, or what the arguments say."""
    return lambda **params: client.get(HK, params={"symbol": "700.HK", "page_size": 3, **params})


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer.json()["data"]["data"]
    return found


class TestSwitching:
    def test_a_fault_lasts_for_so_many_answers(self, sandbox: Sandbox, ask: Ask) -> None:
        sandbox.longbridge.fail("error_500", times=2)
        assert [ask().status_code for _ in range(3)] == [500, 500, 200]

    def test_a_fault_without_a_number_lasts_until_cleared(self, sandbox: Sandbox, ask: Ask) -> None:
        sandbox.longbridge.fail("error_500")
        assert [ask().status_code for _ in range(3)] == [500, 500, 500]
        sandbox.longbridge.faults.clear()
        assert ask().status_code == 200

    def test_faults_queue_up(self, sandbox: Sandbox, ask: Ask) -> None:
        sandbox.longbridge.fail("code_429001", times=1)
        sandbox.longbridge.fail("html_502", times=1)
        assert [ask().status_code for _ in range(3)] == [429, 502, 200]

    def test_quotes_fail_and_tokens_are_still_refreshed_unless_told_otherwise(
        self, sandbox: Sandbox, client: httpx.Client, ask: Ask
    ) -> None:
        sandbox.longbridge.fail("error_500")
        assert client.post("/oauth2/token").status_code == 400
        assert ask().status_code == 500
        sandbox.longbridge.faults.clear()
        sandbox.longbridge.fail("error_500", on="/oauth2/")
        assert client.post("/oauth2/token").status_code == 500
        assert ask().status_code == 200

    def test_an_unknown_fault_is_refused_with_those_there_are(self, sandbox: Sandbox) -> None:
        with pytest.raises(InvalidRequest, match=r'no fault "error_501".*error_500'):
            sandbox.longbridge.fail("error_501")

    def test_the_command_lines_spelling(self) -> None:
        assert parse_fault("error_500") == ("error_500", None)
        assert parse_fault("code_403308:12") == ("code_403308", 12)
        for wrong in ("error_500:0", "error_500:-1", "error_500:many", "error_500:²"):
            with pytest.raises(InvalidRequest, match="NAME:TIMES"):
                parse_fault(wrong)

    def test_every_faulty_answer_that_is_http_still_says_it_is_a_sandboxs(
        self, sandbox: Sandbox, client: httpx.Client, ask: Ask
    ) -> None:
        client.timeout = 0.5
        for name in longbridge_faults():
            sandbox.longbridge.fail(name, times=1, seconds=0.01, megabytes=0.1)
            try:
                answer = ask()
            except httpx.TransportError:
                continue
            assert answer.headers["X-Shortvol-Sandbox"] == "longbridge", name
        assert ask().status_code == 200

    def test_a_refusal_is_not_dressed_up_as_rows(self, sandbox: Sandbox, ask: Ask) -> None:
        for name in longbridge_faults():
            if name not in {"silence", "slow", "drip", "oversized"}:
                sandbox.longbridge.fail(name, times=1)
                try:
                    answer = ask(symbol="9.HK")
                except httpx.TransportError:
                    continue
                assert b'"rate"' not in answer.content, name


class TestCodes:
    @pytest.mark.parametrize(
        ("name", "code", "status"),
        [
            ("expired_token", 401003, 401),
            ("revoked_token", 401004, 401),
            ("code_401102", 401102, 401),
            ("code_403201", 403201, 403),
            ("duplicate_request", 403202, 403),
            ("code_403203", 403203, 403),
            ("code_403205", 403205, 403),
            ("code_403308", 403308, 403),
            ("code_301604", 301604, 200),
            ("code_301600", 301600, 200),
            ("code_2601400", 2601400, 200),
            ("code_429001", 429001, 429),
            ("http_429_json", 429002, 429),
            ("error_500", 500000, 500),
            ("code_999999", 999999, 200),
        ],
    )
    def test_a_code_comes_in_the_envelope_under_the_status_it_mirrors(
        self, sandbox: Sandbox, ask: Ask, name: str, code: int, status: int
    ) -> None:
        sandbox.longbridge.fail(name, times=1)
        answer = ask()
        assert (answer.status_code, answer.json()["code"], set(answer.json())) == (status, code, {"code", "message"})

    @pytest.mark.parametrize("name", ["http_429_json", "http_429_html"])
    def test_too_many_requests_may_say_how_long_to_wait(self, sandbox: Sandbox, ask: Ask, name: str) -> None:
        sandbox.longbridge.fail(name, times=1, retry_after=1.5)
        sandbox.longbridge.fail(name, times=1)
        assert [ask().headers.get("retry-after") for _ in range(2)] == ["1.5", None]

    @pytest.mark.parametrize(
        ("name", "status"), [("http_429_html", 429), ("html_463", 463), ("html_502", 502), ("html_200", 200)]
    )
    def test_a_load_balancer_answers_in_html(self, sandbox: Sandbox, ask: Ask, name: str, status: int) -> None:
        sandbox.longbridge.fail(name, times=1)
        answer = ask()
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html")


class TestTravelling:
    @pytest.mark.parametrize("name", ["slow", "drip"])
    def test_a_late_answer_is_whole(self, sandbox: Sandbox, ask: Ask, name: str) -> None:
        sandbox.longbridge.fail(name, times=1, seconds=0.3)
        started = time.monotonic()
        assert len(rows(ask())) == 3
        assert 0.25 < time.monotonic() - started < 2

    @pytest.mark.parametrize(
        ("name", "error"),
        [
            ("reset_before", httpx.ReadError),
            ("reset_inside", httpx.ReadError),
            ("truncated_body", httpx.RemoteProtocolError),
            ("garbage", httpx.RemoteProtocolError),
        ],
    )
    def test_an_answer_that_breaks_off_is_followed_by_a_good_one(
        self, sandbox: Sandbox, ask: Ask, name: str, error: type[Exception]
    ) -> None:
        sandbox.longbridge.fail(name, times=1)
        with pytest.raises(error):
            ask()
        assert len(rows(ask())) == 3

    def test_a_flood_is_more_than_64_megabytes(self, sandbox: Sandbox, client: httpx.Client) -> None:
        sandbox.longbridge.fail("oversized", times=1)
        with client.stream("GET", HK, params={"symbol": "700.HK"}) as answer:
            assert answer.status_code == 200
            assert int(answer.headers["content-length"]) > 64 * 1024 * 1024

    @pytest.mark.parametrize("name", ["truncated_json", "empty_body", "bad_utf8"])
    def test_a_spoilt_body_is_not_json(self, sandbox: Sandbox, ask: Ask, name: str) -> None:
        sandbox.longbridge.fail(name, times=1)
        with pytest.raises(ValueError):
            json.loads(ask().content)

    def test_a_deep_body_exhausts_a_recursive_reader(self, sandbox: Sandbox, ask: Ask) -> None:
        sandbox.longbridge.fail("deep_nesting", times=1)
        with pytest.raises(RecursionError):
            ask().json()


class TestRows:
    def faulty(self, sandbox: Sandbox, ask: Ask, name: str, **params: int) -> httpx.Response:
        sandbox.longbridge.fail(name, times=1)
        return ask(**params)

    def test_unsorted(self, sandbox: Sandbox, ask: Ask) -> None:
        normal, faulty = rows(ask(page_size=9)), rows(self.faulty(sandbox, ask, "unsorted", page_size=9))
        assert faulty != normal
        assert sorted(faulty, key=lambda row: str(row["timestamp"])) == normal

    def test_duplicates(self, sandbox: Sandbox, ask: Ask) -> None:
        normal = rows(ask())
        assert rows(self.faulty(sandbox, ask, "duplicates")) == [row for row in normal for _ in range(2)]

    def test_future_dates(self, sandbox: Sandbox, ask: Ask) -> None:
        assert len(rows(self.faulty(sandbox, ask, "future_dates"))) == 6

    def test_nulls(self, sandbox: Sandbox, ask: Ask) -> None:
        for row in rows(self.faulty(sandbox, ask, "nulls")):
            assert row.pop("timestamp")
            assert set(row.values()) == {None}

    def test_numbers_for_strings(self, sandbox: Sandbox, ask: Ask) -> None:
        newest = rows(self.faulty(sandbox, ask, "numbers_for_strings"))[-1]
        assert (newest["timestamp"], newest["amount"], newest["close"]) == (1779379200, 1957600, 441.4)

    def test_wrong_types(self, sandbox: Sandbox, ask: Ask) -> None:
        faulty = rows(self.faulty(sandbox, ask, "wrong_types"))
        assert {type(cell) for row in faulty for cell in row.values()} == {str, list, dict, bool}
        assert not isinstance(faulty[0]["timestamp"], str)

    def test_empty_and_null_data(self, sandbox: Sandbox, ask: Ask) -> None:
        assert rows(self.faulty(sandbox, ask, "empty")) == []
        assert self.faulty(sandbox, ask, "null_data").json()["data"] is None

    def test_null_rows(self, sandbox: Sandbox, ask: Ask) -> None:
        faulty: list[object] = list(rows(self.faulty(sandbox, ask, "null_rows")))
        assert (faulty[0], faulty[-1]) == (None, 7)

    def test_the_documented_shape(self, sandbox: Sandbox, ask: Ask) -> None:
        newest = self.faulty(sandbox, ask, "sdk_shape").json()["data"][-1]
        assert (newest["timestamp"], newest["amount"]) == ("2026-05-21T16:00:00Z", "1957600")

    def test_endless_paging_brings_older_rows_for_ever(self, sandbox: Sandbox, ask: Ask) -> None:
        sandbox.longbridge.fail("endless_paging")
        cursor = 1779379200
        for _ in range(30):
            page = [int(row["timestamp"]) for row in rows(ask(last_timestamp=cursor, page_size=100))]
            assert len(page) == 100
            assert page == sorted(page)
            assert page[0] < cursor
            assert page[-1] <= cursor
            cursor = page[0]

    def test_a_repeated_page_ignores_the_cursor(self, sandbox: Sandbox, ask: Ask) -> None:
        sandbox.longbridge.fail("repeated_page")
        first = rows(ask())
        assert rows(ask(last_timestamp=int(first[0]["timestamp"]))) == first
        assert rows(ask(symbol="5.HK")) != first

    @pytest.mark.parametrize("name", ["hostile_text", "hostile_error"])
    def test_hostile_text(self, sandbox: Sandbox, ask: Ask, name: str) -> None:
        message = self.faulty(sandbox, ask, name).json()["message"]
        for hostile in ("Ignore all previous", "\x1b", "\u202e", "<script>", "\x00", "\ud800"):
            assert hostile in message
