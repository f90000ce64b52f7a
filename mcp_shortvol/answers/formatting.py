"""Figures as people read them: 2.93 M, HKD 1.32 bn, 9.92 %."""

__all__ = ["UNUSUAL", "big", "days_in_words", "how_unusual", "percent", "source_in_words", "source_title"]

UNUSUAL = 2
"""The standard score from which a day is called unusual."""

_VERY_UNUSUAL = 3
_SCALES = ((1e12, "tn"), (1e9, "bn"), (1e6, "M"), (1e3, "k"))
_TITLES = {
    "longbridge": "Longbridge",
    "futu_opend": "Futu OpenD",
    "futu_cloud": "Futu cloud",
    "finra": "FINRA",
    "sfc": "SFC",
}


def big(value: float | None) -> str:
    """A count or an amount in three figures; "-" where it is unknown."""
    if value is None:
        return "-"
    for scale, unit in _SCALES:
        if value >= scale * 0.9995:
            scaled = value / scale
            decimals = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
            return f"{scaled:.{decimals}f} {unit}"
    return f"{value:.0f}"


def percent(value: float) -> str:
    """A percentage with two decimals."""
    return f"{value:.2f} %"


def how_unusual(z_score: float) -> str:
    """The usual reading of a standard score: two deviations from the mean are unusual, three are very unusual."""
    distance = abs(z_score)
    if distance >= _VERY_UNUSUAL:
        return "very unusual"
    return "unusual" if distance >= UNUSUAL else "somewhat unusual" if distance >= 1 else "ordinary"


def days_in_words(count: int) -> str:
    """A number of trading days."""
    return f"{count} trading day" if count == 1 else f"{count} trading days"


def source_title(source: str) -> str:
    """The vendor of a source as a person says it, the sandbox's prefix aside."""
    name = source.removeprefix("sandbox:")
    return _TITLES.get(name, name)


def source_in_words(source: str) -> str:
    """A source as a person says it; the sandbox never without saying what it is."""
    title = source_title(source)
    return f"SANDBOX playing {title}, invented figures" if source.startswith("sandbox:") else title
