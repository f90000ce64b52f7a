"""SQLite files of this program on the disk of its user, and the folder they lie in."""

from mcp_shortvol.files.database import Damaged, Database
from mcp_shortvol.files.folder import DAYS_FILE, MARKET_FILE, REQUESTS_FILE, TOKENS_FILE, data_folder

__all__ = ["DAYS_FILE", "MARKET_FILE", "REQUESTS_FILE", "TOKENS_FILE", "Damaged", "Database", "data_folder"]
