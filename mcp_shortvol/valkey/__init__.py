"""A Valkey or Redis server that several replicas share: its connection, and what becomes of a call without it."""

from mcp_shortvol.valkey.server import SCHEMES, Valkey

__all__ = ["SCHEMES", "Valkey"]
