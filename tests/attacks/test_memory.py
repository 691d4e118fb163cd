"""Attacks 96–102: what is done to a memory so that it forgets, blocks or answers what it does not know."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.memory import REVOKED, Memory, MemoryFull, MemoryRefused, MemorySettings, MemoryUnavailable, open_memory
from service.memory.digest import digest
from service.memory.port import MARGIN
from tests.memory.entries import values
from tests.worlds.redis_servers import RedisServer, needs_redis, redis_server


def soon() -> int:
    return int(time.time()) + 600


def on_redis(server: RedisServer, timeout_ms: int = 250) -> Memory:
    return open_memory(MemorySettings(kind="redis", url=server.url, timeout_ms=timeout_ms))


def on_file(path: Path, **options: int) -> Memory:
    return open_memory(MemorySettings(path=str(path), **options))


async def answered(memory: Memory, within: float = 5.0) -> bytes:
    """Put until there is an answer: what a client that heeds Retry-After sees."""
    deadline = time.monotonic() + within
    while True:
        try:
            return (await memory.put(f"probe:{time.monotonic()}", b"v", soon())).value
        except MemoryUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as process:
        yield process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "memory.db"


# 96 full → 503, nothing alive evicted


@needs_redis
def test_096_a_full_server_refuses_and_evicts_nothing_alive(server: RedisServer) -> None:
    async def act() -> None:
        memory = on_redis(server, timeout_ms=3000)
        await memory.put("code:1", b"spent", soon(), use="code")
        used = int(server.send("INFO", "memory").split(b"used_memory:")[1].split(b"\r")[0])
        server.send("CONFIG", "SET", "maxmemory", str(used + 1_000_000))
        kept, full = [], ""
        while not full and len(kept) < 5000:
            try:
                await memory.put(f"par:{len(kept)}", b"v" * 2000, soon(), use="par")
                kept.append(f"par:{len(kept)}")
            except MemoryFull as refusal:
                full = refusal.use
        assert full == "par"
        server.send("CONFIG", "SET", "maxmemory", "1")
        with pytest.raises(MemoryFull):
            await memory.put("code:2", b"v", soon(), use="code")
        # Revocations and not-befores have room of their own.
        assert await memory.put("nbf", b"", soon(), 5, use="operator") == (5, b"")
        assert await memory.put("revoked", b"", soon(), REVOKED, use="revocation") == (REVOKED, b"")
        # Reading goes on, and so does every refusal of what was spent.
        assert None not in await memory.get_many(["code:1", *kept])
        assert (await memory.ready()).entries > len(kept)
        fresh = on_redis(server, timeout_ms=3000)
        assert values(await fresh.get_many(["code:1"])) == [b"spent"]
        server.send("CONFIG", "SET", "maxmemory", "0")
        assert (await memory.put("code:1", b"again", soon(), use="code")).value == b"spent"
        await fresh.close()
        await memory.close()

    asyncio.run(act())


def test_096_anonymous_writers_exhaust_only_their_own_class(path: Path) -> None:
    async def act() -> None:
        memory = open_memory(MemorySettings(path=str(path), quotas={"device": 500}))
        for n in range(500):
            await memory.put(f"device:{n}", b"v", soon(), use="device")
        for n in range(500):
            with pytest.raises(MemoryFull):
                await memory.put(f"flood:{n}", b"v", soon(), use="device")
            assert (await memory.put(f"code:{n}", b"v", soon(), use="code")).value == b"v"
        assert values(await memory.get_many([f"device:{n}" for n in range(500)])) == [b"v"] * 500
        await memory.close()

    asyncio.run(act())


# 97 expiry ≥ exp + skew


def test_097_no_entry_of_the_file_leaves_before_its_time(path: Path) -> None:
    async def act() -> None:
        now = start = 1_800_000_000
        memory = open_memory(MemorySettings(path=str(path)), clock=lambda: now)
        for n in range(200):
            await memory.put(f"id:{n}", b"v", start + n, use="code")
        for now in range(start, start + 200 + MARGIN, 7):
            for n in range(64):  # four steps of the sweep, which is a whole round
                await memory.put(f"other:{now}:{n}", b"v", now + 5, use="other")
            alive = [f"id:{n}" for n in range(200) if start + n + MARGIN >= now]
            assert values(await memory.get_many(alive)) == [b"v"] * len(alive)
        await memory.close()

    asyncio.run(act())


@needs_redis
@pytest.mark.parametrize("ahead", [0, 59, -3600])
def test_097_no_entry_of_the_server_leaves_before_its_time(server: RedisServer, ahead: int) -> None:
    async def act() -> None:
        settings = MemorySettings(kind="redis", url=server.url, timeout_ms=3000)
        memory = open_memory(settings, clock=lambda: int(time.time()) + ahead)
        for n, life in enumerate((0, 1, 60, 86400)):
            until = int(time.time()) + life
            await memory.put(f"a:{n}", b"v", until, use="code")
            await memory.put(f"n:{n}", b"", until, 1, use="operator")
            await memory.put(f"n:{n}", b"", max(until - 30, int(time.time())), 2, use="operator")
            for id in (f"a:{n}", f"n:{n}"):
                name = digest(id)
                answer = server.send("PTTL", f"satchel:{{{name[0]:02x}}}:{name.hex()}")
                assert int(answer[1:]) / 1000 >= life
        await memory.close()

    asyncio.run(act())


def test_097_a_clock_that_steps_back_revives_nothing(path: Path) -> None:
    async def act() -> None:
        start = now = 1_800_000_000
        memory = open_memory(MemorySettings(path=str(path)), clock=lambda: now)
        other = open_memory(MemorySettings(path=str(path)), clock=lambda: now)
        assert (await memory.put("code", b"first", start + 60, use="code")).value == b"first"
        now = start + 3600
        for n in range(200):
            await memory.put(f"other:{n}", b"v", now + 60, use="code")
        assert values(await memory.get_many(["code"])) == [None]
        now = start
        with pytest.raises(MemoryUnavailable, match="clock"):
            await memory.put("code", b"replayed", start + 60, use="code")
        # From now on everything that was issued before is refused, and spending goes on.
        assert memory.since() == other.since() == start + 1
        for n, worker in enumerate((memory, other)):
            assert values([await worker.put(f"fresh:{n}", b"v", start + 60, use="code")]) == [b"v"]
            # A proof that clients make names no memory: it waits until old ones have expired.
            with pytest.raises(MemoryUnavailable, match="clock"):
                await worker.put(f"proof:{n}", b"v", start + 60, use="dpop")
        assert (await other.ready()).proofs == start + 420
        now = start + 420
        assert values([await other.put("proof", b"v", start + 480, use="dpop")]) == [b"v"]
        await memory.close()
        await other.close()

    asyncio.run(act())


@needs_redis
def test_097_a_step_of_a_nodes_clock_ends_no_entry_of_the_server_early(server: RedisServer) -> None:
    async def act() -> None:
        now = start = int(time.time())
        settings = MemorySettings(kind="redis", url=server.url, timeout_ms=3000)
        memory = open_memory(settings, clock=lambda: now)
        await memory.put("code", b"first", start + 60)
        now = start + 3600
        await memory.put("later", b"v", now + 60)
        name = digest("later")
        answer = server.send("TTL", f"satchel:{{{name[0]:02x}}}:{name.hex()}")
        assert int(answer[1:]) >= 3660  # until it ends by the clock of the server, too
        now = start
        for id in ("code", "later"):
            assert (await memory.put(id, b"replayed", start + 60)).value != b"replayed"
        assert (await memory.put("another", b"v", start + 60)).value == b"v"  # spending goes on
        await memory.close()

    asyncio.run(act())


# 98 Redis with an evicting policy: refused at start


@needs_redis
@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl", "allkeys-random", "volatile-lfu"])
def test_098_an_evicting_policy_is_refused_by_name(server: RedisServer, policy: str) -> None:
    async def act() -> None:
        server.send("CONFIG", "SET", "maxmemory-policy", policy)
        memory = on_redis(server, timeout_ms=3000)
        with pytest.raises(MemoryRefused, match=policy):
            await memory.ready()
        with pytest.raises(MemoryUnavailable):
            await memory.put("a", b"v", soon())
        assert server.send("DBSIZE") == b":0\r\n"
        server.send("CONFIG", "SET", "maxmemory-policy", "noeviction")
        assert await answered(memory) == b"v"
        await memory.close()

    asyncio.run(act())


@needs_redis
def test_098_one_that_comes_back_with_an_evicting_policy_is_refused_after_one_failure(tmp_path: Path) -> None:
    async def act(server: RedisServer) -> None:
        memory = on_redis(server, timeout_ms=3000)
        await memory.put("code", b"first", soon())
        server.kill()
        server.options = (*server.options, "--maxmemory-policy", "volatile-lru")
        server.start()
        with contextlib.suppress(MemoryUnavailable):  # its connection was to the one before
            assert (await memory.put("code", b"replayed", soon())).value == b"first"
        for _ in range(5):
            with pytest.raises(MemoryUnavailable):
                await memory.put("another", b"v", soon())
        await memory.close()

    with redis_server(tmp_path / "redis", "--appendonly", "yes") as server:
        asyncio.run(act(server))


@needs_redis
def test_098_a_policy_that_is_changed_is_noticed_without_a_failure(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.memory.redis._AGAIN", 0.1)

    async def act() -> None:
        memory = on_redis(server, timeout_ms=3000)
        await memory.put("code", b"first", soon())
        server.send("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
        await asyncio.sleep(0.15)
        await memory.put("one", b"v", soon())
        await asyncio.sleep(0.2)
        with pytest.raises(MemoryUnavailable):
            await memory.put("another", b"v", soon())
        await memory.close()

    asyncio.run(act())


# 99 Redis killed, stopped, read-only, flushed


@needs_redis
def test_099_killed(server: RedisServer) -> None:
    async def act() -> None:
        memory = on_redis(server)
        await answered(memory)
        identity, since = memory.identity, memory.since()
        await memory.put("code", b"first", soon())
        server.kill()
        begun = time.monotonic()
        for _ in range(200):
            with pytest.raises(MemoryUnavailable) as caught:
                await memory.put("code", b"replayed", soon())
            assert caught.value.retry_after >= 1
        assert time.monotonic() - begun < 1.0
        assert (memory.identity, memory.since()) == (identity, since)
        server.start()  # with nothing of what it held
        assert await answered(memory) == b"v"
        assert (await memory.ready()).identity != identity
        assert memory.since(["code"]) > since
        await memory.close()

    asyncio.run(act())


@needs_redis
def test_099_stopped(server: RedisServer) -> None:
    async def act() -> None:
        memory = on_redis(server)
        await answered(memory)
        await memory.put("code", b"first", soon())
        identity, since = memory.identity, memory.since()
        server.signal(signal.SIGSTOP)
        begun = time.monotonic()
        results = await asyncio.gather(
            *(memory.put(f"id:{n}", b"v", soon()) for n in range(100)), return_exceptions=True
        )
        assert all(isinstance(result, MemoryUnavailable) for result in results)
        assert time.monotonic() - begun < 1.0
        begun = time.monotonic()
        with pytest.raises(MemoryUnavailable):
            await memory.get_many(["code"])
        assert time.monotonic() - begun < 0.2  # less than one time-out: nobody waited
        server.signal(signal.SIGCONT)
        assert await answered(memory) == b"v"
        assert (await memory.put("code", b"replayed", soon())).value == b"first"
        assert (memory.identity, memory.since()) == (identity, since)
        await memory.close()

    asyncio.run(act())


@needs_redis
def test_099_of_a_crowd_that_meets_a_flush_one_looks_again(server: RedisServer) -> None:
    async def act() -> None:
        memory = on_redis(server, timeout_ms=5000)
        await answered(memory)
        server.send("FLUSHALL")
        server.send("CONFIG", "RESETSTAT")
        crowd = [memory.put_and_get(f"id:{n}", b"v", soon(), [f"other:{n}"]) for n in range(30)]
        answers = await asyncio.gather(*crowd, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, MemoryUnavailable)]
        assert refused
        assert all(answer == ((0, b"v"), [None]) for answer in answers if answer not in refused)
        looks = server.send("INFO", "commandstats").split(b"cmdstat_dbsize:calls=")[1]
        assert int(looks.split(b",")[0]) <= 2
        assert await answered(memory) == b"v"
        await memory.close()

    asyncio.run(act())


@needs_redis
def test_099_read_only(server: RedisServer) -> None:
    async def act() -> None:
        memory, late = on_redis(server), on_redis(server)
        await answered(memory)
        await memory.put("code", b"first", soon())
        server.send("REPLICAOF", "127.0.0.1", "1")
        # A replica's presence may be believed; an absence never.
        for call in (
            memory.put("new", b"v", soon()),
            memory.get_many(["new"]),
            memory.put_and_get("new", b"v", soon(), ["code"]),
            memory.put("n", b"", soon(), 1, use="operator"),
        ):
            with pytest.raises(MemoryUnavailable):
                await call
        with pytest.raises(MemoryUnavailable):
            await late.get_many(["new"])
        server.send("REPLICAOF", "NO", "ONE")
        assert await answered(memory) == b"v"
        assert await answered(late) == b"v"
        assert (await memory.put("code", b"replayed", soon())).value == b"first"
        await memory.close()
        await late.close()

    asyncio.run(act())


@needs_redis
def test_099_flushed(server: RedisServer) -> None:
    async def act() -> None:
        workers = [on_redis(server, timeout_ms=3000) for _ in range(3)]
        for worker in workers:
            await worker.ready()
        await workers[0].put("code", b"first", soon())
        identity, since = workers[0].identity, workers[0].since()
        server.send("FLUSHALL")
        # Nobody wins the replay under the identity and the instant that it knew.
        arguments = {
            "put": ("code", b"replayed", soon()),
            "get_many": (["code"],),
            "put_and_get": ("code", b"replayed", soon(), ["other"]),
        }
        for worker, verb in zip(workers, arguments, strict=True):
            with pytest.raises(MemoryUnavailable, match="lost or exchanged"):
                await getattr(worker, verb)(*arguments[verb])
        assert values(await workers[2].get_many(["code", "n"])) == [None, None]
        assert {(await worker.ready()).identity for worker in workers} == {(await workers[0].ready()).identity}
        assert (await workers[0].ready()).identity != identity
        for worker in workers:
            with pytest.raises(MemoryUnavailable, match="begun"):  # nothing is issued that would be older than it
                _ = worker.identity
        assert {worker.since() for worker in workers} == {workers[0].since(["code"])}
        assert workers[0].since() > max(since, int(time.time()))
        for worker in workers:
            await worker.close()

    asyncio.run(act())


@needs_redis
def test_099_another_server_under_the_same_address(server: RedisServer, tmp_path: Path) -> None:
    async def act() -> None:
        memory = on_redis(server)
        await answered(memory)
        await memory.put("code", b"first", soon())
        identity = memory.identity
        server.kill()
        with redis_server(tmp_path / "other") as other:
            resident = on_redis(other)
            await answered(resident)
            other_identity = resident.identity
            await resident.close()
            other.send("CONFIG", "SET", "port", str(server.port))
            with pytest.raises(MemoryUnavailable):
                await memory.put("code", b"replayed", soon())
            await answered(memory)
            assert memory.identity == other_identity != identity
        await memory.close()

    asyncio.run(act())


HOLDER = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""


@contextlib.contextmanager
def stopped_writer(path: Path) -> Iterator[None]:
    """Another process that holds the write lock and does not move."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            process.kill()


