"""What every memory promises, whichever it is."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.memory import OPERATOR, REVOKED, Memory
from tests.memory.entries import ranks, values
from tests.memory.houses import House


def test_every_memory_has_the_port(any_house: House) -> None:
    async def act(memory: Memory) -> None:
        status = await memory.ready()
        assert (status.name, status.identity, status.since) == (memory.name, memory.identity, memory.since())
        assert memory.name == any_house.kind
        assert 0 < len(memory.identity) <= 32
        assert memory.since(["a", "b"]) <= memory.since() <= any_house.now
        until = any_house.now + 60
        assert await memory.put("a", b"mine", until, use="code") == (0, b"mine")
        assert await memory.put("n", b"", until, 7, use=OPERATOR) == (7, b"")
        assert await memory.get_many([]) == []
        assert len(await memory.get_many(["x", "y"])) == 2
        assert await memory.put_and_get("b", b"mine", until, ["x", "y"], 3) == ((3, b"mine"), [None, None])

    any_house.run(act)


def test_none_lets_everyone_win_and_remembers_nothing() -> None:
    async def act(memory: Memory) -> None:
        for value in (b"1", b"2"):
            assert await memory.put("a", value, 10**10) == (0, value)
        assert await memory.put("n", b"", 10**10, 9) == (9, b"")
        assert await memory.put("n", b"", 10**10, 3) == (3, b"")
        assert await memory.get_many(["a", "n"]) == [None, None]
        assert "replayed" in (await memory.ready()).detail

    House("none", {}).run(act)


def test_the_first_value_stands(house: House) -> None:
    async def act(memory: Memory) -> None:
        until = house.now + 60
        assert await memory.put("a", b"first", until) == (0, b"first")
        assert await memory.put("a", b"second", until + 1000, use="other") == (0, b"first")
        assert values(await memory.get_many(["b", "a", "b", "a"])) == [None, b"first", None, b"first"]

    house.run(act)


def test_the_highest_rank_wins_and_among_equals_the_first(house: House) -> None:
    async def act(memory: Memory) -> None:
        until = house.now + 60
        story = [(3, b"a"), (2, b"b"), (3, b"c"), (4, b"d"), (0, b"e"), (REVOKED, b""), (REVOKED, b"f"), (4, b"g")]
        stands: tuple[int, bytes] | None = None
        for rank, value in story:
            if stands is None or rank > stands[0]:
                stands = (rank, value)
            assert await memory.put("a", value, until, rank) == stands
            assert await memory.get_many(["a"]) == [stands]

    house.run(act)


def test_one_of_many_ranks_wins_in_a_crowd(house: House) -> None:
    async def act(memory: Memory) -> None:
        until = house.now + 60
        puts = [memory.put("a", b"%d" % n, until, n % 10) for n in range(100)]
        stood = await asyncio.gather(*puts)
        assert all(stands.rank >= n % 10 for n, stands in enumerate(stood))
        assert len({stands for stands in stood if stands.rank == 9}) == 1
        assert ranks(await memory.get_many(["a"])) == [9]

    house.run(act)


def test_a_put_and_a_read_at_once(house: House) -> None:
    async def act(memory: Memory) -> None:
        until = house.now + 60
        await memory.put("old", b"stands", until)
        await memory.put("nbf:a", b"", until, 7)
        ids = ["old", "nbf:a", "none", "new"]
        both = [(0, b"stands"), (7, b""), None, (0, b"mine")]
        assert await memory.put_and_get("new", b"mine", until, ids) == ((0, b"mine"), both)
        assert await memory.put_and_get("new", b"other", until, ["none"]) == ((0, b"mine"), [None])
        assert await memory.put_and_get("new", b"higher", until, ["new"], 1) == ((1, b"higher"), [(1, b"higher")])
        assert await memory.put_and_get("old", b"other", until, []) == ((0, b"stands"), [])
        assert await memory.get_many(["new", "none"]) == [(1, b"higher"), None]

    house.run(act)


def test_puts_and_reads_at_once_in_a_crowd(house: House) -> None:
    async def act(memory: Memory) -> None:
        until = house.now + 60
        await memory.put("stands", b"1", until)
        answers = await asyncio.gather(
            *[memory.put_and_get(f"one:{n // 10}", b"%d" % n, until, ["stands", f"not:{n}"]) for n in range(100)]
        )
        for ten in range(10):
            winners = {stands for stands, _ in answers[10 * ten : 10 * ten + 10]}
            assert len(winners) == 1
        assert all(read == [(0, b"1"), None] for _, read in answers)

    house.run(act)


@pytest.mark.parametrize("value", [b"", b"\x00\xff\r\n", b"0", b"7:x", b"x" * 5000])
@pytest.mark.parametrize("id", ["", "ä\x00{00}", "\ud800", "y" * 10000, "'); DROP TABLE entries; --"])
def test_ids_and_values_of_any_kind(house: House, id: str, value: bytes) -> None:
    async def act(memory: Memory) -> None:
        assert await memory.put(id, value, house.now + 60) == (0, value)
        assert await memory.put(id, b"other", house.now + 60) == (0, value)
        assert await memory.get_many([id]) == [(0, value)]

    house.run(act)


def test_contents_outlive_the_process_that_wrote_them(house: House) -> None:
    seen: list[tuple[str, int]] = []

    async def write(memory: Memory) -> None:
        await memory.put("a", b"first", house.now + 600)
        await memory.put("n", b"", house.now + 600, 5)
        seen.append((memory.identity, memory.since()))

    async def replay(memory: Memory) -> None:
        assert await memory.put("a", b"again", house.now + 600) == (0, b"first")
        assert await memory.get_many(["n"]) == [(5, b"")]
        seen.append((memory.identity, memory.since()))

    house.run(write)
    house.now += 120
    house.run(replay)
    assert seen[0] == seen[1]


def test_two_workers_share_it(house: House) -> None:
    async def act(memory: Memory) -> None:
        other = house.open()
        assert await memory.put("a", b"first", house.now + 60) == (0, b"first")
        assert await other.put("a", b"second", house.now + 60) == (0, b"first")
        assert await other.put("n", b"", house.now + 60, 2) == (2, b"")
        assert await memory.put("n", b"", house.now + 60, 1) == (2, b"")
        assert await memory.put("n", b"", house.now + 60, 3) == (3, b"")
        assert await other.get_many(["n"]) == [(3, b"")]
        assert (other.identity, other.since(["a"])) == (memory.identity, memory.since(["a"]))
        await other.close()

    house.run(act)


def test_one_of_many_simultaneous_callers_wins(house: House) -> None:
    async def act(memory: Memory) -> None:
        for id in ("a", "b", "c"):
            mine = [b"%d" % n for n in range(50)]
            stood = values(await asyncio.gather(*(memory.put(id, value, house.now + 60) for value in mine)))
            assert len(set(stood)) == 1
            assert sum(value == stands for value, stands in zip(mine, stood, strict=True)) == 1

    house.run(act)


ids = st.sampled_from(["a", "b", "c", "d", "e"])
steps = st.one_of(
    st.tuples(st.just("put"), ids, st.binary(max_size=8), st.sampled_from([0, 0, 1, 2**40, REVOKED])),
    st.tuples(st.just("get"), st.lists(ids, max_size=6)),
    st.tuples(st.just("reopen")),
)


@given(script=st.lists(steps, max_size=30))
@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_it_behaves_like_a_dictionary_of_ranks(house: House, script: list[tuple[Any, ...]]) -> None:
    async def act() -> None:
        run = secrets.token_hex(8)
        known: dict[str, tuple[int, bytes]] = {}
        memory = house.open()
        until = house.now + 600
        for verb, *rest in script:
            if verb == "put":
                id, value, rank = rest
                if id not in known or rank > known[id][0]:
                    known[id] = (rank, value)
                assert await memory.put(run + id, value, until, rank, use="code") == known[id]
            elif verb == "get":
                assert await memory.get_many([run + id for id in rest[0]]) == [known.get(id) for id in rest[0]]
            else:
                await memory.close()
                memory = house.open()
        await memory.close()

    asyncio.run(act())
