"""Fixtures of the OpenD tests."""

from collections.abc import AsyncIterator

import pytest
from fake_opend import FakeOpenD, played


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenD]:
    async with played(FakeOpenD()) as playing:
        yield playing
