"""Fixtures of the OpenD tests."""

from collections.abc import AsyncIterator

import pytest

from tests.sources.opend.fake_opend import FakeOpenD, played


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenD]:
    async with played(FakeOpenD()) as playing:
        yield playing
