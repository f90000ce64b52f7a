"""Simulates Futu's cloud API: bearer tokens and signed app keys, rows of the invented market, ret_codes and faults."""

from mcp_shortvol.sandbox.futu_cloud.auth import AppKeyFile
from mcp_shortvol.sandbox.futu_cloud.gateway import (
    DOCUMENTED_PATH,
    INTEREST_PATHS,
    PRODUCTION_PATH,
    FutuCloudGateway,
)

__all__ = ["DOCUMENTED_PATH", "INTEREST_PATHS", "PRODUCTION_PATH", "AppKeyFile", "FutuCloudGateway"]
