"""Simulates the Longbridge OpenAPI gateway: credentials, rows of the invented market, error codes and faults."""

from mcp_shortvol.sandbox.longbridge.auth import Credentials, TokenFile
from mcp_shortvol.sandbox.longbridge.gateway import LongbridgeGateway

__all__ = ["Credentials", "LongbridgeGateway", "TokenFile"]
