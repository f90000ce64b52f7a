"""The fields of the messages that the sandbox supports, with the numbers of the vendor's .proto files."""

from mcp_shortvol.sandbox.opend.bodies import Field, Kind, Message

__all__ = ["REQUESTS", "RESPONSES"]


def _fields(*kinds: tuple[str, Kind]) -> dict[str, Field]:
    """Fields numbered from 1 in the order given."""
    return {name: Field(number, kind) for number, (name, kind) in enumerate(kinds, 1)}


def _response(content: Message) -> Message:
    envelope = _fields(("retType", Kind.INT), ("retMsg", Kind.STRING), ("errCode", Kind.INT))
    return {**envelope, "s2c": Field(4, content)}


_US_ROW = _fields(
    ("timestamp", Kind.LONG),
    ("timestampStr", Kind.STRING),
    ("totalSharesShort", Kind.LONG),
    ("nasdaqSharesShort", Kind.LONG),
    ("nyseSharesShort", Kind.LONG),
    ("shortPercent", Kind.DOUBLE),
    ("volume", Kind.LONG),
    ("closePrice", Kind.DOUBLE),
    ("lastClosePrice", Kind.DOUBLE),
    ("dailyTradeAvgRatio", Kind.DOUBLE),
)
_HK_ROW = _fields(
    ("timestamp", Kind.LONG),
    ("timestampStr", Kind.STRING),
    ("sharesTraded", Kind.LONG),
    ("turnover", Kind.DOUBLE),
    ("shortSellSharesTraded", Kind.LONG),
    ("shortSellTurnover", Kind.DOUBLE),
    ("openPrice", Kind.DOUBLE),
    ("closePrice", Kind.DOUBLE),
    ("lastClosePrice", Kind.DOUBLE),
    ("dailyTradeAvgRatio", Kind.DOUBLE),
)
_US_REPORT = _fields(
    ("timestamp", Kind.LONG),
    ("timestampStr", Kind.STRING),
    ("sharesShort", Kind.LONG),
    ("shortPercent", Kind.DOUBLE),
    ("avgDailyShareVolume", Kind.LONG),
    ("daysToCover", Kind.DOUBLE),
    ("closePrice", Kind.DOUBLE),
    ("lastClosePrice", Kind.DOUBLE),
)
_HK_REPORT = _fields(
    ("timestamp", Kind.LONG),
    ("timestampStr", Kind.STRING),
    ("closePrice", Kind.DOUBLE),
    ("lastClosePrice", Kind.DOUBLE),
    ("aggregatedShort", Kind.LONG),
    ("aggregatedShortRatio", Kind.DOUBLE),
)
_SECURITY = _fields(("market", Kind.INT), ("code", Kind.STRING))
_RANKED: Message = {
    "security": Field(1, _SECURITY),
    "name": Field(2, Kind.STRING),
    "closePrice": Field(10, Kind.DOUBLE),
    "changeRatio": Field(11, Kind.DOUBLE),
    "changeRatio5D": Field(12, Kind.DOUBLE),
    "changeRatio10D": Field(13, Kind.DOUBLE),
    "volume": Field(14, Kind.LONG),
    "shortNumber": Field(20, Kind.LONG),
    "shortNumberChange": Field(21, Kind.LONG),
    "shortRatio": Field(22, Kind.DOUBLE),
    "shortRatioChange": Field(23, Kind.DOUBLE),
    "shortPositionVolume": Field(24, Kind.LONG),
    "shortPositionRatio": Field(25, Kind.DOUBLE),
    "daysToCover": Field(26, Kind.DOUBLE),
    "weekAvgShortNumber": Field(27, Kind.LONG),
    "weekAvgShortRatio": Field(28, Kind.DOUBLE),
    "monthAvgShortNumber": Field(29, Kind.LONG),
    "monthAvgShortRatio": Field(30, Kind.DOUBLE),
}

_ROWS_REQUEST: Message = {
    "c2s": Field(1, {"security": Field(1, _SECURITY), "nextKey": Field(2, Kind.STRING), "num": Field(3, Kind.INT)})
}

REQUESTS: dict[int, Message] = {
    1001: {
        "c2s": Field(
            1,
            _fields(
                ("clientVer", Kind.INT),
                ("clientID", Kind.STRING),
                ("recvNotify", Kind.BOOL),
                ("packetEncAlgo", Kind.INT),
                ("pushProtoFmt", Kind.INT),
                ("programmingLanguage", Kind.STRING),
                ("aiType", Kind.INT),
            ),
        )
    },
    1002: {"c2s": Field(1, _fields(("userID", Kind.LONG)))},
    1004: {"c2s": Field(1, _fields(("time", Kind.LONG)))},
    3248: _ROWS_REQUEST,
    3249: _ROWS_REQUEST,
    3415: {
        "c2s": Field(
            1,
            {
                **_fields(
                    ("market", Kind.INT),
                    ("sortField", Kind.INT),
                    ("sortDir", Kind.INT),
                    ("offset", Kind.INT),
                    ("count", Kind.INT),
                ),
                "plateList": Field(6, _SECURITY, repeated=True),
            },
        )
    },
}

RESPONSES: dict[int, Message] = {
    1001: _response(
        _fields(
            ("serverVer", Kind.INT),
            ("loginUserID", Kind.LONG),
            ("connID", Kind.LONG),
            ("connAESKey", Kind.STRING),
            ("keepAliveInterval", Kind.INT),
            ("aesCBCiv", Kind.STRING),
            ("userAttribution", Kind.INT),
        )
    ),
    1002: _response(
        {
            **_fields(
                ("marketHK", Kind.INT),
                ("marketUS", Kind.INT),
                ("marketSH", Kind.INT),
                ("marketSZ", Kind.INT),
                ("marketHKFuture", Kind.INT),
                ("qotLogined", Kind.BOOL),
                ("trdLogined", Kind.BOOL),
                ("serverVer", Kind.INT),
                ("serverBuildNo", Kind.INT),
                ("time", Kind.LONG),
                ("localTime", Kind.DOUBLE),
            ),
            "programStatus": Field(12, _fields(("type", Kind.INT), ("strExtDesc", Kind.STRING))),
            "connID": Field(16, Kind.LONG),
        }
    ),
    1004: _response(_fields(("time", Kind.LONG))),
    3248: _response(
        {
            "usItemList": Field(1, _US_ROW, repeated=True),
            "hkItemList": Field(2, _HK_ROW, repeated=True),
            "nextKey": Field(3, Kind.STRING),
            "aggregatedShort": Field(4, Kind.LONG),
            "aggregatedShortRatio": Field(5, Kind.DOUBLE),
            "newTimeStr": Field(6, Kind.STRING),
        }
    ),
    3249: _response(
        {
            "usItemList": Field(1, _US_REPORT, repeated=True),
            "hkItemList": Field(2, _HK_REPORT, repeated=True),
            "nextKey": Field(3, Kind.STRING),
        }
    ),
    3415: _response({"dataList": Field(1, _RANKED, repeated=True), "allCount": Field(2, Kind.INT)}),
}
