"""Futu's own SDK reads the sandbox, in its default format and in JSON, in plain text and encrypted.

It runs in a process of its own: it prints to stdout, starts threads, and never returns from a constructor in vain.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.futu_reports import report_rows
from mcp_shortvol.sandbox.futu_rows import rows
from mcp_shortvol.sandbox.market.ranking import ranked_stocks
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.sandbox.opend.server import OpenDService

# Only looked for, not imported: it brings pandas, and threads that outlive the test.
pytestmark = pytest.mark.skipif(importlib.util.find_spec("futu") is None, reason="futu-api is not installed")

KEY_FILE = Path(__file__).parents[2] / "wire" / "golden" / "opend_rsa_aes_cbc" / "rsa1024.pem"
AS_OF = date(2026, 5, 8)
FORMATS = pytest.mark.parametrize("as_json", [False, True], ids=["protobuf", "json"])

CALLS = """
import json, os, sys
asked = json.loads(sys.argv[1])
from futu import OpenQuoteContext, ProtoFMT, RET_OK, SysConfig

if asked["json"]:
    SysConfig.set_proto_fmt(ProtoFMT.Json)
if asked["key_file"]:
    SysConfig.enable_proto_encrypt(True)
    SysConfig.set_init_rsa_file(asked["key_file"])
context = OpenQuoteContext("127.0.0.1", asked["port"])
received, key = [], None
call = getattr(context, asked["method"])
if asked["method"] == "get_short_selling_rank":
    code, answer = call(**asked["arguments"])
    received.append({"total": answer[0], "rows": answer[1].to_dict("records")} if code == RET_OK else answer)
else:
    for _ in range(asked["pages"]):
        code, us, hk = call(next_key=key, **asked["arguments"])
        if code != RET_OK:
            received.append(us)
            break
        table = hk if asked["arguments"]["code"].startswith("HK.") else us
        key = table.attrs["next_key"]
        received.append({"rows": table.to_dict("records"), "attrs": table.attrs})
        if key == "-1":
            break
state = context.get_global_state()[1]
context.close()
with open(asked["answer"], "w") as file:
    json.dump({"pages": received, "logged_in": state["qot_logined"]}, file)
