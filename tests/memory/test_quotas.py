"""How much room a class of use has, and how much of it one owner may take, on both memories by the same rule."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.memory import OPERATOR, REVOKED, Memory, MemoryFull, MemorySettings, owners
from service.memory.quota import UNDIVIDED, Quotas, rounded
from tests.memory.entries import values
from tests.memory.houses import House


@pytest.fixture(autouse=True)
def no_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries stay a minute beyond their time, for clocks that differ; here they do not."""
    for room in ("redis", "embedded_contents", "embedded_upkeep"):
        monkeypatch.setattr(f"service.memory.{room}.MARGIN", 0)


async def fill(memory: Memory, ids: Iterable[str], until: int, use: str = "par", by: tuple[str, ...] = ()) -> int:
    """Put entries until one is refused; give how many were taken."""
    taken = 0
    for id in ids:
        try:
            await memory.put(id, b"v", until, use=use, owners=by)
        except MemoryFull:
            return taken
        taken += 1
    return taken


def named(prefix: str, count: int = 10_000) -> Iterable[str]:
    return (f"{prefix}:{n}" for n in range(count))


def test_a_full_class_refuses_and_leaves_the_others_alone(house: House) -> None:
    async def act(memory: Memory) -> None:
        until = house.now + 60
        assert await fill(memory, named("par"), until) == 20
        for n in range(3):
            with pytest.raises(MemoryFull, match="par") as caught:
                await memory.put(f"more:{n}", b"v", until, use="par")
            assert caught.value.use == "par"
        assert await memory.put("par:7", b"other", until, use="par") == (0, b"v")
        assert await memory.put("code", b"v", until, use="code") == (0, b"v")
        assert await memory.put("nbf", b"", until, 1, use=OPERATOR) == (1, b"")
        assert values(await memory.get_many([*named("par", 20)])) == [b"v"] * 20
        assert values(await memory.get_many([*named("more", 3)])) == [None] * 3

    house.run(act, quotas={"par": 20})


def test_107_one_that_ends_early_frees_its_own_place_and_no_other(house: House) -> None:
    async def act(memory: Memory) -> None:
        await memory.put("short", b"v", house.now + 1, use="par")
        assert await fill(memory, named("long"), house.now + 86_400) == 4
        house.wait(3)
        assert await fill(memory, named("later"), house.now + 86_400) == 1
        house.wait(3)
        assert await fill(memory, named("latest"), house.now + 86_400) == 0

    house.run(act, quotas={"par": 5})


def test_107_one_that_lives_long_holds_its_own_place_and_no_other(house: House) -> None:
    async def act(memory: Memory) -> None:
        await memory.put("long", b"v", house.now + 31 * 86_400, use="par")
        assert await fill(memory, named("short"), house.now + 1) == 4
        house.wait(3)
        assert await fill(memory, named("later"), house.now + 1) == 4
        house.wait(3)
        assert await fill(memory, named("latest"), house.now + 60) == 4

    house.run(act, quotas={"par": 5})


def test_107_one_whose_life_grows_is_counted_as_long_as_it_lives(house: House) -> None:
    async def act(memory: Memory) -> None:
        await memory.put("grows", b"v", house.now + 1, use="par")
        await memory.put("grows", b"w", house.now + 600, 1, use="par")
        house.wait(3)
        assert await memory.get_many(["grows"]) == [(1, b"w")]
        assert await fill(memory, named("others"), house.now + 600) == 4

    house.run(act, quotas={"par": 5})


def test_107_a_shorter_life_takes_nothing_from_an_entry(house: House) -> None:
    async def act(memory: Memory) -> None:
        await memory.put("a", b"v", house.now + 600, use="par")
        await memory.put("a", b"w", house.now + 1, 1, use="par")
        house.wait(3)
        assert await memory.get_many(["a"]) == [(1, b"w")]
        assert await fill(memory, named("others"), house.now + 600) == 4

    house.run(act, quotas={"par": 5})


@pytest.mark.parametrize(
    ("owner", "share"), [(owners(client="spa"), 500), (owners(subject="u"), 200), (owners(address="192.0.2.1"), 300)]
)
def test_103_no_owner_takes_more_than_its_share(house: House, owner: tuple[str, ...], share: int) -> None:
    async def act(memory: Memory) -> None:
        until = house.now + 600
        assert await fill(memory, named("greedy"), until, "refresh", owner) == share
        # What is there needs no more room, however often it changes.
        for n in range(1, 50):
            assert await memory.put("greedy:0", b"w", until, n, use="refresh", owners=owner) == (n, b"w")
        # Another class is not touched, and the others have the rest of this one.
        assert await fill(memory, named("code", 10), until, "code", owner) == 10
        other = owners(client="other")
        assert await fill(memory, named("other"), until, "refresh", other) == min(500, 1000 - share)

    house.run(act, quotas={"refresh": 1000}, shares={"subject": 20, "address": 30})


