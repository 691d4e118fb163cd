"""Group commit: operations of one turn of the event loop share a transaction, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.bags.ids import fresh_id, single_use_id
from service.memory import Entry, MemoryFull, MemorySettings, MemoryUnavailable, open_memory
from service.memory.embedded import EmbeddedMemory
from tests.memory.entries import values

UNTIL = 2_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


def worker(path: Path, **options: Any) -> EmbeddedMemory:
    memory = open_memory(MemorySettings(path=str(path), **options))
    assert isinstance(memory, EmbeddedMemory)
    return memory


def run(act: Callable[[EmbeddedMemory], Coroutine[Any, Any, None]], path: Path, **options: Any) -> None:
    async def whole() -> None:
        memory = worker(path, **options)
        await memory.ready()
        try:
            await act(memory)
        finally:
            await memory.close()

    asyncio.run(whole())


@contextlib.contextmanager
def traced(memory: EmbeddedMemory) -> Iterator[list[str]]:
    """Give the first two words of each statement that is carried out."""
    words: list[str] = []
    connection = memory._opened().connection
    connection.set_trace_callback(
        lambda text: None if text.startswith("--") else words.append(" ".join(text.split()[:2]))
    )
    yield words
    connection.set_trace_callback(None)


async def outcomes(*calls: Coroutine[Any, Any, Any]) -> list[Any]:
    return await asyncio.gather(*calls, return_exceptions=True)


def puts(memory: EmbeddedMemory, *ids: str, use: str = "") -> list[Coroutine[Any, Any, Entry]]:
    return [memory.put(id, id.encode(), UNTIL, use=use) for id in ids]


def test_a_turn_is_one_transaction_and_sees_its_own_writes(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        await memory.put("old", b"stands", UNTIL)
        ids = [f"id:{n}" for n in range(10)]
        with traced(memory) as words:
            raised, read, lost, *won = await outcomes(
                memory.put("n", b"", UNTIL, 7, use="operator"),
                memory.get_many(["old", "n", "id:9", "none"]),
                memory.put("old", b"mine", UNTIL),
                *puts(memory, *ids),
            )
        assert raised == (7, b"")
        assert read == [(0, b"stands"), (7, b""), (0, b"id:9"), None]
        assert lost == (0, b"stands")
        assert won == [(0, id.encode()) for id in ids]
        assert [words.count(each) for each in ("BEGIN IMMEDIATE", "COMMIT", "PRAGMA data_version")] == [1, 1, 1]

    run(act, path)


def test_a_batch_waits_for_those_who_keep_coming_and_not_for_ever(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        async def after(turns: int) -> bytes:
            for _ in range(turns):
                await asyncio.sleep(0)
            return (await memory.put(f"id:{turns}", b"v", UNTIL)).value

        with traced(memory) as words:
            await asyncio.gather(*[after(n // 2) for n in range(6)])
        assert words.count("COMMIT") == 1
        with traced(memory) as words:
            await asyncio.gather(*[after(n // 2) for n in range(40)])
        assert 3 < words.count("COMMIT") < 20

    run(act, path)


def test_what_is_minted_in_a_row_is_spent_side_by_side(path: Path) -> None:
    """A put of 16 siblings dirties a page or two; of 16 others, one each."""

    async def act(memory: EmbeddedMemory) -> None:
        for _ in range(200):
            await asyncio.gather(*puts(memory, *(f"code:{fresh_id()}" for _ in range(64))))
        sizes = Counter[Callable[[], str]]()
        for make in (single_use_id, fresh_id) * 8:  # a page that is full is split, and dirties its neighbours
            await memory._space.close()
            memory._opened().connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            await asyncio.gather(*puts(memory, *(f"code:{make()}" for _ in range(16))))
            sizes[make] += os.stat(f"{path}-wal").st_size  # noqa: PTH116
        assert sizes[single_use_id] * 2 < sizes[fresh_id]

    run(act, path)


def test_an_entry_tells_nothing_of_what_others_have_named(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        for id in ("user_code:BCDFGHJK", "nbf:sub:alice", 'assertion:["web","jti"]', "code:AAAAbbbbccccddddeeeeff"):
            await memory.put(id, b"v", UNTIL)
        keys = [key for (key,) in memory._opened().connection.execute("SELECT id FROM entries WHERE value = x'76'")]
        assert {len(key) for key in keys} == {16}
        assert sorted(key[:4] == b"AAAA" for key in keys) == [False, False, False, True]
        assert not any(part in key for key in keys for part in (b"BCD", b"ali", b"web", b"bbb"))

    run(act, path)


def test_nobody_is_told_before_the_commit(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        seen = []
        with contextlib.closing(sqlite3.connect(path)) as other:

            async def put(id: str) -> None:
                await memory.put(id, b"v", UNTIL)
                seen.append(other.execute("SELECT count(*) FROM entries WHERE value = x'76'").fetchone()[0])

            await asyncio.gather(*(put(f"id:{n}") for n in range(5)))
        assert seen == [5] * 5

    run(act, path)


class FullAtTheEnd:
    """A connection to a disk that turns out to be full when something is to be written to it."""

    in_transaction = property(lambda self: self.connection.in_transaction)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def execute(self, text: str, *values: object) -> sqlite3.Cursor:
        if text == "COMMIT":
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return self.connection.execute(text, *values)

    def executemany(self, text: str, values: object) -> sqlite3.Cursor:
        return self.connection.executemany(text, values)


def test_what_could_not_be_committed_was_never_so(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        file = memory._opened()
        whole, file.connection = file.connection, cast("sqlite3.Connection", FullAtTheEnd(file.connection))
        read, won, raised = await outcomes(
            memory.get_many(["a"]), *puts(memory, "a", use="code"), memory.put("n", b"", UNTIL, 1, use="operator")
        )
        assert [type(answer) for answer in (won, read, raised)] == [MemoryFull] * 3
        assert won.use == "code"
        file.connection = whole
        assert await memory.get_many(["a", "n"]) == [None, None]

    run(act, path)


def test_callers_that_come_one_by_one_seldom_wait_a_turn(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        at_once = 0
        for n in range(160):
            turn = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(turn.set_result, None)
            await memory.put(f"id:{n}", b"v", UNTIL)
            at_once += not turn.done()
            await turn
        assert at_once > 120
        with traced(memory) as words:
            for n in range(20):  # company is found however long there was none
                await asyncio.gather(*puts(memory, *(f"{n}:{m}" for m in range(8))))
        assert words.count("COMMIT") < 40

    run(act, path)


def test_what_is_known_is_not_read_again_until_another_process_writes(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        other = worker(path)
        await memory.get_many(["a", "b"])
        await memory.put("c", b"mine", UNTIL)
        with traced(memory) as words:
            assert values(await memory.get_many(["a", "b"])) == [None, None]
            assert words == ["PRAGMA data_version"]
            await memory.put("a", b"mine", UNTIL)
            assert values(await memory.get_many(["a", "b"])) == [b"mine", None]
            await other.put("b", b"theirs", UNTIL)
            assert values(await memory.get_many(["a", "b"])) == [b"mine", b"theirs"]
        await other.close()

    run(act, path)


def test_a_fault_is_told_to_the_one_who_caused_it(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        first, wrong, second = await outcomes(
            memory.put("a", b"a", UNTIL), memory.put("wrong", b"w", 2**70), memory.put("b", b"b", UNTIL)
        )
        assert isinstance(wrong, OverflowError)
        assert (first, second) == ((0, b"a"), (0, b"b"))
        assert values(await memory.get_many(["a", "wrong", "b"])) == [b"a", None, b"b"]

    run(act, path)


PUT = st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("xyz"), st.sampled_from(["", "small", "tiny"]))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(PUT, min_size=1, max_size=40), min_size=1, max_size=6))
def test_together_is_what_it_would_be_one_by_one(batches: list[list[tuple[str, str, str]]]) -> None:
    quotas, stands, uses = {"small": 3, "tiny": 1}, dict[str, bytes](), dict[str, str]()

    def alone(id: str, value: str, use: str) -> tuple[int, bytes] | type[Exception]:
        full = list(uses.values()).count(use) >= quotas.get(use, 100)
        if id not in stands and full:
            return MemoryFull
        uses.setdefault(id, use)
        return 0, stands.setdefault(id, value.encode())

    async def act(memory: EmbeddedMemory) -> None:
        for batch in batches:
            calls = [memory.put(id, value.encode(), UNTIL, use=use) for id, value, use in batch]
            got = [type(each) if isinstance(each, Exception) else each for each in await outcomes(*calls)]
            assert got == [alone(*each) for each in batch]
            assert values(await memory.get_many([*"abcdefgh"])) == [stands.get(id) for id in "abcdefgh"]
        assert (await memory.ready()).entries == len(uses)

    with tempfile.TemporaryDirectory() as directory:
        run(act, Path(directory) / "memory.db", quotas=quotas)


def test_whoever_only_reads_never_waits_to_write(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        await asyncio.gather(*puts(memory, *map(str, range(70))))
        for n in range(3):
            with traced(memory) as words:
                await asyncio.gather(memory.get_many([f"new {n}"]), memory.get_many([f"newer {n}"]))
            since = [] if n else ["SELECT since,"]  # where somebody else has written, or nothing was read before
            assert words == ["BEGIN", "PRAGMA data_version", *since, "SELECT id,", "COMMIT"]

    run(act, path)


def test_a_full_class_does_not_hold_up_the_others(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        ids = [f"par:{n}" for n in range(8)]
        code, *answers = await outcomes(*puts(memory, "code", use="code"), *puts(memory, *ids, use="par"))
        assert code == (0, b"code")
        assert answers[:5] == [(0, id.encode()) for id in ids[:5]]
        assert [type(answer) for answer in answers[5:]] == [MemoryFull] * 3
        assert await memory.get_many(ids) == [*answers[:5], None, None, None]

    run(act, path, quotas={"par": 5})


def test_a_full_disk_refuses_only_what_has_no_room(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        await memory.put("first", b"v", UNTIL)
        memory._opened().connection.execute("PRAGMA max_page_count = 20")
        ids = [f"id:{n}" for n in range(200)]
        calls = [memory.put(id, b"v" * 500, UNTIL, use="code") for id in ids]
        lost, read, *answers = await outcomes(memory.put("first", b"w", UNTIL), memory.get_many(["first"]), *calls)
        assert (lost, read) == ((0, b"v"), [(0, b"v")])
        refused = [answer for answer in answers if isinstance(answer, MemoryFull)]
        assert 0 < len(refused) < 200
        assert {full.use for full in refused} == {"code"}
        told = [None if isinstance(answer, MemoryFull) else answer for answer in answers]
        assert await memory.get_many(ids) == told

    run(act, path)


def test_damage_loses_nothing_that_was_told(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        await asyncio.gather(*(memory.put(f"id:{n}", b"v" * 200, UNTIL) for n in range(500)))
        former = memory.identity
        await memory.close()
        with path.open("r+b") as file:
            file.seek(4096 * 8)  # the root and the first leaves are sound
            file.write(b"\xa5" * 4096 * 30)
        ids = [f"new:{n}" for n in range(50)]
        answers = await outcomes(*puts(memory, *ids))
        assert any(isinstance(answer, MemoryUnavailable) for answer in answers)
        assert memory.identity != former
        told = [None if isinstance(answer, MemoryUnavailable) else answer for answer in answers]
        assert await memory.get_many(ids) == told
        assert values(await asyncio.gather(*puts(memory, "again", "and again"))) == [b"again", b"and again"]

    run(act, path)


@pytest.mark.parametrize("verb", ["put", "get_many", "put_and_get"])
@pytest.mark.parametrize("turns", [1, 2], ids=["before the transaction", "after it"])
def test_a_memory_replaced_while_a_caller_waits_answers_nothing(path: Path, verb: str, turns: int) -> None:
    """The caller asked for `identity` in the turn in which it called, or will in the turn in which it is answered."""

    async def act(memory: EmbeddedMemory) -> None:
        loop, former = asyncio.get_running_loop(), memory.identity

        def replace(left: int) -> None:
            if left:
                loop.call_soon(replace, left - 1)
                return
            path.unlink()
            time.sleep(0.06)
            assert memory.identity != former

        arguments = {
            "put": ("a", b"v", UNTIL),
            "get_many": (["a"],),
            "put_and_get": ("a", b"v", UNTIL, ["n"]),
        }[verb]
        await asyncio.gather(*puts(memory, "some", "company"))
        waiting = asyncio.create_task(getattr(memory, verb)(*arguments))
        loop.call_soon(replace, turns - 1)
        with pytest.raises(MemoryUnavailable, match="replaced"):
            await waiting
        assert memory.identity != former
        assert await memory.get_many(["a", "n"]) == [None, None]

    run(act, path)


def test_whoever_closes_lets_those_who_wait_know(path: Path) -> None:
    async def act() -> None:
        memory = worker(path, busy_ms=2000)
        await memory.ready()
        await asyncio.gather(*puts(memory, "some", "company"))
        waiting = [asyncio.create_task(call) for call in puts(memory, "a", "b")]
        await asyncio.sleep(0)
        await memory.close()
        assert values(await asyncio.gather(*waiting)) == [b"a", b"b"]
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            await memory.ready()
            other.execute("BEGIN IMMEDIATE")
            waiting = [asyncio.create_task(call) for call in puts(memory, "c", "d")]
            await asyncio.sleep(0.05)
            await memory.close()
            other.execute("COMMIT")
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(answer) for answer in answers] == [MemoryUnavailable] * 2
        await asyncio.sleep(0.05)
        assert memory._file is None

    asyncio.run(act())


def test_a_cancelled_caller_leaves_its_company_alone(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        for n in range(50):
            tasks = [asyncio.create_task(call) for call in puts(memory, *(f"{n}:{m}" for m in range(6)))]
            for _ in range(n % 4):
                await asyncio.sleep(0)
            cancelled = tasks[n % 6].cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            others = [answer for m, answer in enumerate(answers) if m != n % 6]
            assert values(others) == [b"%d:%d" % (n, m) for m in range(6) if m != n % 6]
            assert isinstance(answers[n % 6], asyncio.CancelledError) == cancelled

    run(act, path)


def test_while_another_process_writes_readers_are_answered_and_writers_wait(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        await memory.put("a", b"a", UNTIL)
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writers = [asyncio.create_task(call) for call in puts(memory, "b", "c")]
            assert values(await memory.get_many(["a", "b"])) == [b"a", None]
            writers += [asyncio.create_task(call) for call in puts(memory, "d", "b")]
            assert values(await memory.get_many(["a", "d"])) == [b"a", None]
            assert not any(writer.done() for writer in writers)
            other.execute("COMMIT")
        assert values(await asyncio.gather(*writers)) == [b"b", b"c", b"d", b"b"]

    run(act, path, busy_ms=5000)


def test_a_lock_that_is_never_let_go_fails_each_writer_in_time(path: Path) -> None:
    async def act(memory: EmbeddedMemory) -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            early = asyncio.create_task(outcomes(*puts(memory, "a", "b")))
            await asyncio.sleep(0.1)
            late = asyncio.create_task(outcomes(*puts(memory, "c")))
            answers = await early
            assert 0.2 <= time.monotonic() - begun < 1
            assert not late.done()
            answers += await late
            assert 0.3 <= time.monotonic() - begun < 1
            assert [type(answer) for answer in answers] == [MemoryUnavailable] * 3
            begun = time.monotonic()
            with pytest.raises(MemoryUnavailable, match="lock"):
                await memory.put("d", b"d", UNTIL)
            assert time.monotonic() - begun < 0.1  # after waiting in vain, nobody waits for a while
            other.execute("COMMIT")
        assert (await memory.put("a", b"mine", UNTIL)).value == b"mine"

    run(act, path, busy_ms=200)


@pytest.mark.slow
def test_what_was_told_outlives_a_kill(path: Path) -> None:
    program = f"""
