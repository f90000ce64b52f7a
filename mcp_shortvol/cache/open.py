"""Which store the settings name, and where it lies on disk."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from mcp_shortvol.cache.store import NOTHING_KEPT, Store
from mcp_shortvol.valkey import Valkey

if TYPE_CHECKING:
    from mcp_shortvol.cache.market import MarketStore

__all__ = ["open_market_store", "open_store"]

Setting = Path | Literal["memory:", "off"] | SecretStr | None


def open_store(setting: Setting, data_dir: Path | None, server: Valkey | None) -> Store:
    """The store of a `SHORTVOL_STORE`; None is the file in the data folder. `server` is the one it names, if any."""
    if setting == "off":
        return NOTHING_KEPT
    if server is not None:
        from mcp_shortvol.cache.valkey import ValkeyStore

        return ValkeyStore(server)
    from mcp_shortvol.cache.sqlite import SqliteStore  # start-up time

    if setting == "memory:":
        return SqliteStore(None)
    if setting is None:
        from mcp_shortvol.files.folder import DAYS_FILE, data_folder

        return SqliteStore(data_folder(data_dir) / DAYS_FILE)
    assert isinstance(setting, Path)
    return SqliteStore(setting)


def open_market_store(setting: Setting, data_dir: Path | None) -> "MarketStore":
    """The store of whole market days: a file beside that of the series; in memory where no file is to be kept."""
    from mcp_shortvol.cache.market import MarketStore

    if isinstance(setting, str):
        return MarketStore(None)
    if isinstance(setting, Path):
        return MarketStore(setting.with_name(f"{setting.stem}-market{setting.suffix}"))
    from mcp_shortvol.files.folder import MARKET_FILE, data_folder

    return MarketStore(data_folder(data_dir) / MARKET_FILE)
