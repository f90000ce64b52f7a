"""Futu's and moomoo's cloud: daily short volume and short interest over REST, without an OpenD."""

from mcp_shortvol.sources.futu_cloud.interest import FutuCloudInterest
from mcp_shortvol.sources.futu_cloud.open import open_futu_cloud
from mcp_shortvol.sources.futu_cloud.source import FutuCloudSource

__all__ = ["FutuCloudInterest", "FutuCloudSource", "open_futu_cloud"]
