"""Every package of the sandbox says what it is for, and exports what others need of it."""

from importlib import import_module

import pytest


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("sandbox", "Sandbox"),
        ("sandbox.longbridge", "LongbridgeGateway"),
        ("sandbox.opend", "OpenDGateway"),
        ("sandbox.futu_cloud", "FutuCloudGateway"),
        ("sandbox.market", "days"),
    ],
)
def test_a_package_has_a_purpose_and_a_public_face(package: str, name: str) -> None:
    module = import_module(f"mcp_shortvol.{package}")
    assert module.__doc__
    assert module.__doc__.count(".") == 1
    assert name in module.__all__
    assert all(hasattr(module, exported) for exported in module.__all__)
