"""FINRA's Query API, simulated: records of the invented market a facility, and the real ones that are public."""

from mcp_shortvol.sandbox.finra.gateway import FinraGateway

__all__ = ["FinraGateway"]
