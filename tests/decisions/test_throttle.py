"""Guessing is slowed: by name, by address, at the token endpoint and on the pages."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from service.app import load
from service.config import ConfigError
from service.decisions.throttle import PAUSE, Limit, Throttle, network, throttled
from service.memory import Entry, open_memory
from service.memory.none import NoMemory
from service.memory.settings import MemorySettings
from service.protocol.errors import OAuthError
from service.protocol.ports import User
from tests.worlds.devices import Devices
from tests.worlds.http import Answer, basic
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched

LOGIN = "[login]\nfailures_per_user = 3\nfailures_per_address = 5\nwindow = 300\n"


@pytest.fixture
def devices(tmp_path: Path) -> Devices:
    return Devices(tmp_path, LOGIN)


def attempt(devices: Devices, username: str = "alice", password: str = "wrong", address: str = "192.0.2.1") -> str:
    """Log in once: `in`, `out`, or the error."""
    users = throttled(devices.context, address, devices.now)
    try:
        return "out" if asyncio.run(users.authenticate(username, password)) is None else "in"
    except OAuthError as error:
        return error.code


def right(devices: Devices, username: str = "alice", address: str = "192.0.2.1") -> str:
    return attempt(devices, username, "wonderland", address)


def test_failures_of_one_name_slow_it_down(devices: Devices) -> None:
    assert [attempt(devices) for _ in range(4)] == ["out"] * 4  # the fourth is the one of this half minute
    assert [attempt(devices), right(devices)] == ["slow_down", "slow_down"]
    assert right(devices, "bob") == "in"
    devices.now += PAUSE
    assert [right(devices), right(devices)] == ["in", "slow_down"]
    devices.now += 300
    assert [right(devices) for _ in range(20)] == ["in"] * 20


def test_who_logs_in_is_not_counted(devices: Devices) -> None:
    assert [attempt(devices) for _ in range(2)] == ["out"] * 2
    assert [right(devices) for _ in range(20)] == ["in"] * 20


@pytest.mark.parametrize("name", ["ALICE", " alice", "ａlice", "Alice "])
def test_spellings_of_a_name_count_together(devices: Devices, name: str) -> None:
    assert [attempt(devices, name) for _ in range(4)] == ["out"] * 4
    assert right(devices) == "slow_down"


def test_names_that_nobody_has_are_slowed_alike(devices: Devices) -> None:
    assert [attempt(devices, "nobody") for _ in range(5)] == ["out"] * 4 + ["slow_down"]


def test_failures_from_one_address_slow_it_down(devices: Devices) -> None:
    said = [attempt(devices, f"name-{n}") for n in range(7)]
    assert said == ["out"] * 6 + ["slow_down"]
    assert right(devices) == "slow_down"
    assert right(devices, address="192.0.2.2") == "in"


def test_a_household_of_ipv6_counts_as_one(devices: Devices) -> None:
    said = [attempt(devices, f"name-{n}", address=f"2001:db8::{n:x}") for n in range(7)]
    assert said == ["out"] * 6 + ["slow_down"]
    assert right(devices, address="2001:db8:0:1::1") == "in"


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_who_an_address_counts_as(address: str, counts_as: str) -> None:
    assert network(address) == counts_as


def test_many_at_once_are_no_way_around(devices: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 50 guesses that all begin before the first has failed, the one that is right comes too late."""
    turn = 0

    async def authenticate(self: Any, username: str, password: str) -> User | None:
        nonlocal turn
        turn += 1
        for _ in range(200 if password == "right" else 1):
            await asyncio.sleep(0)
        return User("u-1") if password == "right" else None

    monkeypatch.setattr("service.users.ListedUsers.authenticate", authenticate)

    async def guess(password: str) -> str:
        try:
            users = throttled(devices.context, "192.0.2.1", devices.now)
            return "out" if await users.authenticate("alice", password) is None else "in"
        except OAuthError as error:
            return error.code

    async def all_at_once() -> list[str]:
        return await asyncio.gather(*(guess("right" if n == 25 else str(n)) for n in range(50)))

    said = asyncio.run(all_at_once())
    assert turn == 50
    # What it is told, so are all the others that were too many.
    assert said[25] == "slow_down"
    assert said.count("out") <= 10
    assert set(said) <= {"out", "slow_down"}


def test_counting_is_exact_in_a_race(tmp_path: Path) -> None:
    memory = open_memory(MemorySettings(path=str(tmp_path / "memory")), lambda: NOW)

    async def race() -> list[bool]:
        throttles = [Throttle(memory, 900, NOW, Limit("someone", 7, "throttle", ())) for _ in range(20)]
        counted = await asyncio.gather(*(throttle.count() for throttle in throttles))
        await memory.close()
        return counted

    assert sum(asyncio.run(race())) == 7


