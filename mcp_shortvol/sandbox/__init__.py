"""Simulated vendor gateways on loopback, for demonstration and tests: real sockets, real formats, invented figures."""

from mcp_shortvol.sandbox.runner import Sandbox, serve

__all__ = ["Sandbox", "serve"]
