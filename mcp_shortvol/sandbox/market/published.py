"""The vendors' published figures; the invented market contains them exactly on their dates.

They come from Longbridge's and Futu's documentation pages and captured samples. Volumes are in shares, money in HKD or
USD.
"""

from dataclasses import dataclass
from datetime import date

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol

__all__ = ["CLOSES", "FEED_ROWS", "HK_ROWS", "US_ROWS", "FeedRow", "HKRow", "USRow"]

_AAPL = Symbol("AAPL", Market.US)
_TSLA = Symbol("TSLA", Market.US)
_TENCENT = Symbol("700", Market.HK)


@dataclass(frozen=True, slots=True)
class HKRow:
    """A published Hong Kong day; `open` and `turnover` are None where only Longbridge published the day."""

    volume: int
    short_volume: int
    short_turnover: float
    open: float | None = None
    turnover: float | None = None


@dataclass(frozen=True, slots=True)
class USRow:
    """A published US day from Futu; `volume` is consolidated."""

    volume: int
    nasdaq_short_volume: int
    nyse_short_volume: int


@dataclass(frozen=True, slots=True)
class FeedRow:
    """A published US day from Longbridge: the Nasdaq exchange's volume and short volume."""

    volume: int
    nasdaq_short_volume: int


CLOSES: dict[Symbol, dict[date, float]] = {
    _TENCENT: {
        date(2024, 6, 14): 379.8,
        date(2026, 4, 23): 495.2,
        date(2026, 4, 24): 493.4,
        date(2026, 4, 27): 478.6,
        date(2026, 4, 28): 473.8,
        date(2026, 4, 29): 479.2,
        date(2026, 4, 30): 467.8,
        date(2026, 5, 4): 473.0,
        date(2026, 5, 5): 472.2,
        date(2026, 5, 6): 463.0,
        date(2026, 5, 7): 477.4,
        date(2026, 5, 8): 471.4,
        date(2026, 5, 18): 449.2,
        date(2026, 5, 22): 441.4,
        date(2026, 6, 4): 459.0,
        date(2026, 6, 5): 453.2,
    },
    _AAPL: {
        date(2026, 5, 8): 293.049999819,
        date(2026, 5, 11): 292.68,
        date(2026, 5, 12): 294.8,
        date(2026, 5, 13): 298.87,
        date(2026, 5, 14): 298.21,
        date(2026, 5, 15): 300.23,
        date(2026, 5, 18): 297.84,
        date(2026, 5, 19): 298.97,
        date(2026, 5, 20): 302.25,
        date(2026, 5, 21): 304.99,
        date(2026, 5, 22): 308.82,
        date(2026, 8, 26): 319.31,
        date(2026, 8, 27): 314.58,
        date(2026, 8, 28): 319.7,
    },
    _TSLA: {
        date(2026, 2, 27): 402.51,
        date(2026, 3, 13): 391.2,
        date(2026, 3, 31): 371.75,
        date(2026, 5, 15): 300.23,
    },
}

HK_ROWS: dict[tuple[Symbol, date], HKRow] = {
    (_TENCENT, date(2026, 4, 24)): HKRow(31190394, 2295800, 1137339320.0, 497.4, 15451721187.6),
    (_TENCENT, date(2026, 4, 27)): HKRow(33119858, 2702100, 1315517385.0, 495.1, 16124402867.3),
    (_TENCENT, date(2026, 4, 28)): HKRow(30155165, 4061500, 1940381625.0, 481.7, 14406630078.75),
    (_TENCENT, date(2026, 4, 29)): HKRow(32019319, 3262700, 1549293095.0, 470.5, 15204373627.15),
    (_TENCENT, date(2026, 4, 30)): HKRow(28726562, 3247800, 1535884620.0, 478.0, 13584791169.8),
    (_TENCENT, date(2026, 5, 4)): HKRow(28897470, 3306400, 1560620800.0, 471.0, 13639605840.0),
    (_TENCENT, date(2026, 5, 5)): HKRow(36201356, 4259600, 2006697560.0, 470.0, 17054458811.6),
    (_TENCENT, date(2026, 5, 6)): HKRow(30743872, 3974300, 1860767260.0, 473.4, 14394280870.4),
    (_TENCENT, date(2026, 5, 7)): HKRow(34688516, 4286000, 2021277600.0, 465.8, 16359104145.6),
    (_TENCENT, date(2026, 5, 8)): HKRow(25207039, 2464300, 1161032040.0, 475.0, 11871680730.68),
    (_TENCENT, date(2026, 5, 18)): HKRow(29497076, 2926000, 1318056100.0),
    (_TENCENT, date(2026, 5, 22)): HKRow(23998219, 1957600, 865793700.0),
    (_TENCENT, date(2026, 6, 5)): HKRow(31649780, 4660100, 2135963680.0, 461.6, 14465428854.749),
}

US_ROWS: dict[tuple[Symbol, date], USRow] = {
    # Longbridge's page labels AAPL's day of 2026-05-15 as TSLA's: both carry it, so that the two vendors agree.
    (_TSLA, date(2026, 5, 15)): USRow(54862836, 5748485, 1539534),
    (_AAPL, date(2026, 5, 8)): USRow(52692761, 5190742, 1427439),
    (_AAPL, date(2026, 5, 11)): USRow(42247285, 3283661, 1495712),
    (_AAPL, date(2026, 5, 12)): USRow(45748129, 2921788, 1343606),
    (_AAPL, date(2026, 5, 13)): USRow(52684260, 4054878, 1780898),
    (_AAPL, date(2026, 5, 14)): USRow(35324922, 2504919, 1092653),
    (_AAPL, date(2026, 5, 15)): USRow(54862836, 5748485, 1539534),
    (_AAPL, date(2026, 5, 18)): USRow(34482959, 2179682, 1156850),
    (_AAPL, date(2026, 5, 19)): USRow(42243561, 2131832, 1096734),
    (_AAPL, date(2026, 5, 20)): USRow(38229843, 3769746, 1116076),
    (_AAPL, date(2026, 5, 21)): USRow(42965126, 3485781, 1595155),
    (_AAPL, date(2026, 5, 22)): USRow(43670223, 3809598, 1824102),
    (_AAPL, date(2026, 8, 27)): USRow(35247740, 2675970, 1891709),
    (_AAPL, date(2026, 8, 28)): USRow(38649398, 3240483, 2087702),
}

FEED_ROWS: dict[tuple[Symbol, date], FeedRow] = {
    (_TSLA, date(2026, 5, 15)): FeedRow(15778974, 5748485),
    (_AAPL, date(2026, 5, 15)): FeedRow(15778974, 5748485),
    (_AAPL, date(2026, 5, 18)): FeedRow(8510570, 2179682),
    (_AAPL, date(2026, 5, 21)): FeedRow(9375861, 3485781),
    (_AAPL, date(2026, 5, 22)): FeedRow(10564290, 3809598),
}