@pytest.mark.parametrize(("most", "rounds"), [(1, 1), (10, 1), (50, 2), (100_000, 5)])
@pytest.mark.parametrize("share", [0, 0.3, 1])
def test_the_cost_of_counting_is_logarithmic_in_the_limit(most: int, rounds: int, share: float) -> None:
    events, asked = int(share * most), []

    class Counted(NoMemory):
        async def get_many(self, ids: Sequence[str]) -> list[Entry | None]:
            asked.append(len(ids))
            return [Entry(0, b"1") if int(id.rpartition(":")[2]) < events else None for id in ids]

        async def put(self, id: str, value: bytes, *args: Any, **options: Any) -> Entry:
            assert int(id.rpartition(":")[2]) == events
            return Entry(0, value)

    assert asyncio.run(Throttle(Counted(), 900, NOW, Limit("someone", most, "throttle", ())).count()) is (events < most)
    assert len(asked) <= rounds
    assert max(asked) <= 16


@pytest.mark.parametrize("name", ["failures_per_user", "failures_per_address"])
@pytest.mark.parametrize(("most", "fits"), [(100_000, True), (100_001, False), (0, False)])
def test_the_limits_are_bounded(tmp_path: Path, name: str, most: int, fits: bool) -> None:
    file = tmp_path / "satchel.toml"
    file.write_text(f'issuer = "https://as.example"\n[login]\n{name} = {most}\n')
    if fits:
        assert getattr(load(file, {}).login, name) == most
    else:
        with pytest.raises(ConfigError, match=f"login.{name}"):
            load(file, {})


def test_what_the_memory_is_asked(devices: Devices) -> None:
    memory = watched(devices)
    assert right(devices) == "in"
    assert memory.verbs == ["get", "get"]
    memory.asked.clear()
    assert attempt(devices) == "out"
    assert memory.verbs == ["get", "get", "put throttle", "get", "put throttle"]
    until = {about[2] for verb, about in memory.asked if verb == "put"}
    assert until == {NOW - NOW % 300 + 300}


def test_a_hooks_own_refusal_counts(devices: Devices, monkeypatch: pytest.MonkeyPatch) -> None:
    async def authenticate(self: Any, username: str, password: str) -> User | None:
        raise OAuthError("temporarily_unavailable" if username == "later" else "invalid_grant", "the hook's own words")

    monkeypatch.setattr("service.users.ListedUsers.authenticate", authenticate)
    assert [attempt(devices) for _ in range(5)] == ["invalid_grant"] * 4 + ["slow_down"]
    said = [attempt(devices, "later", address="192.0.2.9") for _ in range(5)]
    assert said == ["temporarily_unavailable"] * 5


# --- the password grant


def password_grant(devices: Devices, client: str, password: str, username: str = "alice") -> Answer:
    form = {"grant_type": "password", "username": username, "password": password}
    if client == "spa":
        return devices.post("/token", {**form, "client_id": client})
    return devices.post("/token", form, basic(client, "secret"))


def test_the_password_grant_is_slowed_by_name(devices: Devices) -> None:
    said = [password_grant(devices, "backend", "wrong").json()["error"] for _ in range(5)]
    assert said == ["invalid_grant"] * 4 + ["slow_down"]
    answer = password_grant(devices, "backend", "wonderland")
    assert answer.json() == {"error": "slow_down", "error_description": "too many failed attempts; wait 30 seconds"}
    assert devices.log[-1]["reason"] == "throttled"
    devices.now += PAUSE
    assert password_grant(devices, "backend", "wonderland").status == 200


def test_the_address_of_a_confidential_client_is_not_its_users(devices: Devices) -> None:
    for n in range(10):
        assert password_grant(devices, "backend", "wrong", f"name-{n}").json()["error"] == "invalid_grant"
    assert password_grant(devices, "backend", "wonderland").status == 200


def test_the_address_of_a_public_client_is(devices: Devices) -> None:
    said = [password_grant(devices, "spa", "wrong", f"name-{n}").json()["error"] for n in range(7)]
    assert said == ["invalid_grant"] * 6 + ["slow_down"]


def test_no_name_and_no_password_is_written_down(devices: Devices) -> None:
    memory = watched(devices)
    password_grant(devices, "backend", "wonderwall")
    written = b"".join(about[1] for verb, about in memory.asked if verb == "put")
    assert b"alice" not in written
    assert b"wonderw" not in written + b"".join(devices.lines)
