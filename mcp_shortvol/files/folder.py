"""Where this program keeps what it keeps: the user's data folder on this system, or the one that is set."""

from pathlib import Path

from platformdirs import user_data_path

__all__ = ["DAYS_FILE", "MARKET_FILE", "REQUESTS_FILE", "TOKENS_FILE", "data_folder"]

DAYS_FILE = "days.sqlite3"
MARKET_FILE = "market.sqlite3"
REQUESTS_FILE = "quotas.sqlite3"
TOKENS_FILE = "tokens.sqlite3"


def data_folder(chosen: Path | None) -> Path:
    """The folder; it may not exist yet."""
    return chosen or user_data_path("mcp-shortvol", appauthor=False)