async def longest_turn(until: asyncio.Event) -> float:
    """Give the longest time (s) for which nobody else on the event loop had a turn."""
    longest = 0.0
    while not until.is_set():
        turn = time.monotonic()
        await asyncio.sleep(0.001)
        longest = max(longest, time.monotonic() - turn)
    return longest


@pytest.mark.slow
def test_099_a_stopped_writer_costs_the_busy_timeout_once_and_reads_go_on(path: Path) -> None:
    async def act() -> None:
        memory = on_file(path, busy_ms=200)
        await memory.put("code", b"first", soon())
        with stopped_writer(path):
            over = asyncio.Event()
            watch = asyncio.create_task(longest_turn(over))
            begun = time.monotonic()
            with pytest.raises(MemoryUnavailable):
                await memory.put("new", b"v", soon())
            assert 0.15 < time.monotonic() - begun < 0.6
            begun = time.monotonic()
            for _ in range(100):
                with pytest.raises(MemoryUnavailable):
                    await memory.put("n", b"", soon(), 1, use="operator")
            assert time.monotonic() - begun < 0.2
            assert values(await memory.get_many(["code", "new"])) == [b"first", None]
            over.set()
            assert await watch < 0.15
        assert await answered(memory) == b"v"
        await memory.close()

    asyncio.run(act())


