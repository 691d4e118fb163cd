"""Attacks 69, 70, 75: what is tried with introspection and revocation, and what an operator can call back."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from service.config import Lifetimes
from service.decisions.resource_server.revoke import revoke_issued
from tests.worlds.http import basic, granted, refused
from tests.worlds.refresh_chains import RESOURCES, RS, RefreshChains
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched

CC = {"grant_type": "client_credentials"}


@pytest.fixture
def sessions(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path)


# --- 69


@pytest.mark.parametrize("form", ["bag", "jwe"])
def test_69_a_resource_server_that_is_not_the_audience(sessions: RefreshChains, form: str) -> None:
    stranger = basic("rs-api", "secret")
    garbage = sessions.introspect("x", stranger)
    token = sessions.begin(resource=RESOURCES[form])["access_token"]
    assert sessions.introspect(token, stranger) == garbage
    memory = watched(sessions)
    sessions.introspect(token, stranger)
    assert memory.asked == []  # so that not even the time depends on what the memory knows
    assert sessions.introspect(token, RS).json()["active"] is True


@pytest.mark.parametrize("caller", ["web", "other", "once"])
def test_69_a_client_that_serves_nothing(sessions: RefreshChains, caller: str) -> None:
    token = sessions.begin()["access_token"]
    assert sessions.introspect(token, basic(caller, "secret")).json() == {"active": False}


def test_69_refresh_tokens_and_codes_are_nobodys_business(sessions: RefreshChains) -> None:
    code = sessions.code()
    tokens = sessions.begin()
    for text in (code, tokens["refresh_token"]):
        for caller in (RS, basic("web", "secret")):
            assert sessions.introspect(text, caller).json() == {"active": False}
    granted(sessions.redeem(code))


# --- 70


@pytest.mark.parametrize("thief", ["other", "spa", "rs"])
def test_70_another_clients_token(sessions: RefreshChains, thief: str) -> None:
    tokens = sessions.begin("web")
    machine = granted(sessions.send("/token", "web", CC))["access_token"]
    unknown = sessions.revoke("unknown", thief)
    for token in (tokens["access_token"], tokens["refresh_token"], machine):
        answer = sessions.revoke(token, thief)
        assert answer == unknown
        assert answer.status == 200
    assert sessions.active(tokens["access_token"])
    assert sessions.active(machine)
    granted(sessions.refresh(tokens["refresh_token"]))


def test_70_a_public_client_with_its_name_alone(sessions: RefreshChains) -> None:
    tokens = sessions.begin("spa")
    assert sessions.post("/revoke", {"token": tokens["refresh_token"], "client_id": "spa"}).status == 200
    refused(sessions.refresh(tokens["refresh_token"], "spa"))


def test_70_a_confidential_client_with_its_name_alone(sessions: RefreshChains) -> None:
    tokens = sessions.begin("web")
    refused(sessions.post("/revoke", {"token": tokens["refresh_token"], "client_id": "web"}), "invalid_client", 401)
    granted(sessions.refresh(tokens["refresh_token"]))


def test_70_revoking_writes_only_what_is_ones_own(sessions: RefreshChains) -> None:
    tokens = sessions.begin("web")
    memory = watched(sessions)
    for text in ("x", tokens["refresh_token"], tokens["access_token"], sessions.code("web")):
        sessions.revoke(text, "spa")
    assert memory.asked == []


# --- 75


def raise_not_before(sessions: RefreshChains, at: float, **who: str) -> None:
    async def run() -> None:
        memory = sessions.context.memory
        await revoke_issued(memory, sessions.config, at, **who)

    asyncio.run(run())


ALL = [{"client": "spa"}, {"subject": "alice"}, {}]


@pytest.mark.parametrize("who", ALL, ids=str)
@pytest.mark.parametrize("form", RESOURCES)
def test_75_raised_while_tokens_live(sessions: RefreshChains, who: dict[str, str], form: str) -> None:
    code = sessions.code("spa")
    tokens = sessions.begin("spa", resource=RESOURCES[form])
    assert sessions.active(tokens["access_token"])
    sessions.now += 5
    raise_not_before(sessions, sessions.now, **who)
    assert not sessions.active(tokens["access_token"])
    refused(sessions.refresh(tokens["refresh_token"], "spa"))
    assert sessions.reason == "revoked"
    refused(sessions.redeem(code, "spa"))
    sessions.now += 1
    again = sessions.begin("spa")
    assert sessions.active(again["access_token"])
    granted(sessions.refresh(again["refresh_token"], "spa"))


@pytest.mark.parametrize("who", ALL, ids=str)
def test_75_raised_again_and_again_and_never_lowered(sessions: RefreshChains, who: dict[str, str]) -> None:
    for _ in range(5):
        tokens = sessions.begin("spa")
        raise_not_before(sessions, sessions.now - 1, **who)
        assert sessions.active(tokens["access_token"])
        raise_not_before(sessions, sessions.now, **who)
        raise_not_before(sessions, NOW - 10_000, **who)
        assert not sessions.active(tokens["access_token"])
        sessions.now += 100


def test_75_others_go_on(sessions: RefreshChains) -> None:
    mine = sessions.begin("spa")
    others = sessions.begin("tab")
    bob = granted(sessions.redeem(sessions.code("spa", sub="bob"), "spa"))
    raise_not_before(sessions, sessions.now, client="tab")
    assert sessions.active(mine["access_token"])
    assert not sessions.active(others["access_token"])
    raise_not_before(sessions, sessions.now, subject="alice")
    assert not sessions.active(mine["access_token"])
    assert sessions.active(bob["access_token"])


def test_75_it_lives_as_long_as_the_longest_token(sessions: RefreshChains) -> None:
    memory = watched(sessions)
    tokens = sessions.begin("web")
    raise_not_before(sessions, NOW, subject="alice")
    verb, (_, _, until, _) = memory.asked[-1]
    assert verb == "put"
    assert until >= NOW + 30 * 86_400 + 60
    for _ in range(4):
        sessions.now += 7 * 86_400
        granted(sessions.send("/token", "web", CC))
        refused(sessions.refresh(tokens["refresh_token"]))


def test_75_a_family(sessions: RefreshChains) -> None:
    one, two = sessions.begin("spa"), sessions.begin("spa")
    family = sessions.seen(one["access_token"])["jti"].partition(".")[0]
    raise_not_before(sessions, NOW, family=family)
    assert not sessions.active(one["access_token"])
    assert sessions.active(two["access_token"])


def test_75_machines_too(sessions: RefreshChains) -> None:
    token = granted(sessions.send("/token", "web", CC))["access_token"]
    raise_not_before(sessions, NOW - 1, client="web")
    assert sessions.active(token)
    raise_not_before(sessions, NOW, subject="web")
    assert not sessions.active(token)


@pytest.mark.parametrize("who", [*ALL, {"family": "f"}], ids=str)
def test_110_a_revocation_lasts_as_long_as_any_key_can_open_what_it_is_about(
    sessions: RefreshChains, who: dict[str, str]
) -> None:
    """The lifetimes were shortened after the incident; the bags of before are as long-lived as they were."""
    short = msgspec.structs.replace(
        sessions.config,
        lifetimes=Lifetimes(refresh_absolute=60, refresh_idle=60),
        keys=msgspec.structs.replace(sessions.config.keys, sig_life=600, bag_life=600),
    )
    memory, keys = watched(sessions), sessions.context.snapshot.ring.keys
    asyncio.run(revoke_issued(memory, short, NOW, **who, keys=keys))
    _, about = memory.asked[-1]
    assert about[2] >= max(key.expires for key in keys)
