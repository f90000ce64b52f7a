"""The simulated Futu cloud accepts valid credentials and answers in the documented format."""

import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Literal

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from mcp_shortvol.quotas.quota import Rate
from mcp_shortvol.sandbox.futu_cloud.gateway import DOCUMENTED_PATH, INTEREST_PATHS, PRODUCTION_PATH
from mcp_shortvol.sandbox.runner import Sandbox

PATHS = [PRODUCTION_PATH, DOCUMENTED_PATH]
TENCENT = PRODUCTION_PATH.replace("{symbol}", "HK.00700")
PUBLISHED = {
    "timestamp": 1780588800000,
    "timestamp_str": "2026-06-05",
    "shares_traded": 31649780,
    "turnover": 14465428854.749,
    "short_sell_shares_traded": 4660100,
    "short_sell_turnover": 2135963680,
    "open_price": 461.6,
    "close_price": 453.2,
    "last_close_price": 459,
    "daily_trade_avg_ratio": 10.51,
}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(date(2026, 6, 5)) as running:
        yield running


@pytest.fixture
def anonymous(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.environment()["FUTU_API_URL"], trust_env=False, timeout=5) as opened:
        yield opened


@pytest.fixture
def client(sandbox: Sandbox, anonymous: httpx.Client) -> httpx.Client:
    """One with the bearer token."""
    anonymous.headers["Authorization"] = f"Bearer {sandbox.environment()['FUTU_API_TOKEN']}"
    return anonymous


def signed(sandbox: Sandbox, folder: Path, kind: Literal["ed25519", "rsa"], *, late: float = 0) -> dict[str, str]:
    """The headers of a request for TENCENT with count=1, made `late` seconds ago."""
    issued = sandbox.cloud.authority.issue_key(folder, kind)
    key = load_pem_private_key(issued.private_key_file.read_bytes(), None)
    timestamp = str(int((time.time() - late) * 1000))
    text = f"{timestamp}\nGET\n{TENCENT}\ncount=1\n".encode()
    assert isinstance(key, (Ed25519PrivateKey, RSAPrivateKey))
    signature = key.sign(text) if isinstance(key, Ed25519PrivateKey) else key.sign(text, PKCS1v15(), SHA256())
    return {
        "X-Api-Key": issued.app_key,
        "X-Timestamp": timestamp,
        "X-Nonce": "once",
        "Authorization": b64encode(signature).decode(),
    }


class TestAnswers:
    @pytest.mark.parametrize("path", PATHS)
    def test_the_published_answer_is_exact_on_both_paths(self, client: httpx.Client, path: str) -> None:
        answer = client.get(path.replace("{symbol}", "HK.00700"), params={"count": 1})
        assert answer.json() == {
            "ret_code": 0,
            "ret_msg": "success",
            "data": {
                "market": "HK",
                "aggregated_short": 46242547,
                "aggregated_short_ratio": 0.5,
                "new_time": "29/05/2026",
                "items": [PUBLISHED],
            },
        }
        assert b'"last_close_price":459,' in answer.content
        assert answer.headers["x-shortvol-sandbox"] == "futu_cloud"

    def test_us_rows_are_snake_case_and_nothing_stands_beside_them(self, client: httpx.Client) -> None:
        data = client.get(TENCENT.replace("HK.00700", "US.BRK.B"), params={"count": 90}).json()["data"]
        assert set(data) == {"market", "items"}
        assert len(data["items"]) == 90
        assert list(data["items"][0]) == [
            "timestamp",
            "timestamp_str",
            "total_shares_short",
            "nasdaq_shares_short",
            "nyse_shares_short",
            "short_percent",
            "volume",
            "close_price",
            "last_close_price",
            "daily_trade_avg_ratio",
        ]

    def test_thirty_rows_come_unless_told_and_newest_first(self, client: httpx.Client) -> None:
        dates = [item["timestamp_str"] for item in client.get(TENCENT).json()["data"]["items"]]
        assert len(dates) == 30
        assert dates == sorted(dates, reverse=True)

    @pytest.mark.parametrize(
        ("symbol", "count", "ret_code"),
        [
            ("HK.00700", "0", -3),
            ("HK.00700", "91", -3),
            ("HK.00700", "many", -3),
            ("HK.700", "1", -7),
            ("US.NOPE", "1", -7),
            ("00700", "1", -7),
            ("SG.D05", "1", -8),
            ("US.FIG", "1", 0),
        ],
    )
    def test_what_cannot_be_answered_is_refused(
        self, client: httpx.Client, symbol: str, count: str, ret_code: int
    ) -> None:
        answer = client.get(TENCENT.replace("HK.00700", symbol), params={"count": count})
        assert [answer.status_code, answer.json()["ret_code"]] == [200, ret_code]
        assert ("error" in answer.json()) is bool(ret_code)

    def test_a_name_has_no_data_before_its_listing(self) -> None:
        with Sandbox(date(2025, 6, 30)) as sandbox:
            sandbox.cloud.authority.required = False
            url = sandbox.environment()["FUTU_API_URL"] + TENCENT.replace("HK.00700", "US.FIG")
            assert httpx.get(url, trust_env=False).json()["ret_code"] == -10

    def test_other_paths_are_not_found(self, sandbox: Sandbox, client: httpx.Client) -> None:
        assert client.get("/v1/elsewhere").status_code == 404
        assert client.post(TENCENT).status_code == 404
        sandbox.cloud.paths = [DOCUMENTED_PATH]
        assert client.get(TENCENT).status_code == 404

    def test_calls_beyond_the_limit_are_refused_once_there_is_one(self, sandbox: Sandbox, client: httpx.Client) -> None:
        sandbox.cloud.limit(Rate(2, 60.0))
        answers = [client.get(TENCENT) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].json()["code"] == 429001
        assert answers[2].headers["retry-after"] == "1"