# 100 kill -9 inside a write

WRITER = """
import asyncio, sys, time
from service.memory import MemorySettings, MemoryUnavailable, open_memory

async def act():
    memory = open_memory(MemorySettings(path=sys.argv[1]))
    n = 0
    while True:
        id = sys.argv[2] + ":" + str(n)
        try:
            if await memory.put(id, b"v" * 200, int(time.time()) + 600, use="code"):
                sys.stdout.write(id + "\\n")
                sys.stdout.flush()
        except MemoryUnavailable:
            pass
        n += 1

asyncio.run(act())
"""


@pytest.mark.slow
def test_100_kill_9_inside_a_write_loses_nothing_that_was_answered(path: Path) -> None:
    acknowledged: list[str] = []
    for turn in range(6):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(path), f"{turn}.{n}"], stdout=subprocess.PIPE)
            for n in range(2)
        ]
        # The first turns are killed about when the file is made, the later ones in the midst of puts.
        time.sleep(0.25 + 0.25 * turn)
        for writer in writers:
            writer.kill()
        for writer in writers:
            out, _ = writer.communicate(timeout=10)
            acknowledged += [line.decode() for line in out.split(b"\n")[:-1] if not line.startswith(b"20")]

    async def act() -> None:
        memory = on_file(path)
        assert len(acknowledged) > 20
        assert None not in await memory.get_many(acknowledged)
        assert (await memory.put(acknowledged[-1], b"replayed", soon())).value == b"v" * 200
        assert (await memory.put("new", b"v", soon())).value == b"v"
        counted = (await memory.ready()).entries
        await memory.close()
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            (stored,) = connection.execute("SELECT count(*) FROM entries WHERE value != x''").fetchone()
            assert abs(stored - counted) <= max(16, stored / 20)  # counted by lot where there is much room
        assert not [part for part in path.parent.iterdir() if "damaged" in part.name]

    asyncio.run(act())