import asyncio
from service.memory import MemorySettings, open_memory
async def act():
    memory = open_memory(MemorySettings(path={str(path)!r}))
    async def put(id):
        print((await memory.put(id, id.encode(), {UNTIL})).value.decode(), flush=True)
    for n in range(100_000):
        await asyncio.gather(*(put(f"{{n}}:{{m}}") for m in range(16)))
asyncio.run(act())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline().strip() for _ in range(300) if process.poll() is None]
        os.kill(process.pid, signal.SIGKILL)
        told += [line.strip() for line in process.stdout if line.endswith("\n")]
    ids = [line for line in told if line.count(":") == 1 and line[0].isdigit()]
    assert len(ids) >= 250

    async def act(memory: EmbeddedMemory) -> None:
        assert values(await memory.get_many(ids)) == [id.encode() for id in ids]

    run(act, path)


def test_it_serves_one_event_loop_after_another(path: Path) -> None:
    memory = worker(path, busy_ms=5000)
    with asyncio.Runner() as paused:
        assert paused.run(memory.put("a", b"a", UNTIL)) == (0, b"a")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")

            async def give_up() -> None:
                await asyncio.wait([asyncio.create_task(memory.put("never", b"n", UNTIL))], timeout=0.01)

            asyncio.run(give_up())  # ends while its put waits for the lock
        assert asyncio.run(asyncio.wait_for(memory.put("b", b"b", UNTIL), 5)) == (0, b"b")
        assert values(paused.run(asyncio.wait_for(memory.get_many(["a", "b"]), 5))) == [b"a", b"b"]
        paused.run(memory.close())
