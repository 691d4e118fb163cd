"""The rule of rotation (decisions/token/redeem.py) against every short story of an owner, a network and a thief.

A story is a sequence of steps. The owner has one refresh token, the newest that it has received; a thief copies it
once. An owner never retries a definite refusal (invalid_grant): it drops its refresh token and starts a new login. It
comes back after a 503, not before its Retry-After. What must hold:

- Without a thief, no owner is ever refused, whatever is lost, repeated, late, or fails half-way.
- With a thief, once both have moved and the owner comes back, neither gets anything more.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest

from service.bags.kinds import Grant, RefreshToken
from service.decisions.token.settle import _renew, settle
from service.grants.plan import GrantRequest, Renewal
from service.grants.plan_for_code import bound
from service.grants.refresh_token import GRACE, refresh_token
from service.memory import REVOKED, Entry, MemoryUnavailable
from service.protocol.digests import client_digest
from service.protocol.errors import OAuthError
from service.protocol.form import parse
from service.protocol.revocation_check import state_id
from tests.worlds.satchel import NOW, Satchel
from tests.worlds.toml import PASSWORD

TOML = f"""
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
[[users.known]]
id = "alice"
password = "{PASSWORD}"
"""


class ToyMemory:
    """The port over a dictionary; `fail` breaks the next verbs: before their effect, or after it."""

    name, identity = "toy", "toy"

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.untils: dict[str, int] = {}
        self.fail: list[str] = []

    def since(self, ids: Sequence[str] = ()) -> int:
        return 0

    def _break(self, when: str) -> None:
        if self.fail and self.fail[0] == when:
            self.fail.pop(0)
            raise MemoryUnavailable("broken on purpose")

    async def put(
        self, id: str, value: bytes, until: int, rank: int = 0, *, use: str = "", owners: Sequence[str] = ()
    ) -> Entry:
        self._break("before put")
        stands = self.entries.get(id)
        if stands is None or stands.rank < rank:
            stands = self.entries[id] = Entry(rank, value)
            self.untils[id] = max(until, self.untils.get(id, 0))
        self._break("after put")
        return stands

    async def get_many(self, ids: Sequence[str]) -> list[Entry | None]:
        self._break("before get")
        return [self.entries.get(id) for id in ids]

    async def put_and_get(
        self,
        id: str,
        value: bytes,
        until: int,
        ids: Sequence[str],
        rank: int = 0,
        *,
        use: str = "",
        owners: Sequence[str] = (),
    ) -> tuple[Entry, list[Entry | None]]:
        return await self.put(id, value, until, rank, use=use, owners=owners), await self.get_many(ids)


class Holder:
    """Somebody with the newest refresh token that they have received, until a definite refusal."""

    def __init__(self, world: "World", token: str) -> None:
        self.world = world
        self.token: str | None = token
        self.not_before = 0.0
        self.moved = False

    def move(self, *fail: str, lost: bool = False, heeds: bool = True) -> None:
        """Refresh, unless there is nothing to refresh with, or it is too early; a `lost` answer is never received.

        An answer 503 makes a holder who `heeds` it wait.
        """
        if self.token is None or self.world.now < self.not_before:
            return
        try:
            child = self.world.refresh(self.token, *fail)
        except MemoryUnavailable:
            return
        except OAuthError as refusal:
            if lost:
                return
            if refusal.status != 503:
                self.token = None
            elif heeds:
                self.not_before = self.world.now + refusal.retry_after
        else:
            self.moved = True
            self.token = self.token if lost else child


class World:
    """One family of refresh tokens, and who holds what."""

    def __init__(self, satchel: Satchel) -> None:
        self.memory = ToyMemory()
        self.context = satchel.context._replace(memory=self.memory)
        self.client = satchel.context.registry.clients.find("spa")
        self.now = NOW
        self.sent: list[str] = []
        grant = Grant("family", client_digest("spa"), "alice", "read", memory="toy")
        self.first = self._mint(Renewal(bound(grant, self.client, {}), NOW + 86_400))
        self.owner = Holder(self, self.first)
        self.thief = Holder(self, self.first)

    def _mint(self, renewal: Renewal) -> str:
        return _renew(renewal, self.context, self.now)[0]

    @property
    def revoked(self) -> bool:
        """Whether the family is."""
        entry = self.memory.entries.get(state_id("family"))
        return entry is not None and entry.rank == REVOKED

    def refresh(self, token: str, *fail: str) -> str:
        """Present `token`; return its successor. Raises OAuthError, MemoryUnavailable."""
        self.memory.fail = list(fail)
        self.sent.append(token)
        form = parse(b"refresh_token=" + token.encode())
        context = self.context
        request = GrantRequest(form, self.client, {}, context.registry, context.snapshot, context.ports, self.now)

        async def run() -> str:
            issued = await settle(await refresh_token(request), context, self.now)
            return issued.answer.refresh_token

        try:
            return LOOP.run_until_complete(run())
        finally:
            self.memory.fail = []

    def again(self, back: int) -> None:
        """Let the network deliver a request once more that was sent `back` requests ago; nobody reads the answer."""
        if len(self.sent) >= back:
            token = self.sent[-back]
            try:
                self.refresh(token)
            except (OAuthError, MemoryUnavailable):
                pass
            finally:
                self.sent.pop()


LOOP = asyncio.new_event_loop()

STEPS: dict[str, Callable[[World], None]] = {
    "ok": lambda world: world.owner.move(),
    "lost": lambda world: world.owner.move(lost=True),
    "read fails": lambda world: world.owner.move("before get"),
    "put fails": lambda world: world.owner.move("before put"),
    "put works, answer fails": lambda world: world.owner.move("after put"),
    "duplicate": lambda world: world.again(1),
    "late duplicate": lambda world: world.again(2),
    "later duplicate": lambda world: world.again(3),
}
THIEF: dict[str, Callable[[World], None]] = {
    "ok": STEPS["ok"],
    "lost": STEPS["lost"],
    "put works, answer fails": STEPS["put works, answer fails"],
    "thief": lambda world: world.thief.move(heeds=False),
    "thief, lost": lambda world: world.thief.move(lost=True, heeds=False),
}


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    """A public client whose refresh tokens rotate."""
    return Satchel(tmp_path_factory.mktemp("rotation"), TOML)


@pytest.mark.parametrize("pause", [1, 5])
@pytest.mark.parametrize("first", STEPS)
def test_no_owner_is_ever_refused(satchel: Satchel, first: str, pause: int) -> None:
    """Duplicates are late by less than GRACE."""
    for story in itertools.product([first], *[STEPS] * 3):
        world = World(satchel)
        for what in story:
            STEPS[what](world)
            world.now += pause
        world.now += GRACE
        world.owner.move()
        assert world.owner.token is not None, story
        assert not world.revoked, story


@pytest.mark.parametrize("pause", [GRACE + 1, 3600])
def test_no_slow_owner_is_ever_refused(satchel: Satchel, pause: int) -> None:
    steps = [step for step in STEPS if "duplicate" not in step]
    for story in itertools.product(steps, repeat=4):
        world = World(satchel)
        for what in story:
            STEPS[what](world)
            world.now += pause
        world.owner.move()
        assert world.owner.token is not None, story
        assert not world.revoked, story


def thefts(stolen_after: int) -> Iterator[tuple[str, ...]]:
    """Give the stories in which a thief moves, and not before the refresh token is stolen."""
    for story in itertools.product(THIEF, repeat=4):
        moves = [n for n, what in enumerate(story) if what.startswith("thief")]
        if moves and moves[0] >= stolen_after:
            yield story


@pytest.mark.parametrize("cadence", [2, 20, 60])
@pytest.mark.parametrize("pause", [2, 20, 60])
@pytest.mark.parametrize("stolen_after", [0, 1, 2])
def test_104_no_thief_goes_on(satchel: Satchel, stolen_after: int, pause: int, cadence: int) -> None:
    """The thief may move first and go on as often as it likes, every `cadence` seconds; the owner comes back."""
    told = 0
    for story in thefts(stolen_after):
        world = World(satchel)
        for n, what in enumerate(story):
            if n == stolen_after:
                world.thief.token = world.owner.token
            THIEF[what](world)
            world.now += pause
        told += 1
        for _ in range(3):
            world.owner.move()
            for _ in range(-(-(GRACE + 2) // cadence)):
                world.now += cadence
                world.thief.move(heeds=False)
        world.now += 60
        if world.thief.moved:
            world.thief.move()
            assert world.revoked, story
            assert world.thief.token is None, story
    assert told > 100


def test_104_a_definite_refusal_ends_the_family(satchel: Satchel) -> None:
    """So an owner who was refused, and never comes back, leaves no thief behind."""
    refused = 0
    for story in thefts(0):
        world = World(satchel)
        for what in story:
            THIEF[what](world)
            if world.owner.token is None or world.thief.token is None:
                refused += 1
                assert world.revoked, story
            world.now += 20
    assert refused > 20


def test_104_a_thief_who_goes_on_within_the_tolerance_cannot_keep_the_owner_waiting(satchel: Satchel) -> None:
    """Each use of the thief's is recent; the use that the owner's refresh token depends on grows old."""
    world = World(satchel)
    world.thief.move()
    waited = 0
    while world.owner.token is not None:
        world.owner.move()
        for _ in range(5):
            world.now += 1
            world.thief.move(heeds=False)
        waited += 5
        assert waited <= GRACE + 10
    assert world.revoked


def test_the_predecessor_works_until_its_successor_is_used(satchel: Satchel) -> None:
    world = World(satchel)
    second = world.refresh(world.first)
    assert world.refresh(world.first) != second
    third = world.refresh(second)
    world.refresh(third)
    with pytest.raises(OAuthError, match="temporarily_unavailable"):
        world.refresh(world.first)


def test_104_a_late_duplicate_is_told_when_to_come_back(satchel: Satchel) -> None:
    world = World(satchel)
    second = world.refresh(world.first)
    third = world.refresh(second)
    world.now += 20
    with pytest.raises(OAuthError) as caught:
        world.refresh(world.first)
    refusal = caught.value
    assert (refusal.code, refusal.status, refusal.retry_after) == ("temporarily_unavailable", 503, GRACE - 20 + 1)
    world.now += 10
    with pytest.raises(OAuthError, match="temporarily_unavailable"):
        world.refresh(world.first)
    world.refresh(third)


def test_reuse_after_the_grace_ends_the_family(satchel: Satchel) -> None:
    world = World(satchel)
    second = world.refresh(world.first)
    third = world.refresh(second)
    world.now += GRACE + 1
    for token in (world.first, third):
        with pytest.raises(OAuthError, match="invalid_grant"):
            world.refresh(token)


def test_103_a_family_has_one_entry_however_often_it_rotates(satchel: Satchel) -> None:
    world = World(satchel)
    lengths = set()
    for n in range(200):
        world.owner.move(lost=n % 7 == 0)
        world.now += n % 3
        lengths.add(len(world.owner.token or ""))
    assert list(world.memory.entries) == [state_id("family")]
    assert max(lengths) < 1.2 * len(world.first)


def test_the_entry_of_a_family_outlives_every_child(satchel: Satchel) -> None:
    world = World(satchel)
    token = world.refresh(world.first)
    bag = satchel.context.snapshot.open(token, (RefreshToken,), world.now)
    assert world.memory.untils == {state_id("family"): bag.until + satchel.config.keys.skew}
    assert bag.exp <= bag.until
    assert bag.generation == 1
