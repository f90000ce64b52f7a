"""What people ask, the one call that answers it, and where in the answer the fact stands."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from mcp import Client

from mcp_shortvol.sandbox.finra.gateway import FinraGateway
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway
from mcp_shortvol.sandbox.opend.gateway import OpenDGateway
from mcp_shortvol.server import build_server
from mcp_shortvol.settings import load_settings

pytestmark = pytest.mark.anyio

Answer = dict[str, Any]


def statistic(*names: str) -> Callable[[Answer], bool]:
    return lambda answer: all(answer["statistics"][name] is not None for name in names)


def said(*words: str) -> Callable[[Answer], bool]:
    return lambda answer: all(word in answer["summary"] for word in words)


def rows(count: int, *columns: str) -> Callable[[Answer], bool]:
    return lambda answer: len(answer["rows"]) == count and set(columns) <= set(answer["columns"])


def _row_of(answer: Answer, date: str, column: str) -> Any:
    """A figure of the day of a date."""
    return next(row[answer["columns"].index(column)] for row in answer["rows"] if row[0] == date)


# The sandbox plays up to 2026-06-12, a Friday.
QUESTIONS = [
    (
        "How much of Tesla's volume was shorted yesterday?",
        {"symbol": "TSLA", "count": 1},
        said("TSLA.US on 2026-06-12", "% sold short", "ratio of volume Longbridge reports"),
    ),
    ("Is it going up or down?", {"symbol": "TSLA", "count": 60}, statistic("trend", "slope_pp_per_day", "mean_5d_pct")),
    ("Is it going up or down, in words?", {"symbol": "TSLA", "count": 60}, said("trend ")),
    ("Is today unusual for Apple?", {"symbol": "AAPL", "count": 60}, statistic("z_score", "percentile")),
    ("Is today unusual for Apple, in words?", {"symbol": "AAPL", "count": 60}, said("(z ", "the mean of the 59")),
    (
        "Which days this quarter were highest?",
        {"symbol": "700.HK", "start_date": "2026-04-01"},
        lambda answer: len(answer["statistics"]["highest_days"]) == 5,
    ),
    (
        "Did it spike before 8 May?",
        {"symbol": "700.HK", "count": 30, "end_date": "2026-05-08"},
        statistic("latest_date", "deviation_pp", "z_score", "max_date"),
    ),
    (
        "What is the average over 90 trading days?",
        {"symbol": "AAPL", "count": 90},
        statistic("mean_pct", "weighted_mean_pct"),
    ),
    (
        "What was Tencent's short turnover in HKD over May?",
        {"symbol": "700.HK", "start_date": "2026-05-01", "end_date": "2026-05-31"},
        lambda answer: statistic("total_short_turnover")(answer) and said("worth HKD ")(answer),
    ),
    (
        "Is the newest value a record in 120 days?",
        {"symbol": "NVDA", "count": 120},
        lambda answer: statistic("percentile", "max_pct", "max_date")(answer) and said("All 120 days: ")(answer),
    ),
    ("What is its deviation value?", {"symbol": "9988.HK", "count": 30}, statistic("deviation_pp")),
    ("What is its deviation value, in words?", {"symbol": "9988.HK", "count": 30}, said(" pp ", "the mean of the 29")),
    (
        "What was the short volume on 18 May?",
        {"symbol": "700.HK", "start_date": "2026-05-18", "end_date": "2026-05-18"},
        lambda answer: answer["rows"][0][:4] == ["2026-05-18", 2926000, 29497076, 9.92],
    ),
    (
        "What are the monthly averages over a year?",
        {"symbol": "700.HK", "start_date": "2025-06-01", "end_date": "2026-05-31", "interval": "month"},
        rows(12, "short_ratio_pct", "days"),
    ),
    (
        "What is the average daily short volume?",
        {"symbol": "700.HK", "count": 60},
        lambda answer: answer["statistics"]["short_volume"]["mean"] > 0 and said(" sold short, ", " a day")(answer),
    ),
    (
        "Is short volume, in shares, going up?",
        {"symbol": "TSLA", "count": 60},
        lambda answer: answer["statistics"]["short_volume"].keys() >= {"trend", "trend_pct"},
    ),
    (
        "Which day was most shorted by value?",
        {"symbol": "700.HK", "count": 60},
        lambda answer: (
            _row_of(answer, answer["statistics"]["short_turnover"]["max_date"], "short_turnover")
            == max(row[answer["columns"].index("short_turnover")] for row in answer["rows"])
        ),
    ),
    (
        "Is it a squeeze? Flow and position together.",
        {"symbol": "GME", "count": 30},
        lambda answer: (
            answer["short_position"].keys() == {"date", "shares", "pct", "pct_basis", "days_to_cover"}
            and answer["short_position"]["days_to_cover"] is not None
            and said("Short interest (open positions) on ", " days to cover")(answer)
        ),
    ),
    (
        "And of Tencent: flow and position together.",
        {"symbol": "700.HK", "count": 40},
        lambda answer: (
            answer["short_position"]["pct_basis"] == "issued shares"
            and answer["short_position"]["days_to_cover"] is not None
        ),
    ),
    (
        "Only the statistics of a year, please.",
        {"symbol": "AAPL", "count": 250, "response_format": "summary"},
        lambda answer: (
            not answer["rows"]
            and answer["rows_omitted"] == 250
            and len(json.dumps(answer, separators=(",", ":")).encode()) <= 1536
            and statistic("mean_pct", "prior_mean_pct", "percentile", "notable_days")(answer)
        ),
    ),
    ("How did price and short ratio move together?", {"symbol": "TSLA", "count": 60}, statistic("price_correlation")),
]


@pytest.fixture
async def client(
    gateway: LongbridgeGateway, opend: OpenDGateway, finra: FinraGateway, environment: dict[str, str]
) -> AsyncIterator[Client]:
    settings = load_settings(SHORTVOL_LONGBRIDGE_QUOTA="off", SHORTVOL_FUTU_QUOTA="off")
    async with Client(build_server(settings), raise_exceptions=True) as connected:
        yield connected


@pytest.mark.parametrize("tool", ["get_short_trades", "get_daily_short_volume"])
@pytest.mark.parametrize(("question", "arguments", "stands"), QUESTIONS, ids=[question for question, _, _ in QUESTIONS])
async def test_one_call_answers(
    client: Client, tool: str, question: str, arguments: dict[str, Any], stands: Callable[[Answer], bool]
) -> None:
    if tool == "get_daily_short_volume" and arguments["symbol"] == "TSLA" and arguments.get("count") == 1:
        stands = said("TSLA.US on 2026-06-12", "% sold short", "ratio of consolidated volume")
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    assert stands(result.structured_content), result.structured_content["summary"]


def _is_ordered(answer: Answer, column: str) -> bool:
    """Whether the rows come by the size of a figure, the largest first."""
    sizes = [abs(row[answer["columns"].index(column)]) for row in answer["rows"]]
    return sizes == sorted(sizes, reverse=True)


def interest(*columns: str) -> Callable[[Answer], bool]:
    return lambda answer: all(answer["rows"][0][answer["columns"].index(name)] is not None for name in columns)


POSITIONS = [
    (
        "What is GME's short interest?",
        "get_short_interest",
        {"symbol": "GME"},
        lambda answer: said("shares open short", "(FINRA)")(answer) and interest("short_interest")(answer),
    ),
    (
        "Which US stocks have the highest short volume ratio today?",
        "screen_short_volume",
        {"date": "2026-06-12"},
        lambda answer: (
            len(answer["rows"]) == 20
            and answer["date"] == "2026-06-12"
            and said("20 US names with the highest short ratio, led by ")(answer)
        ),
    ),
    (
        "Whose ratio rose 3 days in a row while the price fell? First call: who rose.",
        "screen_short_volume",
        {"order_by": "streak", "date": "2026-06-12"},
        lambda answer: answer["rows"][0][answer["columns"].index("streak_days")] >= 3,
    ),
    (
        "Whose ratio rose 3 days in a row while the price fell? Second call: whose price.",
        "compare_short_volume",
        {"symbols": ["TSLA", "AAPL", "NVDA"]},
        lambda answer: {"streak_days", "price_change_pct"} <= set(answer["columns"]),
    ),
    (
        "Why is my number different from FINRA's, moomoo's and Longbridge's?",
        "get_short_volume_by_venue",
        {"symbol": "AAPL", "count": 5, "end_date": "2026-05-15"},
        lambda answer: (
            [(ratio["who"], ratio["pct"]) for ratio in answer["ratios"]]
            == [("FINRA", 53.54), ("Longbridge", 36.43), ("Futu/moomoo", 13.28), ("together, at least", 29.17)]
            and all(ratio["share_of"] and ratio["short_sales"] for ratio in answer["ratios"])
        ),
    ),
    (
        "Longbridge says 36 %, moomoo 14 %, FINRA 53 %: who is right?",
        "get_short_volume_by_venue",
        {"symbol": "AAPL", "count": 1, "end_date": "2026-05-15"},
        said("at least 29.17 % of all volume was sold short", "No source's own ratio is wrong"),
    ),
    (
        "How much of Apple trades in dark pools?",
        "get_short_volume_by_venue",
        {"symbol": "AAPL", "count": 1, "end_date": "2026-05-15"},
        said("Off exchange: 29.67 % of all volume, 53.54 % of it short"),
    ),
    (
        "How many days to cover?",
        "get_short_interest",
        {"symbol": "GME"},
        lambda answer: said("days to cover")(answer) and interest("days_to_cover")(answer),
    ),
    (
        "Did Tencent's shorts cover over the last weeks?",
        "get_short_interest",
        {"symbol": "700.HK"},
        lambda answer: said("Against the report before", "Since ")(answer) and interest("change_pct")(answer),
    ),
    (
        "How can short volume be 60 % and short interest 11 %? First call.",
        "get_short_trades",
        {"symbol": "GME"},
        lambda answer: any("not short interest" in note for note in answer["notes"]),
    ),
    (
        "How can short volume be 60 % and short interest 11 %? Second call.",
        "get_short_interest",
        {"symbol": "GME"},
        lambda answer: any("stock of open positions" in note for note in answer["notes"]),
    ),
    (
        "Which of my watch list jumped most?",
        "compare_short_volume",
        {"symbols": "TSLA, AAPL, NVDA, 700.HK", "order_by": "change"},
        lambda answer: said("Biggest jump for its own changes: ")(answer) and _is_ordered(answer, "change_z"),
    ),
    (
        "Who of these was most unusual in May?",
        "compare_short_volume",
        {"symbols": ["TSLA", "AAPL"], "start_date": "2026-04-01", "end_date": "2026-05-29"},
        lambda answer: answer["rows"][0][1] == "2026-05-29" and said("2026-04-01 to 2026-05-29")(answer),
    ),
    (
        "Which are the top ten most shorted Hong Kong stocks?",
        "rank_short_selling",
        {"market": "HK"},
        lambda answer: len(answer["rows"]) == 10 and said("10 Hong Kong stocks with the highest short ratio")(answer),
    ),
    (
        "Which US names have the most days to cover?",
        "rank_short_selling",
        {"market": "US", "order_by": "days_to_cover"},
        lambda answer: answer["columns"][2] == "days_to_cover" and said("highest days to cover")(answer),
    ),
    (
        "今日港股沽空榜",
        "rank_short_selling",
        {"market": "HK", "order_by": "short_volume"},
        lambda answer: answer["columns"][2] == "short_volume" and said("highest short volume")(answer),
    ),
]


@pytest.mark.parametrize(
    ("question", "tool", "arguments", "stands"), POSITIONS, ids=[question for question, *_ in POSITIONS]
)
async def test_one_or_two_calls_answer_about_positions_and_rankings(
    client: Client, question: str, tool: str, arguments: dict[str, Any], stands: Callable[[Answer], bool]
) -> None:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    assert stands(result.structured_content), result.structured_content


@pytest.mark.parametrize("tool", ["get_short_trades", "get_daily_short_volume"])
@pytest.mark.parametrize("symbol", ["700.HK", "2800.HK", "823.HK", "TSLA.US", "AAPL.US", "BRK.B.US", "FIG.US"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"count": 30},
        {"count": 200, "interval": "week"},
        {"count": 1, "end_date": "2026-05-15"},
        {"start_date": "2026-05-15", "end_date": "2026-05-22"},
    ],
)
async def test_no_check_fires_on_the_sandbox(client: Client, tool: str, symbol: str, arguments: dict[str, Any]) -> None:
    """The published rows' own quirks included, such as a NYSE part of 0 on one day."""
    result = await client.call_tool(tool, {"symbol": symbol, **arguments})
    found = result.structured_content or {}
    expected = ("Short volume is", "Not every row is a whole", "Null for want of days")
    assert [note for note in found["notes"] if not note.startswith(expected)] == []
