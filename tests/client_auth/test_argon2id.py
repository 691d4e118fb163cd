"""Secrets that people chose: Argon2id, off the loop, a few at a time; nobody else pays for it."""

import asyncio
import threading
import time
from hashlib import sha256
from typing import Any
from unittest import mock

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from service.config import ConfigError
from service.protocol import passwords
from service.protocol.errors import OAuthError
from tests.worlds.client_proofs import HEAD, client_toml
from tests.worlds.http import Answer, basic
from tests.worlds.satchel import NOW, Satchel


def quick(password: str, memory: int = 64) -> str:
    """A hash that takes no time."""
    return Argon2id(salt=b"saltsalt", length=32, iterations=1, lanes=1, memory_cost=memory).derive_phc_encoded(
        password.encode()
    )


GENERATED = {"sha256": sha256(b"generated").hexdigest()}
CHOSEN, LATER = {"argon2id": quick("chosen")}, {"argon2id": quick("later é")}
HASHING = HEAD + client_toml("generated", "client_secret_basic", secrets=[GENERATED])
TOML = (
    HASHING
    + client_toml("chosen", "client_secret_basic", "client_secret_post", secrets=[CHOSEN])
    + client_toml("turning", "client_secret_basic", secrets=[GENERATED, CHOSEN, LATER])
)


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    return Satchel(tmp_path_factory.mktemp("argon2id"), TOML)


def ask(satchel: Satchel, client_id: str, secret: str) -> Answer:
    return satchel.post("/token", {"grant_type": "client_credentials"}, basic(client_id, secret))


def slow_hashes(satchel: Satchel, client_id: str, secret: str, status: int) -> list[str]:
    """The hashes that were computed for a request."""
    seen: list[str] = []

    def matches(phc: str, password: bytes) -> bool:
        seen.append(phc)
        assert threading.current_thread() is not threading.main_thread()
        return right(phc, password)

    right = passwords._matches
    with mock.patch.object(passwords, "_matches", matches):
        assert ask(satchel, client_id, secret).status == status
    return seen


def test_the_chosen_secret_opens(satchel: Satchel) -> None:
    assert slow_hashes(satchel, "chosen", "chosen", 200) == [CHOSEN["argon2id"]]
    form = {"grant_type": "client_credentials", "client_id": "chosen", "client_secret": "chosen"}
    assert satchel.post("/token", form).status == 200


def test_another_does_not(satchel: Satchel) -> None:
    assert slow_hashes(satchel, "chosen", "wrong", 401) == [CHOSEN["argon2id"]]
    assert slow_hashes(satchel, "chosen", "", 401)
    assert slow_hashes(satchel, "chosen", CHOSEN["argon2id"], 401)


def test_who_has_generated_secrets_never_pays(satchel: Satchel) -> None:
    assert slow_hashes(satchel, "generated", "generated", 200) == []


def test_people_do_not_wait_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = Blocked()
    monkeypatch.setattr(passwords, "_matches", lambda phc, password: password == b"person" or blocked(phc, password))

    async def crowd() -> None:
        programs = [asyncio.create_task(passwords.verify(GOOD, "program", "clients")) for _ in range(10)]
        await asyncio.sleep(0.05)
        assert await asyncio.wait_for(passwords.verify(GOOD, "person"), 1)
        blocked.gate.set()
        await asyncio.gather(*programs)

    asyncio.run(crowd())


def test_of_several_secrets_the_cheap_one_comes_first(satchel: Satchel) -> None:
    assert slow_hashes(satchel, "turning", "generated", 200) == []
    assert slow_hashes(satchel, "turning", "chosen", 200) == [CHOSEN["argon2id"]]
    assert slow_hashes(satchel, "turning", "later é", 200) == [CHOSEN["argon2id"], LATER["argon2id"]]