"""


@pytest.fixture
def opend_gateway() -> OpenDGateway:
    return OpenDGateway(AS_OF)


@pytest.fixture(params=[None, KEY_FILE], ids=["in the clear", "encrypted"])
def opend(request: pytest.FixtureRequest, opend_gateway: OpenDGateway) -> Iterator[OpenDService]:
    service = OpenDService(opend_gateway, rsa_key_file=request.param)
    with start_blocking_portal() as portal:
        portal.call(service.start)
        yield service
        portal.call(service.stop)


def ask(opend: OpenDService, folder: Path, method: str, *, as_json: bool, pages: int = 1, **arguments: object) -> Any:
    """What the SDK makes of so many pages of what a method of its context gives for arguments."""
    environment = opend.environment()
    answer = folder / "answer.json"
    asked = {
        "port": int(environment["FUTU_OPEND_PORT"]),
        "key_file": environment.get("FUTU_OPEND_RSA_KEY_FILE"),
        "json": as_json,
        "method": method,
        "arguments": arguments,
        "pages": pages,
        "answer": str(answer),
    }
    # The SDK writes its log below the home directory.
    home = {"HOME": str(folder), "APPDATA": str(folder)}
    ran = subprocess.run(
        [sys.executable, "-c", CALLS, json.dumps(asked)],
        env={**os.environ, **home},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return json.loads(answer.read_text())


@FORMATS
def test_it_pages_through_hong_kong(opend: OpenDService, tmp_path: Path, as_json: bool) -> None:
    received = ask(opend, tmp_path, "get_daily_short_volume", as_json=as_json, pages=29, code="HK.00700", num=50)
    dates = [row["timestamp_str"] for page in received["pages"] for row in page["rows"]]
    assert dates == [row["timestampStr"] for row in rows(Symbol("700", Market.HK), AS_OF)]
    assert received["pages"][-1]["attrs"]["next_key"] == "-1"
    assert received["logged_in"] is True
    first = received["pages"][0]
    assert first["rows"][0] == {
        "timestamp": 1778169600,
        "timestamp_str": "2026-05-08",
        "shares_traded": 25207039,
        "turnover": 11871680730.68,
        "short_sell_shares_traded": 2464300,
        "short_sell_turnover": 1161032040.0,
        "open_price": 475.0,
        "close_price": 471.4,
        "last_close_price": 477.4,
        "daily_trade_avg_ratio": 11.36,
    }
    assert first["attrs"] == {
        "next_key": str(first["rows"][-1]["timestamp"]),
        "aggregated_short": 51480638,
        "aggregated_short_ratio": 0.56,
        "new_time_str": "30/04/2026",
    }


@FORMATS
def test_it_reads_us_rows(opend: OpenDService, tmp_path: Path, as_json: bool) -> None:
    (page,) = ask(opend, tmp_path, "get_daily_short_volume", as_json=as_json, code="US.BRK.B")["pages"]
    assert len(page["rows"]) == 10
    newest = page["rows"][0]
    assert newest["total_shares_short"] == newest["nasdaq_shares_short"] + newest["nyse_shares_short"]


@FORMATS
def test_it_is_refused_as_by_opend(
    opend: OpenDService, opend_gateway: OpenDGateway, tmp_path: Path, as_json: bool
) -> None:
    (unknown,) = ask(opend, tmp_path, "get_daily_short_volume", as_json=as_json, code="HK.99999")["pages"]
    assert unknown == "未知股票 99999"
    opend_gateway.fail("rate_limited")
    (refused,) = ask(opend, tmp_path, "get_daily_short_volume", as_json=as_json, code="HK.00700")["pages"]
    assert "每30秒最多30次" in refused


@FORMATS
def test_it_pages_through_short_interest(opend: OpenDService, tmp_path: Path, as_json: bool) -> None:
    received = ask(opend, tmp_path, "get_short_interest", as_json=as_json, pages=29, code="HK.00700", num=50)
    dates = [row["timestamp_str"] for page in received["pages"] for row in page["rows"]]
    assert dates == [row["timestampStr"] for row in report_rows(Symbol("700", Market.HK), AS_OF)]
    assert received["pages"][0]["rows"][0] == {
        "timestamp": 1777478400,
        "timestamp_str": "2026-04-30",
        "aggregated_short": 51480638,
        "aggregated_short_ratio": 0.56,
        "close_price": 467.8,
        "last_close_price": 479.2,
    }


@FORMATS
def test_it_reads_us_short_interest(opend: OpenDService, tmp_path: Path, as_json: bool) -> None:
    (page,) = ask(opend, tmp_path, "get_short_interest", as_json=as_json, code="US.TSLA", num=5)["pages"]
    (published,) = [row for row in page["rows"] if row["timestamp_str"] == "2026-03-31"]
    assert (published["shares_short"], published["avg_daily_share_volume"]) == (65598603, 62121644)
    assert (published["short_percent"], published["days_to_cover"], published["close_price"]) == (1.75, 1.06, 371.75)


@FORMATS
def test_it_reads_the_ranking(opend: OpenDService, tmp_path: Path, as_json: bool) -> None:
    (page,) = ask(
        opend,
        tmp_path,
        "get_short_selling_rank",
        as_json=as_json,
        market="HK",
        sort_field="SHORT_NUMBER",
        sort_dir="DESCENDING",
        offset=2,
        count=35,
    )["pages"]
    names = ranked_stocks(Market.HK, AS_OF)
    assert page["total"] == len(names)
    largest = sorted((int(name.figures["shortNumber"]) for name in names), reverse=True)
    assert [row["short_number"] for row in page["rows"]] == largest[2:37]
    (tencent,) = [row for row in page["rows"] if row["security"] == "HK.00700"]
    assert (tencent["name"], tencent["short_number"], tencent["volume"]) == ("騰訊控股", 2464300, 25207039)
    assert (tencent["short_number_change"], tencent["short_position_volume"]) == (-1821700, 51480638)


@FORMATS
def test_its_ranking_is_refused_as_by_opend(opend: OpenDService, tmp_path: Path, as_json: bool) -> None:
    (refused,) = ask(opend, tmp_path, "get_short_selling_rank", as_json=as_json, market="SG")["pages"]
    assert refused == "market is not supported"
