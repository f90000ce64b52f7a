"""Attempts without the pauses between them, which are not what these tests are about."""

from collections.abc import Iterator

import pytest
import stamina


@pytest.fixture(autouse=True)
def _without_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=100, cap=True):
        yield
