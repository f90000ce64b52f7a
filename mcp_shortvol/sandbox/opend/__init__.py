"""Simulates Futu's OpenD: TCP frames, JSON and protobuf bodies, encryption, the rate limit and faults."""

from mcp_shortvol.sandbox.opend.gateway import OpenDGateway, OpenDRequest
from mcp_shortvol.sandbox.opend.server import OpenDService

__all__ = ["OpenDGateway", "OpenDRequest", "OpenDService"]
