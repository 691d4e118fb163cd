"""The redis memory: what it takes for granted of a server, a cluster and sentinels."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import RedisCluster

from service.memory import Memory, MemoryFull, MemoryRefused, MemorySettings, MemoryUnavailable, open_memory
from service.memory.breaker import Breaker
from service.memory.digest import digest
from service.memory.redis_connection import _judge, connect, disconnect
from tests.memory.entries import values
from tests.memory.racer import winners
from tests.worlds.redis_servers import RedisServer, needs_cluster, needs_redis, redis_cluster, redis_server

INFO: dict[str, Any] = {"redis_version": "7.0.15", "maxmemory_policy": "noeviction", "role": "master", "aof_enabled": 1}


def opened(url: str, **options: Any) -> Memory:
    return open_memory(MemorySettings(kind="redis", url=url, **{"timeout_ms": 3000} | options))


@pytest.mark.parametrize(
    ("told", "raised", "why"),
    [
        ({"redis_version": "6.2.14"}, MemoryRefused, "6.2.14"),
        ({"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "8.1.0"}, None, ""),
        ({"maxmemory_policy": "volatile-ttl"}, MemoryRefused, "volatile-ttl"),
        ({"maxmemory_policy": None}, MemoryRefused, "policy"),
        ({"role": "slave"}, MemoryUnavailable, "replica"),
    ],
)
def test_what_a_server_must_be(told: dict[str, Any], raised: type[Exception] | None, why: str) -> None:
    if raised is None:
        assert _judge("here", INFO | told, 5).keys == 5
    else:
        with pytest.raises(raised, match=f"here.*{why}"):
            _judge("here", INFO | told, 5)


def test_urls_become_clients() -> None:
    async def act() -> None:
        alone = connect("rediss://user:secret@db.example:7000/3?ssl_ca_certs=/ca.pem", 0.25)
        assert not isinstance(alone, RedisCluster)
        options = alone.connection_pool.connection_kwargs
        assert (options["host"], options["port"], options["db"]) == ("db.example", 7000, 3)
        assert (options["socket_timeout"], options["retry"].get_retries()) == (0.25, 0)
        cluster = connect("rediss+cluster://user:secret@a:7000,b?ssl_ca_certs=/ca.pem", 0.25)
        assert isinstance(cluster, RedisCluster)
        assert [(node.host, node.port) for node in cluster.startup_nodes] == [("a", 7000), ("b", 6379)]
        assert cluster.connection_kwargs["ssl_ca_certs"] == "/ca.pem"
        assert cluster.connection_kwargs["password"] == "secret"
        assert cluster.retry.get_retries() == 0
        watched = connect("redis+sentinel://:secret@a,[::1]:26380/mymaster/2", 0.25)
        assert not isinstance(watched, RedisCluster)
        sentinel = watched.connection_pool.sentinel_manager
        hosts = [one.connection_pool.connection_kwargs for one in sentinel.sentinels]
        assert [(one["host"], one["port"], one.get("password")) for one in hosts] == [
            ("a", 26379, None),
            ("::1", 26380, None),
        ]
        options = watched.connection_pool.connection_kwargs
        assert (watched.connection_pool.service_name, options["db"], options["password"]) == ("mymaster", 2, "secret")
        for client in (alone, cluster, watched):
            await disconnect(client)

    asyncio.run(act())


def test_the_breaker_lets_one_probe_through() -> None:
    breaker = Breaker(failures=2, pause=0.05)
    breaker.enter()
    assert not breaker.failed()
    breaker.enter()
    assert breaker.failed()
    with pytest.raises(MemoryUnavailable):
        breaker.enter()
    time.sleep(0.06)
    breaker.enter()
    with pytest.raises(MemoryUnavailable):
        breaker.enter()
    breaker.succeeded()
    breaker.enter()
    breaker.enter()


@pytest.mark.slow
@needs_redis
def test_four_processes_race_and_each_id_has_one_winner(redis: RedisServer) -> None:
    assert winners("redis", redis.url, 300) == dict.fromkeys(range(300), 1)


@needs_redis
def test_identity_asked_for_before_anything_else_makes_the_first_contact(redis: RedisServer) -> None:
    async def act() -> None:
        memory = opened(redis.url)
        with pytest.raises(MemoryUnavailable):
            _ = memory.identity
        for _ in range(100):
            await asyncio.sleep(0.01)
            with contextlib.suppress(MemoryUnavailable):
                if memory.identity:
                    break
        assert memory.identity == (await memory.ready()).identity
        await memory.close()

    asyncio.run(act())


@needs_redis
def test_a_new_memory_accepts_what_is_issued_in_its_first_second(redis: RedisServer) -> None:
    async def act() -> None:
        workers = [opened(redis.url) for _ in range(4)]
        await asyncio.gather(*(worker.ready() for worker in workers))
        assert len({worker.identity for worker in workers}) == 1
        assert {worker.since() for worker in workers} <= {int(time.time()), int(time.time()) - 1}
        for worker in workers:
            await worker.close()

    asyncio.run(act())


@needs_redis
def test_nothing_that_was_put_can_be_read_from_the_keys_or_the_errors(redis: RedisServer) -> None:
    async def act() -> None:
        memory = opened(redis.url)
        await memory.put("user_code:WDJB-MJHT", b"sealed", int(time.time()) + 60)
        assert b"WDJB" not in redis.send("KEYS", "*")
        redis.send("LPUSH", f"satchel:{{{digest('m')[0]:02x}}}:{digest('m').hex()}", "x")
        with pytest.raises(MemoryUnavailable) as caught:
            await memory.put("m", b"secret value", int(time.time()) + 60)
        assert "secret" not in str(caught.value)
        await memory.close()

    asyncio.run(act())


@needs_redis
def test_a_password_and_a_unix_socket(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", "hunter2", "--unixsocket", "s") as server:

        async def act() -> None:
            for url in (f"redis://:hunter2@127.0.0.1:{server.port}/0", f"unix://:hunter2@{tmp_path}/s"):
                memory = opened(url)
                assert (await memory.ready()).name == "redis"
                stands = await memory.put("a", url.encode(), int(time.time()) + 60)
                assert stands.value == server.url.replace("//", "//:hunter2@").encode()
                await memory.close()
            wrong = opened(f"redis://:wrong@127.0.0.1:{server.port}/0")
            with pytest.raises(MemoryUnavailable) as caught:
                await wrong.ready()
            assert "wrong" not in str(caught.value)
            await wrong.close()

        asyncio.run(act())


@needs_redis
def test_a_cancelled_call_does_not_mix_up_answers(redis: RedisServer) -> None:
    async def act() -> None:
        memory = opened(redis.url)
        until = int(time.time()) + 60
        await memory.put("warm", b"v", until)
        for n in range(200):
            call = asyncio.create_task(memory.put(f"c:{n}", b"c%d" % n, until))
            for _ in range(n % 7):
                await asyncio.sleep(0)
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await call
            assert (await memory.put(f"d:{n}", b"d%d" % n, until)).value == b"d%d" % n
        await memory.close()

    asyncio.run(act())


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RedisServer]]:
    with redis_cluster(tmp_path_factory.mktemp("cluster")) as servers:
        yield servers


def cluster_url(servers: list[RedisServer]) -> str:
    return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in servers)


@needs_cluster
def test_a_cluster_shares_the_ids(cluster: list[RedisServer]) -> None:
    async def act() -> None:
        memory = opened(cluster_url(cluster))
        until = int(time.time()) + 60
        ids = [f"shared:{n}" for n in range(300)]
        for id in ids:
            assert (await memory.put(id, id.encode(), until, use="code")).value == id.encode()
            assert (await memory.put(id, b"other", until, use="code")).value == id.encode()
        assert values(await memory.get_many([*ids, "absent"])) == [*(id.encode() for id in ids), None]
        assert await memory.put("nbf", b"", until, 9, use="operator") == (9, b"")
        assert await memory.put("nbf", b"", until, 3, use="operator") == (9, b"")
        assert all(int(server.send("DBSIZE")[1:]) > 100 for server in cluster)
        assert (await memory.ready()).entries >= 300 + 256
        await memory.close()

    asyncio.run(act())


@needs_cluster
def test_each_tag_of_a_cluster_has_its_share_of_a_quota(cluster: list[RedisServer]) -> None:
    async def act() -> None:
        memory = opened(cluster_url(cluster), quotas={"par": 2560})
        until, taken = int(time.time()) + 60, 0
        with contextlib.suppress(MemoryFull):
            for taken in range(12_000):
                await memory.put(f"par:{taken}", b"v", until, use="par")
        assert 2560 < taken < 12_000 - 1
        assert (await memory.put("code", b"v", until, use="code")).value == b"v"
        await memory.close()

    asyncio.run(act())


@needs_cluster
def test_a_shard_that_lost_its_contents_is_noticed_and_the_others_keep_their_past(cluster: list[RedisServer]) -> None:
    async def act() -> None:
        memory, other = opened(cluster_url(cluster)), opened(cluster_url(cluster))
        now = int(time.time())
        ids = [f"lost:{n}" for n in range(60)]
        for id in ids:
            await memory.put(id, b"first", now + 600)
        await other.ready()
        identity, before = memory.identity, memory.since()
        victim = next(s for s in cluster if s.send("GET", "satchel:{00}:identity").startswith(b"-MOVED"))
        assert victim.send("FLUSHALL").startswith(b"+OK")
        for worker in (memory, other):
            values: list[bytes | None] = []
            for id in ids:
                with contextlib.suppress(MemoryUnavailable):
                    values += await worker.get_many([id])
                    continue
                values += await worker.get_many([id])  # told once, answered from then on
            gone = [id for id, value in zip(ids, values, strict=True) if value is None]
            kept = [id for id in ids if id not in gone]
            assert gone
            assert kept
            assert (await worker.ready()).identity == identity
            assert all(worker.since([id]) > now for id in gone)
            assert all(worker.since([id]) <= before for id in kept)
        await memory.close()
        await other.close()

    asyncio.run(act())


@needs_cluster
def test_a_dead_shard_is_unavailable_and_comes_back(cluster: list[RedisServer]) -> None:
    async def act() -> None:
        memory = opened(cluster_url(cluster), timeout_ms=500)
        identity, since = (await memory.ready()).identity, memory.since()
        cluster[0].kill()
        dead = 0
        for n in range(30):
            try:
                await memory.put(f"dead:{n}", b"v", int(time.time()) + 60)
            except MemoryUnavailable:
                dead += 1
        assert dead
        cluster[0].start()
        for _ in range(100):
            await asyncio.sleep(0.1)
            with contextlib.suppress(MemoryUnavailable):
                for n in range(30):
                    await memory.put(f"back:{n}", b"v", int(time.time()) + 60)
                break
        assert None not in await memory.get_many([f"back:{n}" for n in range(30)])
        assert ((await memory.ready()).identity, memory.since()) == (identity, since)  # it has an append-only file
        await memory.close()

    asyncio.run(act())


@needs_redis
def test_sentinels_name_the_primary_and_its_successor(tmp_path: Path) -> None:
    async def act(primary: RedisServer, sentinel: RedisServer) -> None:
        memory = opened(f"redis+sentinel://127.0.0.1:{sentinel.port}/house", timeout_ms=250)
        await memory.ready()
        identity = memory.identity
        assert (await memory.put("a", b"first", int(time.time()) + 600)).value == b"first"
        assert b":1" in primary.send("WAIT", "1", "3000")
        primary.kill()
        stands = b""
        for _ in range(150):
            await asyncio.sleep(0.1)
            with contextlib.suppress(MemoryUnavailable):
                stands = (await memory.put("a", b"second", int(time.time()) + 600)).value
                break
        assert stands == b"first"
        assert memory.identity == identity
        await memory.close()

    with (
        redis_server(tmp_path / "primary") as primary,
        redis_server(tmp_path / "replica", "--replicaof", "127.0.0.1", str(primary.port)) as replica,
    ):
        until_told(replica, b"master_link_status:up", "INFO", "replication")
        sentinel = SentinelServer(tmp_path / "sentinel", primary.port)
        try:
            sentinel.start()
            until_told(sentinel, str(replica.port).encode(), "SENTINEL", "replicas", "house")
            asyncio.run(act(primary, sentinel))
        finally:
            sentinel.kill()


def until_told(server: RedisServer, words: bytes, *command: str) -> None:
    for _ in range(300):
        if words in server.send(*command):
            return
        time.sleep(0.1)
    raise AssertionError(f"never told {words!r}")


class SentinelServer(RedisServer):
    """redis-server as a sentinel, which wants its configuration in a file."""

    def __init__(self, home: Path, watched: int) -> None:
        super().__init__(home)
        self.conf = home / "sentinel.conf"
        self.conf.write_text(
            f"sentinel monitor house 127.0.0.1 {watched} 1\nsentinel down-after-milliseconds house 500\n"
            "sentinel failover-timeout house 5000\n"
        )

    def arguments(self) -> list[str]:
        return [str(self.conf), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.home), "--sentinel"]
