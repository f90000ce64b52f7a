"""The invented market in FINRA's format: one record a symbol, date and facility, and one a symbol and settlement date.

Off exchange a third of all volume is traded, and about half of that is sold short. Quantities have six decimals since
2026-02-23, and whole numbers before. Beside the listed symbols the market of a day has further invented names, so that
it takes several pages.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import islice, product
from string import ascii_uppercase

from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.symbols import Symbol
from mcp_shortvol.sandbox.finra.published import INTEREST, RECORDS, SUMS
from mcp_shortvol.sandbox.market.days import MarketDay, days, listings
from mcp_shortvol.sandbox.market.noise import draws
from mcp_shortvol.sandbox.market.positions import reports

__all__ = ["Record", "codes", "interest_records", "market_records", "volume_records"]

Record = dict[str, object]

_MARKETS = {"NQTRF": "Q", "NCTRF": "B", "NYTRF": "N"}
_FRACTIONS_SINCE = date(2026, 2, 23)
_MICRO = Decimal("0.000001")
_YEAR = timedelta(days=365)


def codes() -> dict[str, Symbol]:
    """The listed US symbols by FINRA's spelling in short sale volume."""
    return {symbol.code.replace(".", "/"): symbol for symbol in listings() if symbol.market is Market.US}


def volume_records(code: str, first: date, last: date, newest: date) -> list[Record]:
    """The records of a symbol between two dates, of the year up to `newest`; none where it is not listed."""
    symbol = codes().get(code)
    if symbol is None:
        return []
    oldest = max(first, newest - _YEAR)
    served = [day for day in days(symbol, min(last, newest)) if day.date >= oldest]
    return [record for day in served for record in _of_day(code, day)]


@lru_cache(maxsize=32)
def market_records(day: date, newest: date, additional: int) -> Sequence[Record]:
    """Every record of a trading day of the year up to `newest`; none on other dates."""
    if not newest - _YEAR <= day <= newest or day.weekday() > 4:
        return ()
    records: list[Record] = []
    for code, symbol in codes().items():
        served = days(symbol, day)
        if served and served[-1].date == day:
            records += _of_day(code, served[-1])
    if not records:
        return ()
    for code in islice(_invented_codes(), additional):
        records += _of_invented(code, day)
    return tuple(records)


def interest_records(code: str, newest: date) -> list[Record]:
    """The reports of a symbol published by `newest`; none where it is not listed. `code` has no separator."""
    symbol = next((symbol for symbol in codes().values() if symbol.code.replace(".", "") == code), None)
    if symbol is None:
        return []
    known = reports(symbol, newest)
    shares = [position.shares for position in known]
    for place, position in enumerate(known):
        if real := INTEREST.get((code, position.date)):
            shares[place] = real[0]
            shares[place - 1] = real[1]  # the report before it says the same
    averages = [INTEREST.get((code, position.date), (0, 0, position.average_daily_volume))[2] for position in known]
    return [
        _report(code, position.date, now, before, average)
        for position, now, before, average in zip(known[1:], shares[1:], shares, averages[1:], strict=False)
    ]


def _of_day(code: str, day: MarketDay) -> Iterator[Record]:
    if real := RECORDS.get((code, day.date)):
        for facility, quantities in real.items():
            yield _record(code, day.date, facility, *quantities)
        return
    if summed := SUMS.get((code, day.date)):
        short, exempt, total = summed
    else:
        share, ratio, part, *_ = draws(f"finra {code} {day.date}")
        total = _exact(day.volume * (0.27 + 0.12 * share), day.date, f"{code} total")
        short = _exact(float(total) * (0.41 + 0.16 * ratio), day.date, f"{code} short")
        exempt = round(float(short) * 0.006 * part)
    yield from _split(code, day.date, short, Decimal(exempt), total)


def _of_invented(code: str, day: date) -> Iterator[Record]:
    size, level, *_ = draws(f"finra {code}")
    busy, bias, listed, *_ = draws(f"finra {code} {day}")
    usual = 2_000 * 1_500**size
    total = _exact(usual * (0.5 + busy), day, f"{code} total")
    short = _exact(float(total) * min(0.98, (0.2 + 0.5 * level) * (0.7 + 0.6 * bias)), day, f"{code} short")
    if listed < 0.3:  # a thin name trades through one facility only
        yield _record(code, day, "NQTRF", short, Decimal(0), total)
    else:
        yield from _split(code, day, short, Decimal(0), total)


def _split(code: str, day: date, short: Decimal, exempt: Decimal, total: Decimal) -> Iterator[Record]:
    """Three facilities that add up to the sums exactly."""
    small = {"NCTRF": Decimal("0.008"), "NYTRF": Decimal("0.11")}
    unit = _MICRO if day >= _FRACTIONS_SINCE else Decimal(1)
    parts = {
        facility: ((short * part).quantize(unit), Decimal(round(exempt * part)), (total * part).quantize(unit))
        for facility, part in small.items()
    }
    rest = [whole - sum(part[place] for part in parts.values()) for place, whole in enumerate((short, exempt, total))]
    yield _record(code, day, "NQTRF", rest[0], rest[1], rest[2])
    for facility, quantities in parts.items():
        yield _record(code, day, facility, *quantities)


def _exact(value: float, day: date, key: str) -> Decimal:
    whole = Decimal(round(value))
    if day < _FRACTIONS_SINCE:
        return whole
    return whole + Decimal(round(draws(f"{key} {day}")[0] * 1_000_000)) * _MICRO


def _record(code: str, day: date, facility: str, short: Decimal, exempt: Decimal, total: Decimal) -> Record:
    return {
        "reportingFacilityCode": facility,
        "marketCode": _MARKETS[facility],
        "tradeReportDate": day.isoformat(),
        "securitiesInformationProcessorSymbolIdentifier": code,
        "shortParQuantity": _number(short),
        "shortExemptParQuantity": _number(exempt),
        "totalParQuantity": _number(total),
    }


def _number(value: Decimal) -> int | float:
    """Whole numbers and decimals mixed, as FINRA sends them."""
    return int(value) if value == value.to_integral_value() else float(value)


def _report(code: str, settled: date, shares: int, previous: int, average: int) -> Record:
    change = shares - previous
    return {
        "symbolCode": code,
        "issueName": f"{code} Common Stock",
        "settlementDate": settled.isoformat(),
        "currentShortPositionQuantity": shares,
        "previousShortPositionQuantity": previous,
        "averageDailyVolumeQuantity": average,
        "daysToCoverQuantity": max(1.0, round(shares / average, 2)),
        "changePercent": round(100 * change / previous, 2),
        "changePreviousNumber": change,
        "stockSplitFlag": None,
        "revisionFlag": None,
        "marketClassCode": "NNM",
        "issuerServicesGroupExchangeCode": "R",
    }


def _invented_codes() -> Iterator[str]:
    """Codes that belong to no real security: five letters that begin with ZZ."""
    return (f"ZZ{''.join(letters)}" for letters in product(ascii_uppercase, repeat=3))
