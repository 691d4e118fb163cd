"""One Redis server for the tests of this room, emptied before each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.memory.houses import House
from tests.worlds.redis_servers import RedisServer, needs_redis, redis_server


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(redis_process: RedisServer) -> RedisServer:
    assert redis_process.send("FLUSHALL").startswith(b"+OK")
    return redis_process


def _house(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> House:
    if kind == "redis":
        server: RedisServer = request.getfixturevalue("redis")
        return House(kind, {"url": server.url, "timeout_ms": 5000})
    return House(kind, {"path": str(tmp_path / "memory" / "memory.db")} if kind == "embedded" else {})


@pytest.fixture(params=["embedded", pytest.param("redis", marks=needs_redis)])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    return _house(request.param, request, tmp_path)


@pytest.fixture(params=["embedded", pytest.param("redis", marks=needs_redis), "none"])
def any_house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    return _house(request.param, request, tmp_path)
