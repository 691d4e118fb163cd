"""From a URL to a redis-py client, and what a server must be like before it is trusted to forget nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from service.memory.port import MemoryRefused, MemoryUnavailable

Client: TypeAlias = "Redis | RedisCluster"


def connect(url: str, timeout: float) -> Client:
    """Make the client for `url`, connected at its first command; `timeout` is in seconds. Raises `ValueError`."""
    parts = urlsplit(url)
    scheme, _, kind = parts.scheme.partition("+")
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # A put that was tried twice could lose against itself.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    if not kind:
        return Redis.from_url(url, **options)
    account, _, hosts = parts.netloc.rpartition("@")
    nodes = [_host_and_port(host, 26379 if kind == "sentinel" else 6379) for host in hosts.split(",")]
    path = parts.path.strip("/").split("/")
    database = f"/{path[1]}" if kind == "sentinel" and len(path) > 1 else ""
    # redis-py turns options and account of an ordinary URL into arguments of the right types.
    options |= parse_url(f"{scheme}://{account}{'@' if account else ''}host{database}?{parts.query}")
    for name in ("host", "port", "connection_class"):
        options.pop(name, None)
    if scheme == "rediss":
        options["ssl"] = True
    if kind == "cluster":
        return RedisCluster(startup_nodes=[ClusterNode(host, port) for host, port in nodes], **options)
    # Account and database are the master's.
    watchers = {name: value for name, value in options.items() if name not in ("username", "password", "db")}
    sentinel = Sentinel(nodes, sentinel_kwargs=watchers, **options)  # type: ignore[no-untyped-call]
    master: Redis = sentinel.master_for(unquote(path[0]))
    return master


async def disconnect(client: Client) -> None:
    """Close every connection, those to sentinels and to a cluster's nodes too."""
    with contextlib.suppress(RedisError, OSError):
        if isinstance(client, RedisCluster):
            # After a failed command it takes itself for never connected, and its own aclose does nothing.
            for nodes in ("nodes_cache", "startup_nodes"):
                await client.nodes_manager.aclose(nodes)
        await client.aclose()
    sentinel = getattr(getattr(client, "connection_pool", None), "sentinel_manager", None)
    for watcher in sentinel.sentinels if sentinel else ():
        await watcher.aclose()


async def pipeline(client: Client, commands: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Give the answers to all commands, sent at once. Raises the first that is an error of redis-py's."""
    async with client.pipeline(transaction=False) as waiting:
        for command in commands:
            waiting.execute_command(*command)
        answers: list[Any] = await waiting.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


class Servers(NamedTuple):
    """What all primaries together hold, and whether each writes an append-only file."""

    keys: int
    durable: bool


async def check(client: Client) -> Servers:
    """Look at every primary. Raises `MemoryRefused`, `MemoryUnavailable` and what redis-py raises."""
    if not isinstance(client, RedisCluster):
        return _judge("redis", await client.info(), await client.dbsize())
    await client.initialize()
    servers = [
        _judge(node.name, await client.info(target_nodes=node), await client.dbsize(target_nodes=node))
        for node in client.get_primaries()
    ]
    return Servers(sum(server.keys for server in servers), all(server.durable for server in servers))


def _judge(name: str, info: dict[str, Any], keys: int) -> Servers:
    version = str(info.get("redis_version", "0"))
    if int(version.split(".")[0]) < 7:
        raise MemoryRefused(f"{name}: version {version}; Redis 7 or later, or Valkey, is needed")
    policy = info.get("maxmemory_policy", "not shown")
    if policy != "noeviction":
        raise MemoryRefused(f"{name}: maxmemory-policy is {policy}; it must be noeviction, or spent ids would revive")
    if info.get("role") != "master":
        raise MemoryUnavailable(f"{name}: is a replica")
    return Servers(keys, bool(info.get("aof_enabled")))


def _host_and_port(text: str, default: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    return parts.hostname or "127.0.0.1", parts.port or default
