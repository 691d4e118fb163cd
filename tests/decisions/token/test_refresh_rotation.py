"""The rule of rotation (decisions/token/redeem.py) against every short story of a client, a network and a thief.

A story is a sequence of steps, five or sixty seconds apart. The honest client has one refresh token, the newest that it
has received; a thief copies it once. What must hold:

- without a thief, nobody is ever locked out, whatever is lost, repeated, or fails half-way;
- with one, as soon as both have moved, neither gets anything more.
"""

import asyncio
import itertools
from collections.abc import Sequence

import pytest

from service.bags.kinds import Grant, RefreshToken
from service.decisions.token.settle import _renew, settle
from service.grants.plan import GrantRequest, Renewal
from service.grants.plan_for_code import bound
from service.grants.refresh_token import refresh_token
from service.memory import MemoryUnavailable
from service.protocol.digests import client_digest
from service.protocol.errors import OAuthError
from service.protocol.form import parse
from tests.worlds.satchel import NOW, Satchel

TOML = """
issuer = "http://127.0.0.1:8000"
default_resource = "https://api.example.com"
[[resources]]
identifier = "https://api.example.com"
scopes = ["read"]
format = "bag"
[[clients]]
id = "spa"
auth_methods = ["none"]
grants = ["refresh_token"]
scopes = ["read"]
"""


class ToyMemory:
    """The port over a dictionary; `fail` breaks the next verbs: before their effect, or after it."""

    name, identity = "toy", "toy"

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}
        self.fail: list[str] = []

    def since(self, ids: Sequence[str] = ()) -> int:
        return 0

    def _break(self, when: str) -> None:
        if self.fail and self.fail[0] == when:
            self.fail.pop(0)
            raise MemoryUnavailable("broken on purpose")

    async def put(self, id: str, value: bytes, until: int, *, use: str = "") -> bytes:
        self._break("before put")
        stands = self.entries.setdefault(id, value)
        self._break("after put")
        return stands

    async def get_many(self, ids: Sequence[str]) -> list[bytes | None]:
        self._break("before get")
        return [self.entries.get(id) for id in ids]

    async def put_and_get(
        self, id: str, value: bytes, until: int, ids: Sequence[str], *, use: str = ""
    ) -> tuple[bytes, list[bytes | None]]:
        return await self.put(id, value, until, use=use), await self.get_many(ids)


class World:
    """One family of refresh tokens, and who holds what."""

    def __init__(self, satchel: Satchel) -> None:
        self.memory = ToyMemory()
        self.context = satchel.context._replace(memory=self.memory)
        self.client = satchel.context.registry.clients.find("spa")
        self.now = NOW
        grant = Grant("family", client_digest("spa"), "alice", "read", memory="toy")
        self.first = self._mint(Renewal(bound(grant, self.client, {}), NOW + 86_400))
        self.honest = self.thief = self.first

    def _mint(self, renewal: Renewal) -> str:
        return _renew(renewal, self.context, self.now)[0]

    def refresh(self, token: str, *fail: str) -> str | None:
        """Present `token`; return its successor, or None if it was refused or the memory failed."""
        self.memory.fail = list(fail)
        form = parse(b"refresh_token=" + token.encode())
        context = self.context
        request = GrantRequest(form, self.client, {}, context.registry, context.snapshot, context.ports, self.now)

        async def run() -> str:
            issued = await settle(await refresh_token(request), context, self.now)
            return issued.answer.refresh_token

        try:
            return LOOP.run_until_complete(run())
        except (OAuthError, MemoryUnavailable):
            return None
        finally:
            self.memory.fail = []


LOOP = asyncio.new_event_loop()

HONEST = {
    "ok": (),
    "lost": (),
    "twice": (),
    "read fails": ("before get",),
    "put fails": ("before put",),
    "put works, answer fails": ("after put",),
}


def step(world: World, what: str) -> None:
    """One step of the story."""
    if what == "thief":
        world.thief = world.refresh(world.thief) or world.thief
    elif what == "ok":
        world.honest = world.refresh(world.honest) or world.honest
    elif what == "lost":
        world.refresh(world.honest)
    elif what == "twice":  # one request delivered twice; the answer to the second is dropped
        token = world.honest
        world.honest = world.refresh(token) or world.honest
        world.refresh(token)
    else:
        world.refresh(world.honest, *HONEST[what])


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    """A public client whose refresh tokens rotate."""
    return Satchel(tmp_path_factory.mktemp("rotation"), TOML)


@pytest.mark.parametrize("pause", [5, 60])
@pytest.mark.parametrize("first", HONEST)
def test_an_honest_client_is_never_locked_out(satchel: Satchel, first: str, pause: int) -> None:
    for story in itertools.product([first], *[HONEST] * 3):
        world = World(satchel)
        for what in story:
            step(world, what)
            world.now += pause
        assert world.refresh(world.honest) is not None, story


@pytest.mark.parametrize("pause", [5, 60])
@pytest.mark.parametrize("stolen_after", [0, 1, 2])
def test_a_fork_never_lives(satchel: Satchel, stolen_after: int, pause: int) -> None:
    told = 0
    for story in itertools.product(["ok", "lost", "thief", "put works, answer fails"], repeat=5):
        world = World(satchel)
        for n, what in enumerate(story):
            if n == stolen_after:
                world.thief = world.honest
            if what == "thief" and n < stolen_after:
                break
            step(world, what)
            world.now += pause
        else:
            if story[stolen_after:].count("thief") == 0:
                continue  # a token that is never used steals nothing
            told += 1
            # Both go on, in turn, long after any grace: at most one of the two branches may still have moved alone.
            for _ in range(2):
                for who in ("honest", "thief"):
                    world.now += 60
                    setattr(world, who, world.refresh(getattr(world, who)) or getattr(world, who))
            world.now += 60
            assert world.refresh(world.thief) is None, story
            assert world.refresh(world.honest) is None, story
    assert told > 100


def test_the_predecessor_works_until_its_successor_is_used(satchel: Satchel) -> None:
    world = World(satchel)
    second = world.refresh(world.first)
    other = world.refresh(world.first)
    assert second is not None
    assert other is not None
    third = world.refresh(second)
    assert third is not None
    assert world.refresh(third) is not None
    assert world.refresh(world.first) is None


def test_a_late_duplicate_is_only_refused(satchel: Satchel) -> None:
    world = World(satchel)
    second = world.refresh(world.first)
    assert second is not None
    third = world.refresh(second)
    world.now += 29
    assert world.refresh(world.first) is None
    assert third is not None
    assert world.refresh(third) is not None


def test_reuse_after_the_grace_ends_the_family(satchel: Satchel) -> None:
    world = World(satchel)
    second = world.refresh(world.first)
    assert second is not None
    third = world.refresh(second)
    world.now += 31
    assert world.refresh(world.first) is None
    assert third is not None
    assert world.refresh(third) is None


def test_the_record_of_a_successor_outlives_every_child(satchel: Satchel) -> None:
    kept: list[int] = []

    class Watching(ToyMemory):
        async def put(self, id: str, value: bytes, until: int, *, use: str = "") -> bytes:
            kept.append(until)
            return await super().put(id, value, until, use=use)

    world = World(satchel)
    world.context = world.context._replace(memory=Watching())
    token = world.refresh(world.first)
    assert token is not None
    bag = satchel.context.snapshot.open(token, (RefreshToken,), world.now)
    assert kept == [bag.until + satchel.config.keys.skew]
    assert bag.exp <= bag.until
