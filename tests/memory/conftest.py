"""One Redis server for the tests of this room, emptied before each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.worlds.redis_servers import RedisServer, redis_server


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(redis_process: RedisServer) -> RedisServer:
    assert redis_process.send("FLUSHALL").startswith(b"+OK")
    return redis_process