class TestShortInterest:
    PATHS = tuple(path.replace("{symbol}", "HK.00700") for path in INTEREST_PATHS)

    @pytest.mark.parametrize("path", PATHS)
    def test_hong_kongs_published_row_is_exact_on_both_paths(self, client: httpx.Client, path: str) -> None:
        items = client.get(path, params={"count": 6}).json()["data"]["items"]
        assert [item["timestamp_str"] for item in items][-2:] == ["2026-04-30", "2026-04-24"]
        published = {name: value for name, value in items[-2].items() if not name.startswith("avg_")}
        assert published == {
            "timestamp": "1777478400000",
            "timestamp_str": "2026-04-30",
            "close_price": 467.8,
            "last_close_price": 479.2,
            "aggregated_short": "51480638",
            "aggregated_short_ratio": 0.56,
        }
        assert set(items[-2]) - set(published) == {"avg_cost", "avg_daily_short_volume"}

    def test_us_rows_have_their_counts_as_texts(self, client: httpx.Client) -> None:
        path = self.PATHS[0].replace("HK.00700", "US.TSLA")
        items = client.get(path, params={"count": 10}).json()["data"]["items"]
        (published,) = (item for item in items if item["timestamp_str"] == "2026-03-31")
        counts = ("shares_short", "avg_daily_share_volume", "short_percent", "days_to_cover", "close_price")
        assert [published[name] for name in counts] == ["65598603", "62121644", 1.75, 1.06, 371.75]
        assert "avg_cost" not in published

    def test_the_newest_is_the_position_beside_the_days(self, client: httpx.Client) -> None:
        (newest,) = client.get(self.PATHS[0], params={"count": 1}).json()["data"]["items"]
        beside = client.get(TENCENT, params={"count": 1}).json()["data"]
        assert [newest["aggregated_short"], newest["aggregated_short_ratio"]] == [
            str(beside["aggregated_short"]),
            beside["aggregated_short_ratio"],
        ]

    @pytest.mark.parametrize(("count", "ret_code"), [("0", -3), ("91", -3), ("90", 0)])
    def test_counts_go_from_1_to_90(self, client: httpx.Client, count: str, ret_code: int) -> None:
        assert client.get(self.PATHS[0], params={"count": count}).json()["ret_code"] == ret_code


class TestWhoIsLetIn:
    @pytest.mark.parametrize("kind", ["ed25519", "rsa"])
    def test_a_signed_request(
        self, sandbox: Sandbox, anonymous: httpx.Client, tmp_path: Path, kind: Literal["ed25519", "rsa"]
    ) -> None:
        headers = signed(sandbox, tmp_path, kind)
        assert anonymous.get(f"{TENCENT}?count=1", headers=headers).json()["data"]["items"] == [PUBLISHED]

    @pytest.mark.parametrize(
        ("header", "value"),
        [
            ("X-Api-Key", "another"),
            ("X-Timestamp", "yesterday"),
            ("X-Nonce", "not a nonce"),
            ("Authorization", "AAAA"),
            ("Authorization", "no base64"),
        ],
    )
    def test_not_one_changed_afterwards(
        self, sandbox: Sandbox, anonymous: httpx.Client, tmp_path: Path, header: str, value: str
    ) -> None:
        headers = {**signed(sandbox, tmp_path, "ed25519"), header: value}
        assert anonymous.get(f"{TENCENT}?count=1", headers=headers).status_code == 401

    def test_not_one_for_other_days(self, sandbox: Sandbox, anonymous: httpx.Client, tmp_path: Path) -> None:
        headers = signed(sandbox, tmp_path, "ed25519")
        assert anonymous.get(f"{TENCENT}?count=2", headers=headers).status_code == 401

    def test_not_one_from_six_seconds_ago(self, sandbox: Sandbox, anonymous: httpx.Client, tmp_path: Path) -> None:
        headers = signed(sandbox, tmp_path, "ed25519", late=6)
        assert anonymous.get(f"{TENCENT}?count=1", headers=headers).status_code == 401

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer another"}, {"X-Api-Key": "key"}])
    def test_nobody_without_credentials_of_its_own(self, anonymous: httpx.Client, headers: dict[str, str]) -> None:
        answer = anonymous.get(TENCENT, headers=headers)
        assert [answer.status_code, answer.json()["code"]] == [401, 401001]

    def test_a_token_until_it_is_withdrawn(self, sandbox: Sandbox, client: httpx.Client) -> None:
        assert client.get(TENCENT).status_code == 200
        sandbox.cloud.authority.revoke()
        assert client.get(TENCENT).status_code == 401
