"""The SFC's weekly files, simulated: CSV as the site serves it, and an HTML page for a week that is not published."""

from mcp_shortvol.sandbox.sfc.gateway import SfcGateway

__all__ = ["SfcGateway"]