def test_103_an_entry_needs_room_with_each_of_its_owners(house: House) -> None:
    async def act(memory: Memory) -> None:
        until = house.now + 600
        both = owners(client="spa", subject="u")
        assert await fill(memory, named("a"), until, "refresh", both) == UNDIVIDED
        assert await fill(memory, named("b", 50), until, "refresh", owners(client="spa", subject="v")) == 50
        assert await fill(memory, named("c"), until, "refresh", both) == 0
        assert await fill(memory, named("d"), until, "refresh", owners(client="web", subject="u")) == 0

    house.run(act, quotas={"refresh": 1000})


def test_103_revocations_have_room_of_their_own(house: House) -> None:
    async def act(memory: Memory) -> None:
        until = house.now + 600
        spa, web = owners(client="spa"), owners(client="web")
        await memory.put("family", b"child", until, 3, use="refresh", owners=spa)
        assert await fill(memory, named("refresh"), until, "refresh", spa) == UNDIVIDED - 1
        assert await fill(memory, named("revoked"), until, "revocation", spa) == UNDIVIDED
        # At its full share, even in the class of revocations, the client's families can still be revoked,
        assert await memory.put("family", b"", until + 60, REVOKED, use="revocation", owners=spa) == (REVOKED, b"")
        # and so can the tokens of others, and whatever the operator revokes.
        assert await memory.put("token", b"", until, REVOKED, use="revocation", owners=web) == (REVOKED, b"")
        for n in range(300):
            assert await memory.put(f"nbf:{n}", b"", until, 1, use=OPERATOR) == (1, b"")

    house.run(act, quotas={"refresh": 200, "revocation": 200})


def test_two_workers_together_take_no_more_than_one(house: House) -> None:
    async def act(memory: Memory) -> None:
        other, until = house.open(quotas={"refresh": 1000}), house.now + 600
        taken = 0
        try:
            for n in range(2000):
                await (memory, other)[n % 2].put(f"id:{n}", b"v", until, use="refresh")
                taken += 1
        except MemoryFull:
            pass
        assert taken == 1000
        await other.close()

    house.run(act, quotas={"refresh": 1000})


def test_a_crowd_takes_no_more_than_there_is(house: House) -> None:
    async def act(memory: Memory) -> None:
        puts = [memory.put(f"id:{n}", b"v", house.now + 600, use="par") for n in range(300)]
        answers = await asyncio.gather(*puts, return_exceptions=True)
        assert sum(isinstance(answer, MemoryFull) for answer in answers) == 50

    house.run(act, quotas={"par": 250})


def test_096_whoever_names_the_ids_does_not_choose_what_counts(house: House) -> None:
    """Of a large class with much room, one entry in 16 counts for 16, by lot; near its end each is counted again."""

    async def act(memory: Memory) -> None:
        owner = owners(client="spa")
        assert 4000 < await fill(memory, named("dpop"), house.now + 600, "dpop", owner) < 6000
        assert await fill(memory, named("later"), house.now + 600, "dpop") == 0

    house.run(act, quotas={"dpop": 5000}, shares={"client": 100})


def test_the_status_counts_what_lives(house: House) -> None:
    async def act(memory: Memory) -> None:
        await memory.ready()  # a new server gets its markers first
        before = (await memory.ready()).entries
        await fill(memory, named("a", 30), house.now + 600, "code")
        assert before + 30 <= (await memory.ready()).entries <= before + 31  # redis counts its counters, too

    house.run(act)


@given(st.integers(0, 2**33), st.integers(-100, 2**25))
def test_a_life_grows_by_a_sixteenth_at_most(now: int, life: int) -> None:
    assert now + life <= rounded(now + life, now) <= now + life + max(0, life) / 16 + 1
    # An entry that is put again later, with the same end, does not end later.
    for later in (now, now + 1, now + max(0, life) // 2):
        assert rounded(now + life, later) <= rounded(now + life, now)


@pytest.mark.parametrize("quota", [1, UNDIVIDED, UNDIVIDED + 1, 10_000_000])
@pytest.mark.parametrize("share", [1, 50, 100])
def test_a_share_is_between_the_least_and_the_class(quota: int, share: int) -> None:
    settings = MemorySettings(max_entries=quota, shares={"client": share})
    whole, part = Quotas(settings.max_entries, settings.every_quota, settings.every_share).rooms("code", ("client:a",))
    assert whole.most == quota
    assert min(quota, UNDIVIDED) <= part.most <= whole.most
    assert part.most == quota * share // 100 or part.most == min(quota, UNDIVIDED)


def test_counters_of_different_things_never_meet() -> None:
    rooms: Callable[..., Iterable[tuple[bytes, int]]] = Quotas(10, {}, {}).rooms
    seen = [room for use in ("code", "par", "") for room in rooms(use, ("client:a", "subject:a", "client:code"))]
    assert len({name for name, _ in seen}) == len(seen)
    assert rooms(OPERATOR, ("client:a",)) == ()