def test_nobody_takes_the_time_of_the_clients_worth_guessing_for(satchel: Satchel, tmp_path: Any) -> None:
    assert slow_hashes(satchel, "nobody", "chosen", 401) == [CHOSEN["argon2id"]]
    assert slow_hashes(satchel, "generated", "wrong", 401) == [CHOSEN["argon2id"]]
    assert ask(satchel, "nobody", "chosen") == ask(satchel, "chosen", "wrong") == ask(satchel, "generated", "wrong")
    assert slow_hashes(Satchel(tmp_path, HASHING), "nobody", "x", 401) == []


def test_an_expired_one_opens_nothing_and_takes_as_long(tmp_path: Any) -> None:
    text = HEAD + client_toml("late", "client_secret_basic", secrets=[])
    secret = f'{{ argon2id = "{CHOSEN["argon2id"]}", not_after = 2027-01-15T08:00:01Z }}'
    satchel = Satchel(tmp_path, text.replace("secrets = []", f"secrets = [{secret}]"))
    assert NOW == 1_800_000_000
    assert slow_hashes(satchel, "late", "chosen", 200)
    satchel.now = NOW + 1
    assert slow_hashes(satchel, "late", "chosen", 401) == slow_hashes(satchel, "nobody", "chosen", 401)


def test_a_new_hash_is_one_that_can_be_checked() -> None:
    phc = passwords.hash("wonderland")
    assert passwords.check_phc(phc) == phc
    assert phc != passwords.hash("wonderland")
    assert asyncio.run(passwords.verify(phc, "wonderland"))
    assert not asyncio.run(passwords.verify(phc, "wonderland "))


GOOD = quick("x")


@pytest.mark.parametrize(
    "phc",
    [
        "x",
        GOOD.replace("argon2id", "argon2i"),
        GOOD.replace("v=19", "v=16"),
        GOOD.replace("m=64", "m=7"),
        GOOD.replace("m=64", "m=99999999"),
        GOOD.replace("t=1", "t=0"),
        GOOD.replace("p=1", "p=0"),
        GOOD + "\n",
        GOOD.rpartition("$")[0],
        "$2b$12$abcdefghijklmnopqrstuv",
    ],
)
def test_a_hash_that_cannot_be_checked_is_refused_by_its_path(tmp_path: Any, phc: str) -> None:
    text = HASHING + client_toml("chosen", "client_secret_basic", secrets=[CHOSEN, {"argon2id": phc}])
    with pytest.raises(ConfigError, match=r"clients\[1\]\.secrets\[1\]\.argon2id: (is not a PHC|has Argon2id)"):
        Satchel(tmp_path, text)


class Blocked:
    """Hashes that wait until they are let go; counts how many run at a time."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.running = self.most = 0
        self.lock = threading.Lock()

    def __call__(self, phc: str, password: bytes) -> bool:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.gate.wait(10)
        with self.lock:
            self.running -= 1
        return True


async def outcome(phc: str) -> object:
    try:
        return await passwords.verify(phc, "x")
    except OAuthError as refusal:
        return refusal.code, refusal.status


def test_a_few_at_a_time_and_the_rest_waits_no_longer_than_its_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = Blocked()
    monkeypatch.setattr(passwords, "_matches", blocked)
    monkeypatch.setattr(passwords, "PATIENCE", 0.2)

    async def crowd() -> tuple[list[object], float, float]:
        started = time.monotonic()
        first = [asyncio.create_task(outcome(GOOD)) for _ in range(20)]
        ticks = 0
        while not all(task.done() for task in first):
            await asyncio.sleep(0.01)
            ticks += 1
        waited = time.monotonic() - started
        blocked.gate.set()
        return [task.result() for task in first], waited, ticks

    results, waited, ticks = asyncio.run(crowd())
    assert results == [("temporarily_unavailable", 503)] * 20
    assert blocked.most == passwords.CONCURRENT
    assert waited < 2
    assert ticks > 5  # the loop went on
    monkeypatch.undo()
    assert asyncio.run(passwords.verify(GOOD, "x"))  # and afterwards all is well


def test_those_who_wait_get_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async def crowd() -> list[bool]:
        return await asyncio.gather(*(passwords.verify(GOOD, "x") for _ in range(50)))

    assert asyncio.run(crowd()) == [True] * 50
