"""Attack 101: a memory that was lost brings nothing back that was revoked, and says what to do meanwhile."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.bags.kinds import AccessToken
from tests.worlds.http import granted
from tests.worlds.redis_servers import RedisServer, needs_redis, redis_server
from tests.worlds.refresh_chains import RESOURCES, RS, RefreshChains


def deleted(service: RefreshChains) -> None:
    path = Path(service.config.memory.path)
    for part in path.parent.iterdir():
        part.unlink()


@pytest.mark.parametrize("form", RESOURCES)
@pytest.mark.parametrize("top", ["", "[memory]\naccept_older_tokens = true\n"])
def test_101_a_revoked_access_token_stays_inactive_when_the_file_is_lost(tmp_path: Path, form: str, top: str) -> None:
    service = RefreshChains(tmp_path, top)
    revoked, other = (service.begin(resource=RESOURCES[form])["access_token"] for _ in range(2))
    assert service.revoke(revoked).status == 200
    assert not service.active(revoked)
    service.now += 5
    deleted(service)
    # Nobody knows any more which of them was revoked.
    believed = bool(top)
    time.sleep(0.06)  # whoever reads may believe for a moment that the file is there
    service.introspect(other, RS)  # and is told once that it is another
    assert [service.active(token) for token in (revoked, other)] == [believed, believed]
    if not believed:
        assert service.reason == "older than the memory"
    fresh = service.begin(resource=RESOURCES[form])["access_token"]
    assert service.active(fresh)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as process:
        yield process


@needs_redis
def test_101_nothing_is_issued_that_would_be_older_than_the_memory(tmp_path: Path, server: RedisServer) -> None:
    """For as many seconds after FLUSHALL as clocks may differ, the answer is a 503 that says when to come again."""
    service = RefreshChains(
        tmp_path / "service", f'[memory]\nkind = "redis"\nurl = "{server.url}"\ntimeout_ms = 5000\n'
    )

    async def act() -> dict[str, Any]:
        memory = service.context.memory
        await memory.ready()
        server.send("FLUSHALL")
        status = await memory.ready()
        told = {"since": status.since}
        await memory.close()
        return told

    told = asyncio.run(act())
    assert told["since"] == service.now + service.config.keys.skew
    form = {"grant_type": "client_credentials", "resource": RESOURCES["jwt"]}
    answer = service.send("/token", "web", form)
    assert (answer.status, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"] == str(service.config.keys.skew)
    service.now += service.config.keys.skew
    assert granted(service.send("/token", "web", form))


def test_105_what_a_node_ahead_of_time_has_issued_is_not_good_elsewhere(tmp_path: Path) -> None:
    service = RefreshChains(tmp_path)
    skew = service.config.keys.skew
    service.begin()
    service.now += 7200
    ahead = {"code": service.code(), **service.begin()}
    service.now -= 7200
    assert not service.active(ahead["access_token"])
    assert service.redeem(ahead["code"]).status == 400
    assert service.refresh(ahead["refresh_token"]).status == 400
    assert service.reason == "issued in the future"
    service.now += skew
    slightly = service.begin()["access_token"]
    service.now -= skew  # the permitted difference
    assert service.active(slightly)
    assert isinstance(service.context.snapshot.open(slightly, (AccessToken,), service.now), AccessToken)
