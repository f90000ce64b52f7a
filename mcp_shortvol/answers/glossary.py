"""What each field of the answers is, in one line: the text of the resource `shortvol://glossary`."""

from collections.abc import Mapping

__all__ = ["GLOSSARY", "glossary_text"]

GLOSSARY: Mapping[str, Mapping[str, str]] = {
    "Columns of days and periods": {
        "short_volume": "Shares sold short that day; a flow, not positions.",
        "total_volume": "Shares traded that day at the venues of ratio_basis.",
        "short_ratio_pct": "100 x short_volume / total_volume of the row.",
        "close": "Closing price; Futu's is adjusted for dividends.",
        "short_turnover": "HKD value of the shares sold short (Hong Kong).",
        "days": "Trading days in the period, or with a ratio.",
        "source_ratio_pct": "The vendor's own ratio, as sent.",
        "nasdaq_short_volume": "The Nasdaq exchange's part of short_volume (US).",
        "nyse_short_volume": "The NYSE group's part; null if never sent.",
        "exempt_short_volume": "Part of short_volume exempt from the price test.",
        "nqtrf_short_volume": "Reported to FINRA/Nasdaq TRF Carteret; _total_ too.",
        "nctrf_short_volume": "Reported to FINRA/Nasdaq TRF Chicago.",
        "nytrf_short_volume": "Reported to the FINRA/NYSE TRF.",
        "orf_short_volume": "Reported to the OTC facility.",
        "adf_short_volume": "Reported to FINRA's display facility.",
        "total_turnover": "Value of all shares traded.",
        "open": "Opening price.",
        "previous_close": "Close of the trading day before.",
        "average_ratio_20d_pct": "The vendor's 20-day mean ratio, as sent.",
    },
    "statistics": {
        "latest_date": "Newest day with a known ratio.",
        "latest_pct": "Short ratio of that day.",
        "previous_pct": "Short ratio of the day before it.",
        "change_pp": "latest_pct - previous_pct.",
        "mean_pct": "Mean of the daily ratios, the latest included.",
        "weighted_mean_pct": "100 x sum of short volume / sum of total volume.",
        "stdev_pp": "Sample standard deviation, the latest included.",
        "prior_mean_pct": "Mean of the days before the latest.",
        "prior_stdev_pp": "Sample standard deviation of those days.",
        "deviation_pp": "latest_pct - prior_mean_pct.",
        "z_score": "deviation_pp / prior_stdev_pp; from 11 days.",
        "percentile": "Share of the days before that are lower; from 11 days.",
        "min_pct": "Lowest ratio.",
        "min_date": "Its date; the newest on a tie.",
        "max_pct": "Highest ratio.",
        "max_date": "Its date; the newest on a tie.",
        "highest_days": "The 5 highest ratios: [date, pct].",
        "mean_5d_pct": "Mean of the newest 5 days.",
        "mean_20d_pct": "Mean of the newest 20 days.",
        "slope_pp_per_day": "Slope of a fitted line; from 10 days.",
        "trend": "Whether that slope is beyond two standard errors.",
        "streak_days": "Days of rise (+) or fall (-) up to the latest.",
        "total_short_volume": "Sum of short_volume.",
        "total_short_turnover": "Sum of short_turnover.",
        "price_correlation": "Of the ratio's changes with returns; from 21 days.",
        "short_volume": "Of shares sold short: mean, max, max_date, trend.",
        "short_turnover": "The same of the HKD value.",
        "notable_days": "Over 3 stdev from the others; fields below.",
    },
    "short_volume and short_turnover in statistics": {
        "mean": "Mean a day.",
        "max": "Highest day.",
        "max_date": "Its date.",
        "trend": "rising, falling or flat, as for the ratio.",
        "trend_pct": "Size of the fitted line over the days, % of mean.",
    },
    "notable_days, in this order": {
        "date": "The day.",
        "measure": "short_ratio_pct or short_volume.",
        "value": "Its figure that day.",
        "z_score": "Against the other days, less one outlier.",
        "short_volume_change_pct": "Against the day before; < 0: few shares.",
    },
    "short_position and short interest": {
        "shares": "Shares still open short on the date: a stock.",
        "pct": "Percentage of pct_basis.",
        "short_interest": "Shares still open short on the report's date.",
        "short_interest_pct": "Percentage of pct_basis.",
        "days_to_cover": "Short interest / average daily volume.",
        "change_pct": "Against the report before.",
        "short_interest_value": "Shares x close, HKD.",
        "previous_short_interest": "Of the report before, as this one states it.",
    },
    "get_short_volume_by_venue": {
        "off_exchange_short": "Sold short off exchange (FINRA).",
        "off_exchange_total": "Traded off exchange (FINRA).",
        "nasdaq_short": "Sold short on the Nasdaq exchange.",
        "nyse_short": "Sold short on the NYSE group's exchanges.",
        "known_short": "The sum of those three; null if a side is missing.",
        "consolidated_volume": "Traded at all venues (Futu).",
        "all_venue_pct": "100 x known_short / consolidated: a lower bound.",
        "off_exchange_share_pct": "Off-exchange part of all volume.",
        "ratios": "One day's ratio of each source: who, pct, share_of.",
        "missing_venues": "Venues whose short sales are in no figure.",
    },
    "screen_short_volume": {
        "streak_days": "Days of rise (+) or fall (-), among statistics_days.",
        "statistics_days": "Trading days that the statistics stand on.",
        "names_passing": "Names with min_volume and min_ratio.",
    },
    "compare_short_volume": {
        "change_z": "z of the latest change against the changes before.",
        "price_change_pct": "Return of the close over the latest day.",
    },
}
"""Section → field → description of at most 60 characters."""


_SOURCES = """## What a ratio is a share of, by source
- longbridge, US: the Nasdaq exchange's short sales / the Nasdaq exchange's volume (shares).
- futu_opend and futu_cloud, US: short sales of the Nasdaq and NYSE exchanges / the volume of all venues.
- all sources, Hong Kong: HKEX short sales of designated securities / HKEX shares traded; money in HKD.
- finra, US: short sales off exchange / off-exchange volume reported to FINRA; 40-50 % is ordinary.
- short interest: US of shares outstanding (Longbridge), a base Futu does not name, or none (finra); Hong Kong of issued
  shares, or none (sfc)."""


def glossary_text() -> str:
    """The glossary as Markdown."""
    sections = [
        "\n".join([f"## {title}", *(f"- {name}: {words}" for name, words in fields.items())])
        for title, fields in GLOSSARY.items()
    ]
    head = "# Fields of the answers\n\nPercents end in _pct, percentage points in _pp. Unknown is null, never 0."
    return "\n\n".join([head, _SOURCES, *sections]) + "\n"
