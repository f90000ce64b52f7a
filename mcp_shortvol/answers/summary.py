"""What a series shows, in a few sentences: enough if nothing else of the answer is read."""

from mcp_shortvol.answers.formatting import UNUSUAL, big, days_in_words, how_unusual, percent, source_title
from mcp_shortvol.answers.statistics import Statistics
from mcp_shortvol.domain.markets import Market
from mcp_shortvol.domain.short_volume import Series
from mcp_shortvol.domain.wording import moment

__all__ = ["summary_of"]


def summary_of(series: Series, statistics: Statistics | None, *, brief: bool = False) -> str:
    """The latest day, how it stands against the days before, and the range and sum of them all.

    A `brief` one has the first two only, for an answer in which other fields say the rest.
    """
    label = "Sandbox, invented figures. " if series.invented else ""
    if series.interruption is not None and (since := series.interruption.as_of) is not None:
        label += f"Kept figures as of {moment(since)}, not refreshed. "
    if not series.days:
        return f"{label}No short-volume days for {series.question.symbol}{_asked(series)}."
    judged = _against_history(statistics, series) if statistics else []
    origin = "" if brief else f" ({source_title(series.source)}; ratio of {series.ratio_basis})"
    sentences = [f"{_latest(series)}{origin}.", *(judged[:1] if brief else [*judged, *_position(series)])]
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
    return f"{series.question.symbol} on {day.date}: {ratio}, {volumes}"


def _against_history(statistics: Statistics, series: Series) -> list[str]:
    if statistics.deviation_pp is None:
        return []
    days = sum(day.short_ratio_pct is not None for day in series.days)
    base = "" if statistics.prior_mean_pct is None else f", {percent(statistics.prior_mean_pct)}"
    sentence = f"{_distance(statistics.deviation_pp)} the mean of the {days_in_words(days - 1)} before{base}"
    if statistics.latest_date != series.days[0].date:
        sentence = f"The ratio of {statistics.latest_date}, {percent(statistics.latest_pct)}, is {sentence}"
    if statistics.z_score is not None:
        sentence += f" (z {statistics.z_score:.2f}, {how_unusual(statistics.z_score)}{_few_shares(statistics, series)})"
    if statistics.trend is not None:
        sentence += f"; trend {_trend(statistics, days)}"
    return [f"{sentence}.", _range(statistics, days, series.question.symbol.market), *_notable(statistics)]


def _few_shares(statistics: Statistics, series: Series) -> str:
    """A high ratio of a day on which fewer shares were sold short than the day before comes from a low total."""
    newest = [day.short_volume for day in series.days[:2]]
    high = statistics.z_score is not None and statistics.z_score >= UNUSUAL
    if not high or statistics.latest_date != series.days[0].date or len(newest) < 2:
        return ""
    latest, before = newest
    if latest is None or not before or latest >= before:
        return ""
    return f", though short volume fell {100 * (1 - latest / before):.0f} % that day"


def _notable(statistics: Statistics) -> list[str]:
    """The newest day that stands out, except for the latest day's ratio, which is judged already."""
    latest = statistics.latest_date, "short_ratio_pct"
    days = [day for day in statistics.notable_days if (day.date, day.measure) != latest]
    if not days:
        return []
    day = days[0]
    if day.measure == "short_ratio_pct":
        fell = day.value > statistics.mean_pct and (day.short_volume_change_pct or 0) < 0
        few = f", though short volume fell {-(day.short_volume_change_pct or 0):.0f} % that day" if fell else ""
        figure = f"{percent(day.value)} (z {day.z_score:.2f}{few})"
    else:
        figure = f"{big(day.value)} shares sold short (z {day.z_score:.2f})"
    more = f"; {len(days) - 1} more" if len(days) > 1 else ""
    return [f"Notable: {day.date}, {figure}{more}."]


def _trend(statistics: Statistics, days: int) -> str:
    """The direction with its size over the days; flat where that is less than the days spread by themselves."""
    change = (statistics.slope_pp_per_day or 0) * (days - 1)
    if statistics.trend == "flat" or abs(change) < (statistics.stdev_pp or 0):
        return "flat"
    return f"{statistics.trend}, {change:+.1f} pp over {days_in_words(days)}"


def _position(series: Series) -> list[str]:
    """The newest reported positions, always with their own date: they are older than the newest day."""
    position = series.short_position
    if position is None or position.shares is None:
        return []
    share = f", {percent(position.pct)} of {position.pct_basis}" if position.pct is not None else ""
    cover = f", {position.days_to_cover:.2f} days to cover" if position.days_to_cover is not None else ""
    when = position.date or "an unknown date"
    return [f"Short interest (open positions) on {when}: {big(position.shares)} shares{share}{cover}."]


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
    return f"All {days} days: {average}from {lowest} to {highest}{sold}{_a_day(statistics)}."


def _a_day(statistics: Statistics) -> str:
    """The mean short volume, and its direction where it has one."""
    measure = statistics.short_volume
    if measure is None:
        return ""
    way = (
        f" ({measure.trend}, {measure.trend_pct:+.0f} % over these days)"
        if measure.trend in {"rising", "falling"}
        else ""
    )
    return f", {big(measure.mean)} a day{way}"
