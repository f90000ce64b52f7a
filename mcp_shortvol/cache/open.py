"""Which store the settings name, and where it lies on disk."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mcp_shortvol.cache.store import NOTHING_KEPT, Store

if TYPE_CHECKING:
    from mcp_shortvol.cache.market import MarketStore

__all__ = ["open_market_store", "open_store"]


def open_store(setting: Path | Literal["memory:", "off"] | None, data_dir: Path | None) -> Store:
    """The store of a `SHORTVOL_STORE`; None is the file in the data folder."""
    if setting == "off":
        return NOTHING_KEPT
    from mcp_shortvol.cache.sqlite import SqliteStore  # start-up time

    if setting == "memory:":
        return SqliteStore(None)
    if setting is None:
        from mcp_shortvol.files.folder import DAYS_FILE, data_folder

        return SqliteStore(data_folder(data_dir) / DAYS_FILE)
    return SqliteStore(setting)


def open_market_store(setting: Path | Literal["memory:", "off"] | None, data_dir: Path | None) -> "MarketStore":
    """The store of whole market days: a file beside that of the series; in memory where no file is to be kept."""
    from mcp_shortvol.cache.market import MarketStore

    if setting in {"off", "memory:"}:
        return MarketStore(None)
    if isinstance(setting, Path):
        return MarketStore(setting.with_name(f"{setting.stem}-market{setting.suffix}"))
    from mcp_shortvol.files.folder import MARKET_FILE, data_folder

    return MarketStore(data_folder(data_dir) / MARKET_FILE)
