"""Which of Longbridge's hosts and data centres a user belongs to. Never probed for: settings and credentials say it."""

from typing import Literal

from pydantic import SecretStr

__all__ = ["base_url", "data_center"]

_HOSTS = {"global": "https://openapi.longbridge.com", "cn": "https://openapi.longbridge.cn"}


def base_url(region: Literal["global", "cn"]) -> str:
    """The host of both the API and the OAuth endpoints in a region."""
    return _HOSTS[region]


def data_center(*credentials: SecretStr) -> str:
    """The value of the header X-Dc-Region: credentials of US accounts start with "us_"."""
    return "us" if any(secret.get_secret_value().startswith("us_") for secret in credentials) else "ap"
