"""One Redis for the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.valkey.redis_server import RedisServer, redis_server


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(running: RedisServer) -> Iterator[RedisServer]:
    """It runs, and holds nothing."""
    if running.process is None:
        running.start()
    running.command("FLUSHALL")
    yield running
    if running.process is None:
        running.start()
