"""The embedded memory: its file, its upkeep, and what happens when something pulls the file away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.memory import Memory, MemoryFull, MemoryRefused, MemorySettings, MemoryUnavailable, open_memory
from service.memory.embedded import EmbeddedMemory
from service.memory.port import MARGIN
from tests.memory.entries import values
from tests.memory.racer import winners


class Host:
    """A directory and a clock that workers share."""

    def __init__(self, home: Path) -> None:
        self.path = home / "state" / "memory.db"
        self.now = 1_800_000_000

        self.log = self.path.with_name("memory.db-wal")

    def worker(self, **options: int) -> Memory:
        return open_memory(MemorySettings(path=str(self.path), **options), clock=lambda: self.now)

    def rows(self) -> int:
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            return int(connection.execute("SELECT count(*) FROM entries WHERE value != x''").fetchone()[0])


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_nothing_is_touched_before_the_first_use(host: Host) -> None:
    host.worker()
    assert not host.path.parent.exists()


def test_the_file_and_its_directory_are_for_their_owner_alone(host: Host) -> None:
    async def act() -> None:
        memory = host.worker()
        await memory.put("a", b"v", host.now + 60)
        assert host.path.parent.stat().st_mode & 0o777 == 0o700
        assert {part.stat().st_mode & 0o777 for part in host.path.parent.iterdir()} == {0o600}
        await memory.close()

    asyncio.run(act())


def test_a_directory_that_others_may_write_is_refused_by_name(host: Host) -> None:
    host.path.parent.mkdir(mode=0o700)
    host.path.parent.chmod(0o777)
    with pytest.raises(MemoryRefused, match=str(host.path.parent)):
        _ = host.worker().identity


def test_a_place_that_cannot_be_made_is_unavailable(host: Host) -> None:
    host.path.parent.write_text("a file where the directory should be")
    with pytest.raises(MemoryUnavailable, match=r"memory\.db"):
        _ = host.worker().identity


def test_it_refuses_to_be_used_across_a_fork(host: Host) -> None:
    memory = host.worker()
    _ = memory.identity
    child = os.fork()
    if child == 0:
        try:
            _ = memory.identity
        except RuntimeError:
            os._exit(42)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
    asyncio.run(memory.close())


@pytest.mark.slow
def test_four_processes_race_and_each_id_has_one_winner(host: Host) -> None:
    assert winners("embedded", str(host.path), 300) == dict.fromkeys(range(300), 1)


def another_format(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"not a database" * 1000),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(path.read_bytes()[:4096] + b"\xa5" * (path.stat().st_size - 4096)),
        lambda path: another_format(path),
    ],
    ids=["garbage", "empty", "cut off", "pages overwritten", "of another format"],
)
def test_a_damaged_file_is_set_aside_and_another_begun(host: Host, damage: object) -> None:
    async def act() -> None:
        memory = host.worker()
        for n in range(200):
            await memory.put(f"id:{n}", b"v" * 100, host.now + 60)
        former = memory.identity
        await memory.close()
        assert callable(damage)
        damage(host.path)
        host.now += 10
        memory = host.worker()
        with capture_logs() as logs:
            for n in range(20):  # the damage may lie where only some ids are
                with contextlib.suppress(MemoryUnavailable):
                    assert (await memory.put(f"new:{n}", b"v", host.now + 60)).value == b"v"
        assert memory.identity != former
        assert memory.since() == host.now
        aside = [part for part in host.path.parent.iterdir() if ".damaged-" in part.name]
        assert [part for part in aside if not part.name.endswith(("-wal", "-shm"))]
        damaged = [entry for entry in logs if entry["event"] == "memory damaged, set aside"]
        assert len(damaged) == 1
        assert damaged[0]["file"] == str(host.path)
        assert damaged[0]["kept_as"] in map(str, aside)
        assert (await memory.put("new:0", b"other", host.now + 60)).value == b"v"
        await memory.close()

    asyncio.run(act())


def test_damage_under_open_workers_leaves_all_of_them_on_one_new_file(host: Host) -> None:
    async def act() -> None:
        workers = [host.worker() for _ in range(4)]
        for n in range(200):
            await workers[n % 4].put(f"id:{n}", b"v" * 100, host.now + 60)
        former = {worker.identity for worker in workers}
        await workers[0].close()  # so that one of them reads the file afresh
        with host.path.open("r+b") as file:
            file.write(b"\xa5" * host.path.stat().st_size)
        host.log.write_bytes(b"")
        for n in range(20):
            for worker in workers:
                with contextlib.suppress(MemoryUnavailable):
                    await worker.put(f"new:{n}", b"v", host.now + 60)
        identities = {worker.identity for worker in workers}
        assert len(identities) == 1
        assert identities.isdisjoint(former)
        assert (await workers[1].put("shared", b"1", host.now + 60)).value == b"1"
        assert (await workers[2].put("shared", b"2", host.now + 60)).value == b"1"
        for worker in workers:
            await worker.close()

    asyncio.run(act())


def test_the_log_of_a_file_set_aside_halfway_is_not_replayed(host: Host) -> None:
    async def act() -> None:
        memory = host.worker()
        await memory.put("a", b"v", host.now + 60)
        log = host.log.read_bytes()
        await memory.close()
        host.path.rename(f"{host.path}.elsewhere")
        host.log.write_bytes(log)
        memory = host.worker()
        assert values(await memory.get_many(["a"])) == [None]
        assert (await memory.put("a", b"other", host.now + 60)).value == b"other"
        await memory.close()

    asyncio.run(act())


@pytest.mark.parametrize("verb", ["put", "get_many", "since"])
def test_a_file_moved_away_is_noticed_at_once(host: Host, verb: str) -> None:
    async def act() -> None:
        memory = host.worker()
        await memory.put("a", b"v", host.now + 60)
        former = memory.identity
        host.now += 100
        host.path.unlink()
        if verb in ("get_many", "since"):  # whoever does not write may tell for a moment what was so
            await asyncio.sleep(0.06)
        with capture_logs() as logs:
            if verb == "since":
                assert memory.since() == host.now
            else:
                arguments = {"put": ("a", b"2", host.now), "get_many": (["a"],)}[verb]
                with pytest.raises(MemoryUnavailable, match="replaced"):
                    await getattr(memory, verb)(*arguments)
        assert [entry["event"] for entry in logs] == ["memory file gone", "memory begun"]
        assert memory.identity != former
        assert memory.since(["a"]) == host.now
        assert values(await memory.get_many(["a"])) == [None]
        await memory.close()

    asyncio.run(act())


@pytest.mark.slow
def test_expired_entries_leave_and_the_disk_with_them(host: Host) -> None:
    async def act() -> None:
        memory = host.worker()
        start, most = host.now, 0
        for n in range(60_000):
            host.now = start + n // 100
            await memory.put(f"id:{n}", b"v" * 200, host.now + 10, use="dpop")
            if n % 5000 == 0:
                most = max(most, host.path.stat().st_size)
        alive = 100 * (10 + MARGIN)
        assert alive <= host.rows() <= 1.5 * alive
        status = await memory.ready()
        assert 0.7 * alive < status.entries < 1.8 * alive  # sampled
        assert most < 1.5 * alive * 300 * 1.5
        # A burst that is over gives its pages back.
        for n in range(20_000):
            await memory.put(f"burst:{n}", b"v" * 200, host.now + 10, use="dpop")
        await memory.close()
        peak = host.path.stat().st_size
        memory = host.worker()
        host.now += 1000
        for n in range(20_000):
            if n % 100 == 0:
                host.now += 1
            await memory.put(f"after:{n}", b"v" * 200, host.now + 10, use="dpop")
        await memory.close()
        assert host.path.stat().st_size < 0.6 * peak

    asyncio.run(act())


def test_a_class_full_of_expired_entries_makes_room_at_once(host: Host) -> None:
    async def act() -> None:
        memory = open_memory(MemorySettings(path=str(host.path), quotas={"par": 50}), clock=lambda: host.now)
        for n in range(50):
            await memory.put(f"id:{n}", b"v", host.now + 10, use="par")
        with pytest.raises(MemoryFull):
            await memory.put("more", b"v", host.now + 10, use="par")
        host.now += 10 + MARGIN + 1
        assert (await memory.put("more", b"v", host.now + 10, use="par")).value == b"v"
        await memory.close()

    asyncio.run(act())


def test_a_large_class_is_counted_roughly(host: Host) -> None:
    async def act() -> None:
        memory = open_memory(MemorySettings(path=str(host.path), quotas={"par": 5000}), clock=lambda: host.now)
        taken = 0
        with contextlib.suppress(MemoryFull):
            for taken in range(10_000):
                await memory.put(f"id:{taken}", b"v", host.now + 1000, use="par")
        assert 4000 < taken < 6000
        await memory.close()

    asyncio.run(act())


def test_a_full_disk_is_a_full_memory(host: Host) -> None:
    async def act() -> None:
        memory = host.worker()
        assert isinstance(memory, EmbeddedMemory)
        await memory.put("first", b"v", host.now + 60)
        memory._opened().connection.execute("PRAGMA max_page_count = 40")
        kept, refused = ["first"], ""
        while not refused and len(kept) < 5000:
            try:
                await memory.put(f"id:{len(kept)}", b"v" * 500, host.now + 60, use="code")
                kept.append(f"id:{len(kept)}")
            except MemoryFull as full:
                refused = full.use
        assert refused == "code"
        assert None not in await memory.get_many(kept)
        memory._opened().connection.execute("PRAGMA max_page_count = 1000")
        assert (await memory.put("again", b"v", host.now + 60, use="code")).value == b"v"
        await memory.close()

    asyncio.run(act())


@pytest.mark.slow
def test_the_log_stays_small_while_puts_never_pause(host: Host) -> None:
    async def act() -> None:
        memory = host.worker()
        for n in range(30_000):
            await memory.put(f"id:{n}", b"v" * 100, host.now + 600, use="code")
            if n % 500 == 0:
                await asyncio.sleep(0.002)
        log = host.log.stat().st_size
        await memory.close()
        assert log < 80e6
        assert host.rows() == 30_000

    asyncio.run(act())


def test_waiting_for_a_lock_leaves_the_event_loop_free(host: Host) -> None:
    async def act() -> None:
        memory = host.worker(busy_ms=300)
        await memory.put("a", b"v", host.now + 60)
        with contextlib.closing(sqlite3.connect(host.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(memory.put("b", b"v", host.now + 60))
            longest, begun = 0.0, time.monotonic()
            while (turn := time.monotonic()) < begun + 0.1:
                await asyncio.sleep(0.001)
                longest = max(longest, time.monotonic() - turn)
            assert not waiting.done()
            other.execute("COMMIT")
        assert await waiting == (0, b"v")
        assert longest < 0.1
        await memory.close()

    asyncio.run(act())


def test_sqlite_keeps_its_locks(host: Host) -> None:
    """POSIX drops all of a process's locks on a file when it closes any descriptor of it: we must open none ourselves.

    SQLite holds byte 128 of the log's index for as long as it is open; without that, the next process to come takes
    itself for the first, and cuts off the index under the others.
    """
    attempt = f"import fcntl; fcntl.lockf(open({f'{host.path}-shm'!r}, 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 128)"

    async def act() -> None:
        memory = host.worker()
        await memory.put("a", b"v", host.now + 60)
        assert values(await memory.get_many(["a", "b"])) == [b"v", None]
        assert memory.since() <= host.now
        await memory.ready()
        command = [sys.executable, "-c", attempt]
        tried = subprocess.run(command, capture_output=True, text=True, timeout=30)  # noqa: ASYNC221
        assert "BlockingIOError" in tried.stderr
        await memory.close()

    asyncio.run(act())