# 101 restart, then replay


def test_101_the_file_remembers_over_a_restart(path: Path) -> None:
    async def put() -> tuple[bytes, str, int]:
        memory = on_file(path)
        stands = await memory.put("code", os.urandom(4), soon(), use="code")
        told = (stands, memory.identity, memory.since())
        await memory.close()
        return told

    assert len({asyncio.run(put()) for _ in range(3)}) == 1


@needs_redis
def test_101_the_server_remembers_over_a_crash_with_an_append_only_file(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--appendonly", "yes", "--appendfsync", "always") as server:

        async def act() -> None:
            memory = on_redis(server, timeout_ms=3000)
            await memory.put("code", b"first", soon())
            identity, since = memory.identity, memory.since()
            server.kill()
            server.start()
            await answered(memory)
            assert (await memory.put("code", b"replayed", soon())).value == b"first"
            assert (memory.identity, memory.since()) == (identity, since)
            await memory.close()

        asyncio.run(act())


# 102 a partitioned host


def test_102_two_hosts_with_a_file_each_are_two_memories(tmp_path: Path) -> None:
    async def act() -> None:
        one, two = on_file(tmp_path / "one" / "memory.db"), on_file(tmp_path / "two" / "memory.db")
        assert one.identity != two.identity
        await one.close()
        await two.close()

    asyncio.run(act())


@needs_redis
def test_102_a_host_that_cannot_reach_the_memory_invents_none(server: RedisServer) -> None:
    async def act() -> None:
        here, cut_off = on_redis(server), on_redis(server)
        await answered(here)
        server.signal(signal.SIGSTOP)
        for _ in range(5):
            with pytest.raises(MemoryUnavailable):
                await cut_off.put("code", b"v", soon())
            with pytest.raises(MemoryUnavailable):
                _ = cut_off.identity
            with pytest.raises(MemoryUnavailable):
                cut_off.since()
        server.signal(signal.SIGCONT)
        assert await answered(cut_off) == b"v"
        assert cut_off.identity == here.identity
        await here.close()
        await cut_off.close()

    asyncio.run(act())
