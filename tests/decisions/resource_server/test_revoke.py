"""Revocation by clients (RFC 7009): what falls, what stays, and that the answer never tells."""

from pathlib import Path
from typing import Any

import pytest

from service.bags.kinds import RefreshToken
from tests.worlds.http import Answer, granted, refused
from tests.worlds.refresh_chains import RESOURCES, RefreshChains
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched


@pytest.fixture
def sessions(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path / "revoke")


def done(answer: Answer) -> None:
    """Section 2.2: 200, whatever has happened."""
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("form", RESOURCES)
def test_an_access_token_of_every_format(sessions: RefreshChains, form: str) -> None:
    one, two = (sessions.begin(resource=RESOURCES[form]) for _ in range(2))
    done(sessions.revoke(one["access_token"]))
    assert not sessions.active(one["access_token"])
    assert sessions.active(two["access_token"])


@pytest.mark.parametrize("form", RESOURCES)
def test_client_credentials_tokens_too(sessions: RefreshChains, form: str) -> None:
    request = {"grant_type": "client_credentials", "resource": RESOURCES[form]}
    one, two = (granted(sessions.send("/token", "web", request))["access_token"] for _ in range(2))
    done(sessions.revoke(one))
    assert not sessions.active(one)
    assert sessions.active(two)


def test_an_access_token_falls_alone(sessions: RefreshChains) -> None:
    tokens = sessions.begin("spa")
    later = granted(sessions.refresh(tokens["refresh_token"], "spa"))
    done(sessions.revoke(tokens["access_token"], "spa"))
    assert not sessions.active(tokens["access_token"])
    assert sessions.active(later["access_token"])
    granted(sessions.refresh(later["refresh_token"], "spa"))


@pytest.mark.parametrize("client", ["web", "spa"])
def test_a_refresh_token_takes_its_family_along(sessions: RefreshChains, client: str) -> None:
    first = sessions.begin(client)
    tokens = [first, granted(sessions.refresh(first["refresh_token"], client, resource=RESOURCES["bag"]))]
    tokens.append(granted(sessions.refresh(tokens[1]["refresh_token"], client, resource=RESOURCES["jwe"])))
    other = sessions.begin(client)
    done(sessions.revoke(tokens[1]["refresh_token"], client))
    for each in tokens:
        assert not sessions.active(each["access_token"])
        refused(sessions.refresh(each["refresh_token"], client))
        assert sessions.reason == "revoked"
    assert sessions.active(other["access_token"])
    granted(sessions.refresh(other["refresh_token"], client))


def test_a_used_refresh_token_still_ends_the_family(sessions: RefreshChains) -> None:
    first = sessions.begin("spa")
    second = granted(sessions.refresh(first["refresh_token"], "spa"))
    third = granted(sessions.refresh(second["refresh_token"], "spa"))
    done(sessions.revoke(first["refresh_token"], "spa"))
    refused(sessions.refresh(third["refresh_token"], "spa"))


@pytest.mark.parametrize("owner", ["web", "spa"])
@pytest.mark.parametrize("other", ["other", "tab", "rs", "once"])
def test_another_clients_token_stays(sessions: RefreshChains, owner: str, other: str) -> None:
    tokens = sessions.begin(owner)
    done(sessions.revoke(tokens["access_token"], other))
    done(sessions.revoke(tokens["refresh_token"], other))
    assert sessions.reason == "another client's token"
    assert sessions.active(tokens["access_token"])
    granted(sessions.refresh(tokens["refresh_token"], owner))


@pytest.mark.parametrize("text", ["x", "a.b.c", "a.b.c.d.e", ".", "é", "x" * 9000, "\u2028"])
def test_garbage(sessions: RefreshChains, text: str) -> None:
    done(sessions.revoke(text))


def test_what_is_expired_or_revoked_already(sessions: RefreshChains) -> None:
    tokens = sessions.begin()
    for _ in range(2):
        done(sessions.revoke(tokens["refresh_token"]))
    sessions.now += 600
    memory = watched(sessions)
    done(sessions.revoke(tokens["access_token"]))
    assert memory.asked == []


def test_a_code_is_no_token(sessions: RefreshChains) -> None:
    code = sessions.code()
    done(sessions.revoke(code))
    granted(sessions.redeem(code))


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
def test_the_hint_changes_nothing(sessions: RefreshChains, hint: str) -> None:
    tokens = sessions.begin()
    for name in ("access_token", "refresh_token"):
        done(sessions.revoke(tokens[name], token_type_hint=hint))
    assert not sessions.active(tokens["access_token"])
    refused(sessions.refresh(tokens["refresh_token"]))


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"access_token": "x"}])
def test_a_missing_token(sessions: RefreshChains, form: dict[str, Any]) -> None:
    refused(sessions.send("/revoke", "web", form), "invalid_request")


def test_nobody_revokes_without_saying_who_they_are(sessions: RefreshChains) -> None:
    token = sessions.begin("web")["access_token"]
    for form in ({}, {"client_id": "web"}, {"client_id": "nobody"}, {"client_id": "web", "client_secret": "wrong"}):
        refused(sessions.post("/revoke", {"token": token, **form}), "invalid_client", 401)
    assert sessions.active(token)


def test_the_entries_outlive_what_they_revoke(sessions: RefreshChains) -> None:
    memory = watched(sessions)
    tokens = sessions.begin("spa")
    bag = sessions.context.snapshot.open(tokens["refresh_token"], (RefreshToken,), NOW)
    del memory.asked[:]
    sessions.revoke(tokens["access_token"], "spa")
    sessions.revoke(tokens["refresh_token"], "spa")
    (_, (one, _, short, use)), (_, (two, _, long, _)) = memory.asked
    assert use == "revocation"
    assert one.startswith(f"state:{bag.grant.family}.")
    assert two == f"state:{bag.grant.family}"
    assert short >= NOW + 600 + 60
    assert long >= bag.until + 600 + 60
