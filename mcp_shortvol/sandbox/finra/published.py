"""FINRA's published figures that the simulated service contains exactly: real rows out of public repositories.

Short, exempt and total quantities of a day, all facilities together, by FINRA's symbol; the three records of one day;
and reports of short interest: position, the one before, and average daily volume.
"""

from datetime import date
from decimal import Decimal

__all__ = ["INTEREST", "RECORDS", "SUMS"]

_MAY, _JULY, _OCTOBER_1, _OCTOBER_2 = date(2026, 5, 15), date(2026, 7, 30), date(2026, 10, 1), date(2026, 10, 2)

SUMS: dict[tuple[str, date], tuple[Decimal, int, Decimal]] = {
    (symbol, day): (Decimal(short), exempt, Decimal(total))
    for symbol, day, short, exempt, total in (
        ("AAPL", _MAY, "8714049.111124", 41327, "16275822.859084"),
        ("GME", _MAY, "1544093.403351", 3647, "2569999.110722"),
        ("AAPL", _JULY, "9699860.835956", 39078, "20246331.798531"),
        ("BRK/B", _JULY, "691476.764953", 1191, "1280099.715143"),
        ("AAPL", _OCTOBER_1, "7247661.367639", 32593, "12789812.825635"),
        ("NVDA", _OCTOBER_1, "22517296.138992", 129771, "41606402.881524"),
        ("SPY", _OCTOBER_1, "9002428.457158", 8763, "17259616.378032"),
        ("TSLA", _OCTOBER_1, "7505508.843429", 53579, "15700612.879879"),
        ("AAPL", _OCTOBER_2, "5692524.485666", 130700, "10528296.537970"),
        ("NVDA", _OCTOBER_2, "24336656.744729", 123173, "52296569.120627"),
        ("SPY", _OCTOBER_2, "8236135.467386", 37969, "15966137.948853"),
        ("TSLA", _OCTOBER_2, "10560764.437545", 61144, "24014679.865443"),
    )
}

RECORDS: dict[tuple[str, date], dict[str, tuple[Decimal, Decimal, Decimal]]] = {
    ("AAPL", date(2026, 7, 28)): {
        "NQTRF": (Decimal("8101622.503547"), Decimal("41852.0"), Decimal("17193767.649164")),
        "NCTRF": (Decimal("71287.391347"), Decimal(2), Decimal("139754.385672")),
        "NYTRF": (Decimal("1433075.91414"), Decimal(430), Decimal("1756412.25786")),
    },
}

_AUGUST, _SEPTEMBER = date(2026, 8, 31), date(2026, 9, 15)

INTEREST: dict[tuple[str, date], tuple[int, int, int]] = {
    ("AAPL", _AUGUST): (139749097, 116327753, 39537335),
    ("NVDA", _AUGUST): (298301619, 285956804, 139118326),
    ("TSLA", _AUGUST): (74230933, 69196896, 36423555),
    ("AAPL", _SEPTEMBER): (128753092, 139749097, 45135477),
    ("NVDA", _SEPTEMBER): (294225803, 298301619, 115324892),
    ("TSLA", _SEPTEMBER): (68862357, 74230933, 40108176),
    ("AAPL", date(2026, 4, 30)): (134675274, 134422787, 45944025),
    ("GME", date(2026, 4, 30)): (59374474, 61907606, 7005031),
}
