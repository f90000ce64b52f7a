"""What a series shows, in a few sentences: enough if nothing else of the answer is read."""

from mcp_shortvol.answers.formatting import big, days_in_words, how_unusual, percent, source_title
from mcp_shortvol.answers.statistics import Statistics
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Series
from mcp_shortvol.domain.wording import moment

__all__ = ["summary_of"]


def summary_of(series: Series, statistics: Statistics | None) -> str:
    """The latest day, how it stands against the days before, and the range and sum of them all."""
    label = "Sandbox, invented figures. " if series.invented else ""
    if series.interruption is not None and (since := series.interruption.as_of) is not None:
        label += f"Kept figures as of {moment(since)}, not refreshed. "
    if not series.days:
        return f"{label}No short-volume days for {series.question.symbol}{_asked(series)}."
    sentences = [_latest(series), *(_against_history(statistics, series) if statistics else ()), *_position(series)]
    return label + " ".join(sentences)


def _asked(series: Series) -> str:
    question = series.question
    since = f" from {question.start}" if question.start else ""
    until = f" up to {question.end}" if question.end else ""
    return since + until


def _latest(series: Series) -> str:
    day = series.days[0]
    volumes = f"{big(day.short_volume)} of {big(day.total_volume)} shares"
    ratio = "short ratio unknown" if day.short_ratio_pct is None else f"{percent(day.short_ratio_pct)} sold short"
    origin = f"{source_title(series.source)}; ratio of {series.ratio_basis}"
    return f"{series.question.symbol} on {day.date}: {ratio}, {volumes} ({origin})."


def _against_history(statistics: Statistics, series: Series) -> list[str]:
    if statistics.deviation_pp is None:
        return []
    days = sum(day.short_ratio_pct is not None for day in series.days)
    sentence = f"{_distance(statistics.deviation_pp)} the mean of the {days_in_words(days - 1)} before"
    if statistics.latest_date != series.days[0].date:
        sentence = f"The ratio of {statistics.latest_date}, {percent(statistics.latest_pct)}, is {sentence}"
    if statistics.z_score is not None:
        sentence += f" (z {statistics.z_score:.2f}, {how_unusual(statistics.z_score)})"
    if statistics.trend is not None:
        sentence += f", trend {statistics.trend}"
    return [f"{sentence}.", _range(statistics, days, series.question.symbol.market)]


def _position(series: Series) -> list[str]:
    """The weekly figure, always with its own date: it is about a week older than the newest day."""
    position = series.short_position
    if position is None or position.shares is None:
        return []
    share = f", {percent(position.pct_of_issued)} of issued shares" if position.pct_of_issued is not None else ""
    return [f"Open short positions on {position.date or 'an unknown date'}: {big(position.shares)} shares{share}."]


def _distance(deviation_pp: float) -> str:
    if not deviation_pp:
        return "Equal to"
    return f"{abs(deviation_pp):.2f} pp {'above' if deviation_pp > 0 else 'below'}"


def _range(statistics: Statistics, days: int, market: Market) -> str:
    mean = statistics.weighted_mean_pct
    average = f"{percent(mean)} by volume, " if mean is not None else ""
    lowest = f"{percent(statistics.min_pct)} ({statistics.min_date})"
    highest = f"{percent(statistics.max_pct)} ({statistics.max_date})"
    turnover = statistics.total_short_turnover
    worth = f" worth {market.currency} {big(turnover)}" if turnover is not None else ""
    sold = f"; {big(statistics.total_short_volume)} shares{worth} sold short"
    return f"All {days} days: {average}from {lowest} to {highest}{sold}."
