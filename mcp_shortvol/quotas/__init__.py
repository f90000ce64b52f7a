"""The rate limits of the vendors, kept by waiting, in one process and across the processes of a machine."""

from mcp_shortvol.quotas.quota import OnWait, Quota, Rate
from mcp_shortvol.quotas.quotas import Quotas

__all__ = ["OnWait", "Quota", "Quotas", "Rate"]
