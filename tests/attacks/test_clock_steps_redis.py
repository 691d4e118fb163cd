"""Attack 105 on redis: the clock of the server, of a node, or of both is ahead for a while."""

import asyncio
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.memory import Entry, Memory, MemorySettings, MemoryUnavailable, open_memory
from tests.worlds.redis_servers import RedisServer
from tests.worlds.stepped_clock import SteppedClock

with_a_clock = pytest.mark.external("redis-server", "gcc")


class Scene:
    """A redis server and a node, each with a clock of its own; instants are those of a right clock."""

    def __init__(self, home: Path) -> None:
        self.clock = SteppedClock(home / "clock")
        self.server = RedisServer(home / "redis")
        self.server.environ = self.clock.environ
        self.server.start()
        self.passed = 0  # seconds of simulated time
        self.node_ahead = 0

    @property
    def now(self) -> int:
        """By the clock of the node."""
        return int(time.time()) + self.passed + self.node_ahead

    def open(self) -> Memory:
        settings = MemorySettings(kind="redis", url=self.server.url, timeout_ms=5000)
        return open_memory(settings, lambda: self.now)

    def step(self, server: int = 0, node: int = 0) -> None:
        self.clock.ahead, self.node_ahead = self.passed + server, node


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.server.kill()


async def asked(verb: Awaitable[Any]) -> Any:
    try:
        return await verb
    except MemoryUnavailable as refused:
        return refused


@with_a_clock
@pytest.mark.parametrize("looks", [False, True], ids=["nobody asks meanwhile", "somebody asks meanwhile"])
def test_105_what_the_server_forgot_while_its_clock_was_ahead_is_not_believed(scene: Scene, looks: bool) -> None:
    async def act() -> None:
        memory, other = scene.open(), scene.open()
        await memory.ready()
        await other.ready()
        issued = scene.now
        await memory.put("code", b"first", issued + 180, use="code")
        await memory.put("proof", b"first", issued + 180, use="dpop")
        scene.step(server=3600)
        time.sleep(1.5)  # noqa: ASYNC251 - the server ends what has expired, and no node runs
        if looks:
            assert isinstance(await asked(other.get_many(["code"])), MemoryUnavailable)
        scene.step()
        for worker in (memory, other):
            answer = await asked(worker.put("code", b"replayed", issued + 180, use="code"))
            assert isinstance(answer, MemoryUnavailable) or answer.value == b"first" or worker.since(["code"]) > issued
            await asked(worker.get_many(["code"]))
            assert worker.since(["code"]) > issued
            assert isinstance(
                await asked(worker.put("proof", b"replayed", issued + 180, use="dpop")), MemoryUnavailable
            )
        assert (await memory.ready()).proofs > scene.now
        scene.passed += 61
        scene.step()
        assert memory.identity == other.identity
        assert isinstance(await memory.put("fresh", b"v", scene.now + 180, use="code"), Entry)
        for worker in (memory, other):
            await worker.close()

    asyncio.run(act())


@with_a_clock
def test_105_a_pause_of_all_nodes_is_no_step(scene: Scene) -> None:
    async def act() -> None:
        memory = scene.open()
        since = (await memory.ready()).since
        await memory.put("code", b"first", scene.now + 600, use="code")
        await memory.close()
        scene.passed += 300  # nobody renews the markers
        scene.step()
        memory = scene.open()
        assert (await memory.ready()).since == since
        assert (await memory.put("code", b"again", scene.now + 600, use="code")).value == b"first"
        await memory.close()

    asyncio.run(act())


@with_a_clock
@pytest.mark.slow
@pytest.mark.parametrize("who", ["server", "node", "both"])
@pytest.mark.parametrize("step", [60, 3600, 86_400], ids=["a minute", "an hour", "a day"])
def test_105_an_hour_of_traffic_while_a_clock_steps(scene: Scene, who: str, step: int) -> None:
    """Codes are spent, tokens revoked, and all of them tried again by the rules of the service."""
    skew, spent, revoked = 60, list[tuple[str, int]](), list[tuple[str, int]]()

    async def act() -> None:
        memory = scene.open()
        for turn in range(120):
            scene.passed += 30
            ahead = step if turn % 10 in (4, 5) else 0
            scene.step(server=ahead if who != "node" else 0, node=ahead if who != "server" else 0)
            await asked(memory.ready())
            now = scene.now
            for kind, done in (("code", spent), ("revoked", revoked)):
                id = f"{kind}:{turn}"
                answer = await asked(memory.put(id, b"first", now + 600 + skew, use="code"))
                if isinstance(answer, Entry) and now >= memory.since([id]):
                    done.append((id, now))
            for id, issued in spent[-30:]:
                answer = await asked(memory.put(id, b"replayed", issued + 600 + skew, use="code"))
                believed = issued <= scene.now + skew and scene.now < issued + 600
                if isinstance(answer, Entry) and believed and issued >= memory.since([id]):
                    assert answer.value == b"first", (turn, id)
            for id, issued in revoked[-30:]:
                found = await asked(memory.get_many([id]))
                believed = issued <= scene.now + skew and scene.now < issued + 600
                if isinstance(found, list) and believed and issued >= memory.since([id]):
                    assert found != [None], (turn, id)
        assert len(spent) > 40
        await memory.close()

    asyncio.run(act())
