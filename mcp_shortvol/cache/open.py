"""Which store the settings name, and where it lies on disk."""

from pathlib import Path
from typing import Literal

from mcp_shortvol.cache.store import NOTHING_KEPT, Store

__all__ = ["open_store"]


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
