"""Attacks 48–51: what is tried with refresh tokens; test_refresh_rotation tells the stories."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from service.decisions.form_request import FormRequest
from service.decisions.token.decide import decide_token
from tests.worlds.dpop import Holder
from tests.worlds.http import form_bytes, granted, refused
from tests.worlds.identifiers import API, VAULT
from tests.worlds.refresh_chains import RefreshChains
from tests.worlds.satchel import NOW


@pytest.fixture
def sessions(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path / "refresh")


def next_token(sessions: RefreshChains, token: str, client: str = "spa") -> str:
    return str(granted(sessions.refresh(token, client))["refresh_token"])


def dead(sessions: RefreshChains, *tokens: str) -> None:
    for token in tokens:
        refused(sessions.refresh(token, "spa"))


# --- 48


@pytest.mark.parametrize("generations", [2, 3, 6])
def test_48_reuse_ends_the_family(sessions: RefreshChains, generations: int) -> None:
    tokens = sessions.begin("spa")
    chain = [tokens["refresh_token"]]
    for _ in range(generations):
        sessions.now += 60
        chain.append(next_token(sessions, chain[-1]))
    sessions.now += 60
    dead(sessions, chain[0])
    assert [line["event"] for line in sessions.log if "event" in line][-1] == "family revoked"
    dead(sessions, *chain)
    assert not sessions.active(tokens["access_token"])


def test_48_a_thief_who_is_first_is_found_when_the_honest_client_moves(sessions: RefreshChains) -> None:
    stolen = sessions.begin("spa")["refresh_token"]
    thief = granted(sessions.refresh(stolen, "spa"))
    thief = granted(sessions.refresh(thief["refresh_token"], "spa"))
    sessions.now += 60
    dead(sessions, stolen, thief["refresh_token"])
    assert not sessions.active(thief["access_token"])


def test_48_a_thief_who_is_second_is_refused_and_found(sessions: RefreshChains) -> None:
    stolen = sessions.begin("spa")["refresh_token"]
    honest = next_token(sessions, stolen)
    honest = next_token(sessions, honest)
    sessions.now += 60
    dead(sessions, stolen, honest)


def test_48_siblings_one_survives(sessions: RefreshChains) -> None:
    """Fifty answers to one refresh token: the first that is used is the successor, and the others are a fork."""
    parent = sessions.begin("spa")["refresh_token"]
    siblings = [next_token(sessions, parent) for _ in range(50)]
    assert len(set(siblings)) == 50
    survivor = next_token(sessions, siblings[17])
    dead(sessions, siblings[3])
    dead(sessions, survivor, *siblings)


def test_48_races_of_one_token_and_of_its_siblings(sessions: RefreshChains) -> None:
    parent = sessions.begin("spa")["refresh_token"]

    async def race(tokens: list[str]) -> list[Any]:
        bodies = [{"grant_type": "refresh_token", "client_id": "spa", "refresh_token": token} for token in tokens]
        return await asyncio.gather(*[decide_token(sessions.context, FormRequest(form_bytes(b)), NOW) for b in bodies])

    same = asyncio.run(race([parent] * 100))
    assert {decision.error for decision in same} == {None}  # a retry harms nobody
    siblings = [decision.answer.refresh_token for decision in same]
    forked = asyncio.run(race(siblings))
    assert sum(decision.error is None for decision in forked) == 1
    assert {decision.error.code for decision in forked if decision.error} == {"invalid_grant"}
    dead(sessions, *[decision.answer.refresh_token for decision in forked if decision.error is None])


def test_48_a_confidential_clients_families_are_revoked_too(tmp_path: Path) -> None:
    sessions = RefreshChains(tmp_path, "[refresh]\nrotate_confidential = true")
    first = sessions.begin("web")
    second = next_token(sessions, first["refresh_token"], "web")
    third = next_token(sessions, second, "web")
    sessions.now += 31
    refused(sessions.refresh(first["refresh_token"]))
    refused(sessions.refresh(third))


# --- 49


def test_49_only_the_immediate_predecessor_goes_on_working(sessions: RefreshChains) -> None:
    first = sessions.begin("spa")["refresh_token"]
    second = next_token(sessions, first)
    sessions.now += 3600
    third = next_token(sessions, first)  # the answer with `second` was lost
    sessions.now += 3600
    fourth = next_token(sessions, third)
    sessions.now += 3600
    fifth = next_token(sessions, third)  # and that with `fourth`
    assert len({first, second, third, fourth, fifth}) == 5
    sixth = next_token(sessions, fifth)
    sessions.now += 60
    dead(sessions, first)
    dead(sessions, sixth)


def test_49_an_abandoned_branch_does_not_come_back(sessions: RefreshChains) -> None:
    first = sessions.begin("spa")["refresh_token"]
    abandoned, taken = next_token(sessions, first), next_token(sessions, first)
    later = next_token(sessions, taken)
    sessions.now += 60
    dead(sessions, abandoned)
    dead(sessions, later)


# --- 50


@pytest.mark.parametrize("thief", ["tab", "web", "other"])
def test_50_another_client_learns_and_changes_nothing(sessions: RefreshChains, thief: str) -> None:
    token = sessions.begin("spa")["refresh_token"]
    answer = sessions.refresh(token, thief)
    refused(answer)
    assert answer == sessions.refresh("garbage", thief)
    next_token(sessions, token)


def test_50_a_client_that_says_two_names(sessions: RefreshChains) -> None:
    token = sessions.begin("spa")["refresh_token"]
    for form in ({"client_id": ["spa", "tab"]}, {"client_id": "spa", "client_secret": "secret"}):
        answer = sessions.post("/token", {"grant_type": "refresh_token", "refresh_token": token, **form})
        assert answer.status in (400, 401)
    refused(sessions.refresh(token, "web", client_id="spa"), "invalid_request")


@pytest.mark.parametrize("scope", ["read write", "write", "vault", "read openid offline_access", "read read write"])
def test_50_scope_is_never_widened(sessions: RefreshChains, scope: str) -> None:
    token = granted(sessions.redeem(sessions.code("spa", scopes=("read",)), "spa"))["refresh_token"]
    refused(sessions.refresh(token, "spa", scope=scope), "invalid_scope")
    narrow = granted(sessions.refresh(token, "spa", scope="read"))
    refused(sessions.refresh(narrow["refresh_token"], "spa", scope=scope), "invalid_scope")
    assert granted(sessions.refresh(narrow["refresh_token"], "spa"))["scope"] == "read"


# --- 51


@pytest.mark.parametrize(
    "scope",
    [
        *('read"', "read\\", "read\u00a0write", "réad", "read,write", "*", " "),
        *(
            "read%20write",
            "x" * 10_000,
            " ".join(f"s{n}" for n in range(10_000)),
            " ".join(f"s{n}" for n in range(101)),
        ),
    ],
    ids=lambda scope: scope[:12],
)
def test_51_scopes_that_are_none(sessions: RefreshChains, scope: str) -> None:
    token = sessions.begin("spa")["refresh_token"]
    answer = sessions.refresh(token, "spa", scope=scope)
    refused(answer, "invalid_scope")
    assert len(answer.body) < 200
    next_token(sessions, token)


@pytest.mark.parametrize("raw", [b"%00", b"read%00write", b"read%0awrite", b"%ff", b"%e9", b"%", b"%zz"])
def test_51_scopes_that_are_no_text(sessions: RefreshChains, raw: bytes) -> None:
    token = sessions.begin("spa")["refresh_token"].encode()
    body = b"grant_type=refresh_token&client_id=spa&refresh_token=" + token + b"&scope=" + raw
    refused(sessions.post("/token", body), "invalid_request")
    next_token(sessions, token.decode())


# --- 52, 66


def test_52_a_resource_beyond_the_consent(sessions: RefreshChains) -> None:
    token = granted(sessions.redeem(sessions.code("spa", resources=(API,)), "spa"))["refresh_token"]
    for resource in (VAULT, [API, VAULT], "https://unknown.example.com", API + "//", "javascript:x"):
        refused(sessions.refresh(token, "spa", resource=resource), "invalid_target")
    next_token(sessions, token)


def test_66_the_key_cannot_be_swapped(sessions: RefreshChains) -> None:
    holder, thief = Holder(), Holder()
    token = sessions.begin("spa", holder.proof(NOW))["refresh_token"]
    public = holder.key.export_public(as_dict=True)
    refused(sessions.refresh(token, "spa", thief.proof(NOW)))
    refused(sessions.refresh(token, "spa"))
    refused(sessions.refresh(token, "spa", thief.proof(NOW, header={"jwk": public})), "invalid_dpop_proof")
    refused(sessions.refresh(token, "spa", thief.proof(NOW, jkt=holder.jkt)))
    granted(sessions.refresh(token, "spa", holder.proof(NOW)))


def test_garbage_is_all_alike(sessions: RefreshChains) -> None:
    token = sessions.begin("spa")["refresh_token"]
    expired = sessions.begin("spa")["refresh_token"]
    answers = [sessions.refresh(text, "spa") for text in ("x", token[:-1], token + "A", token[::-1], "." * 5000, "é")]
    sessions.now += 15 * 86_400
    answers.append(sessions.refresh(expired, "spa"))
    refused(answers[0])
    assert all(answer == answers[0] for answer in answers)
