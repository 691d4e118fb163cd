"""The refresh token grant (RFC 6749 section 6): lifetimes, narrowing, bindings; test_refresh_rotation has the rule."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service.bags.kinds import RefreshToken
from tests.worlds.dpop import Holder
from tests.worlds.http import granted, refused
from tests.worlds.identifiers import API, SEALED, VAULT
from tests.worlds.refresh_chains import RefreshChains
from tests.worlds.satchel import NOW

DAY = 86_400


@pytest.fixture
def sessions(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path / "refresh")


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[str], RefreshChains]:
    return lambda top: RefreshChains(tmp_path / "other", top)


def opened(sessions: RefreshChains, token: str) -> RefreshToken:
    return sessions.context.snapshot.open(token, (RefreshToken,), sessions.now)


@pytest.mark.parametrize("client", ["web", "spa"])
def test_a_refresh_gives_new_tokens_of_the_same_family(sessions: RefreshChains, client: str) -> None:
    first = sessions.begin(client)
    sessions.now += 100
    second = granted(sessions.refresh(first["refresh_token"], client))
    assert second.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    before, after = opened(sessions, first["refresh_token"]), opened(sessions, second["refresh_token"])
    assert after.grant == before.grant
    assert (after.generation, after.until) == (1 if client == "spa" else 0, before.until)
    seen = sessions.seen(second["access_token"])
    assert seen["jti"].partition(".")[0] == before.grant.family
    assert (seen["sub"], seen["client_id"], seen["scope"], seen["iat"]) == ("alice", client, "read write", NOW + 100)
    assert sessions.active(first["access_token"])


def test_what_was_consented_to_stays(sessions: RefreshChains) -> None:
    code = sessions.code(auth_time=NOW - 5, acr="high", amr=("otp",))
    tokens = granted(sessions.redeem(code))
    for _ in range(3):
        sessions.now += 60
        tokens = granted(sessions.refresh(tokens["refresh_token"]))
    seen = sessions.seen(tokens["access_token"])
    assert (seen["auth_time"], seen["acr"], seen["amr"]) == (NOW - 5, "high", ["otp"])


def test_a_missing_token(sessions: RefreshChains) -> None:
    refused(sessions.send("/token", "web", {"grant_type": "refresh_token"}), "invalid_request")


def test_a_client_without_the_grant(sessions: RefreshChains) -> None:
    refused(sessions.refresh(sessions.begin("web")["refresh_token"], "once"), "unauthorized_client")


# --- lifetimes


@pytest.mark.parametrize("client", ["web", "spa"])
def test_the_idle_lifetime_begins_anew_with_each_use(sessions: RefreshChains, client: str) -> None:
    tokens = sessions.begin(client)
    sessions.now += 14 * DAY - 1
    used = granted(sessions.refresh(tokens["refresh_token"], client))
    sessions.now += 14 * DAY - 1
    used = granted(sessions.refresh(used["refresh_token"], client))
    assert opened(sessions, used["refresh_token"]).exp == NOW + 30 * DAY


@pytest.mark.parametrize("client", ["web", "spa"])
def test_unused_for_the_idle_lifetime(sessions: RefreshChains, client: str) -> None:
    tokens = sessions.begin(client)
    sessions.now += 14 * DAY
    refused(sessions.refresh(tokens["refresh_token"], client))
    assert sessions.reason == "expired"


def test_the_absolute_lifetime_ends_however_often_it_is_used(configured: Callable[[str], RefreshChains]) -> None:
    sessions = configured("[lifetimes]\nrefresh_idle = 1000\nrefresh_absolute = 2500")
    for client in ("web", "spa"):
        sessions.now = float(NOW)
        tokens = sessions.begin(client)
        for _ in range(4):
            sessions.now += 600
            tokens = granted(sessions.refresh(tokens["refresh_token"], client))
        assert opened(sessions, tokens["refresh_token"]).exp == NOW + 2500
        sessions.now = NOW + 2499.9
        assert sessions.refresh(tokens["refresh_token"], client).status == 200
        sessions.now = NOW + 2500.0
        refused(sessions.refresh(tokens["refresh_token"], client))


def test_an_expired_token_revokes_nothing(configured: Callable[[str], RefreshChains]) -> None:
    sessions = configured("[lifetimes]\nrefresh_idle = 1000")
    first = sessions.begin("spa")
    second = granted(sessions.refresh(first["refresh_token"], "spa"))
    sessions.now += 900
    third = granted(sessions.refresh(second["refresh_token"], "spa"))
    sessions.now += 200
    refused(sessions.refresh(first["refresh_token"], "spa"))
    refused(sessions.refresh(second["refresh_token"], "spa"))
    granted(sessions.refresh(third["refresh_token"], "spa"))


# --- who may use it


@pytest.mark.parametrize(("owner", "thief"), [("web", "other"), ("web", "spa"), ("spa", "tab"), ("spa", "web")])
def test_another_client_is_refused_and_revokes_nothing(sessions: RefreshChains, owner: str, thief: str) -> None:
    first = sessions.begin(owner)
    second = granted(sessions.refresh(first["refresh_token"], owner))
    sessions.now += 60
    for token in (first, second):
        refused(sessions.refresh(token["refresh_token"], thief))
        assert "another client" in sessions.reason
    granted(sessions.refresh(second["refresh_token"], owner))


def test_a_public_clients_token_is_good_with_its_key_alone(sessions: RefreshChains) -> None:
    holder, thief = Holder(), Holder()
    token = sessions.begin("spa", holder.proof(NOW))["refresh_token"]
    refused(sessions.refresh(token, "spa"))
    refused(sessions.refresh(token, "spa", thief.proof(NOW)))
    assert "another key" in sessions.reason
    tokens = granted(sessions.refresh(token, "spa", holder.proof(NOW)))
    assert tokens["token_type"] == "DPoP"
    assert opened(sessions, tokens["refresh_token"]).grant.cnf == {"jkt": holder.jkt}
    refused(sessions.refresh(tokens["refresh_token"], "spa", thief.proof(NOW)))


def test_a_confidential_client_may_change_its_key(sessions: RefreshChains) -> None:
    one, two = Holder(), Holder()
    token = sessions.begin("web", one.proof(NOW))["refresh_token"]
    assert granted(sessions.refresh(token, "web"))["token_type"] == "Bearer"
    tokens = granted(sessions.refresh(token, "web", two.proof(NOW)))
    assert sessions.seen(tokens["access_token"])["cnf"] == {"jkt": two.jkt}


# --- narrowing


def test_a_narrower_scope_is_of_one_access_token_only(sessions: RefreshChains) -> None:
    tokens = sessions.begin("spa")
    narrow = granted(sessions.refresh(tokens["refresh_token"], "spa", scope="read"))
    assert sessions.seen(narrow["access_token"])["scope"] == "read"
    assert "scope" not in narrow
    assert granted(sessions.refresh(narrow["refresh_token"], "spa"))["scope"] == "read write"


@pytest.mark.parametrize("scope", ["admin", "read admin", "openid", "READ", "vault"])
def test_what_was_not_granted_or_means_nothing_here(sessions: RefreshChains, scope: str) -> None:
    code = sessions.code("spa", scopes=("read", "vault"), resources=(API,))
    token = granted(sessions.redeem(code, "spa"))["refresh_token"]
    refused(sessions.refresh(token, "spa", scope=scope), "invalid_scope")
    assert granted(sessions.refresh(token, "spa"))["scope"] == "read"


def test_the_client_may_ask_for_more_than_was_granted_in_vain(sessions: RefreshChains) -> None:
    token = granted(sessions.redeem(sessions.code("web", scopes=("read",))))["refresh_token"]
    refused(sessions.refresh(token, scope="read write"), "invalid_scope")


def test_a_narrower_resource_is_of_one_access_token_only(sessions: RefreshChains) -> None:
    code = sessions.code("spa", resources=(API, VAULT, SEALED))
    tokens = granted(sessions.redeem(code, "spa", resource=API))
    for resource, scope in ((VAULT, "read vault"), (SEALED, "read sealed"), (API, "read write")):
        tokens = granted(sessions.refresh(tokens["refresh_token"], "spa", resource=resource))
        assert sessions.seen(tokens["access_token"])["aud"] == resource
        assert tokens["scope"] == scope


# --- rotation where it is not needed, and where it is asked for


def test_a_confidential_clients_token_may_be_used_again(sessions: RefreshChains) -> None:
    first = sessions.begin("web")["refresh_token"]
    for _ in range(3):
        sessions.now += 3600
        assert granted(sessions.refresh(first))["refresh_token"] != first
    granted(sessions.refresh(granted(sessions.refresh(first))["refresh_token"]))
    granted(sessions.refresh(first))


def test_rotation_for_confidential_clients_too(configured: Callable[[str], RefreshChains]) -> None:
    sessions = configured("[refresh]\nrotate_confidential = true")
    first = sessions.begin("web")
    second = granted(sessions.refresh(first["refresh_token"]))
    third = granted(sessions.refresh(second["refresh_token"]))
    sessions.now += 60
    refused(sessions.refresh(first["refresh_token"]))
    refused(sessions.refresh(third["refresh_token"]))
    assert not sessions.active(third["access_token"])


def test_a_refused_refresh_moves_nothing(sessions: RefreshChains) -> None:
    first = sessions.begin("spa")["refresh_token"]
    second = granted(sessions.refresh(first, "spa"))["refresh_token"]
    for _ in range(2):
        refused(sessions.refresh(second, "spa", scope="admin"), "invalid_scope")
        refused(sessions.refresh(second, "spa", resource="https://unknown.example.com"), "invalid_target")
        refused(sessions.refresh(second, "spa", Holder().proof(NOW, htm="GET")), "invalid_dpop_proof")
    sessions.now += 60
    granted(sessions.refresh(first, "spa"))  # its successor has not been used


def test_sizes(sessions: RefreshChains) -> None:
    tokens = sessions.begin("spa", Holder().proof(NOW))
    for _ in range(3):
        holder = Holder()
        tokens = granted(
            sessions.redeem(
                sessions.code("spa", auth_time=NOW, acr="urn:mace:incommon:iap:silver"), "spa", holder.proof(NOW)
            )
        )
        assert len(tokens["refresh_token"]) <= 800
        tokens = granted(sessions.refresh(tokens["refresh_token"], "spa", holder.proof(NOW)))
        assert len(tokens["refresh_token"]) <= 800
