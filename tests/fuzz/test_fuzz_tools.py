"""Whatever an assistant sends, over a real stdio session: an answer or our own words, and the server lives on."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from tests.fuzz.anything import EXAMPLES, json_values, texts
from tests.test_processes import Server

# Several of the figures and words that fit each argument, so that not only refusals are tried.
GOOD = {
    "symbol": st.sampled_from(["700.HK", "HK.00700", "TSLA", "$aapl", "BRK-B"]),
    "symbols": st.lists(st.sampled_from(["700.HK", "5.HK", "AAPL", "TSLA", "nonsense!"]), max_size=5),
    "market": st.sampled_from(["US", "HK"]),
    "count": st.integers(0, 60),
    "start_date": st.dates().map(str),
    "end_date": st.dates().map(str),
    "interval": st.sampled_from(["day", "week", "month"]),
    "source": st.sampled_from(["auto", "longbridge", "futu_opend", "futu_cloud"]),
    "response_format": st.sampled_from(["concise", "full"]),
    "order_by": st.sampled_from(["short_ratio", "days_to_cover"]),
    "direction": st.sampled_from(["asc", "desc"]),
    "min_volume": st.integers(-1, 10**13),
    "include_rmb_counters": st.booleans(),
}
TOOLS = (
    "get_short_trades",
    "get_daily_short_volume",
    "compare_short_volume",
    "get_short_interest",
    "rank_short_selling",
)
arguments = st.one_of(
    st.fixed_dictionaries({}, optional={name: st.one_of(good, good, good, json_values) for name, good in GOOD.items()}),
    st.dictionaries(st.one_of(st.sampled_from(list(GOOD)), texts), json_values, max_size=5),
)


@pytest.fixture(scope="module")
def server(sandbox: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("data")
    started = Server(
        sandbox.environment()
        | {
            "SHORTVOL_DATA_DIR": str(folder),
            "SHORTVOL_STORE": "",
            "SHORTVOL_FUTU_QUOTA": "off",
            "SHORTVOL_LONGBRIDGE_QUOTA": "off",
        }
    )
    yield started
    assert started.close() == ""


def encodable(value: Any) -> bool:
    """Whether it is JSON at all: NaN is none, nor is half a surrogate pair UTF-8."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, UnicodeEncodeError):
        return False
    return True


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tool=st.sampled_from(TOOLS), sent=arguments.filter(encodable))
def test_any_arguments(server: Server, opend: OpenDGateway, tool: str, sent: dict[str, Any]) -> None:
    number = server.ask_tool(tool, sent)
    message = server.read(number)
    assert "error" not in message or message["error"]["code"] in {-32602, -32600}, message
    if "error" in message:
        return
    result = message["result"]
    text = "".join(block["text"] for block in result["content"])
    assert text
    assert not re.search(r"https?://|Traceback|pydantic|Error executing|validation error|Input should", text)
    assert all(character.isprintable() or character == "\n" for character in text)
    if not result.get("isError"):
        assert result["structuredContent"]["summary"] in text
