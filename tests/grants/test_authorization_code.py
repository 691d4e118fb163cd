"""The authorization code grant (RFC 6749 section 4.1.3): what a code gives, to whom, and when no more."""

from pathlib import Path
from typing import Any

import jwt
import pytest

from service.bags.kinds import AuthorizationCode, RefreshToken
from service.protocol.digests import client_digest
from tests.worlds.dpop import Holder
from tests.worlds.http import granted, refused
from tests.worlds.identifiers import API, SEALED, VAULT
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.refresh_chains import REDIRECT, RESOURCES, RefreshChains
from tests.worlds.satchel import NOW, Satchel


@pytest.fixture
def sessions(tmp_path: Path) -> RefreshChains:
    return RefreshChains(tmp_path / "codes")


def test_a_code_gives_an_access_token_and_a_refresh_token(sessions: RefreshChains) -> None:
    answer = sessions.redeem(sessions.code())
    tokens = granted(answer)
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 600, "read write")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"


def test_what_was_consented_to_is_in_the_token(sessions: RefreshChains) -> None:
    code = sessions.code(auth_time=NOW - 5, acr="high", amr=("pwd", "otp"))
    seen = sessions.seen(granted(sessions.redeem(code))["access_token"])
    assert seen.pop("jti")
    assert seen == {
        "active": True,
        "iss": "https://as.example.com",
        "sub": "alice",
        "aud": API,
        "client_id": "web",
        "iat": NOW,
        "exp": NOW + 600,
        "token_type": "Bearer",
        "scope": "read write",
        "auth_time": NOW - 5,
        "acr": "high",
        "amr": ["pwd", "otp"],
    }


@pytest.mark.parametrize(("form", "resource"), RESOURCES.items())
def test_every_format(sessions: RefreshChains, form: str, resource: str) -> None:
    token = granted(sessions.redeem(sessions.code(), resource=resource))["access_token"]
    assert token.count(".") == {"jwt": 2, "bag": 4, "jwe": 4}[form]
    assert sessions.seen(token)["aud"] == resource
    assert sessions.log[-2]["format"] == form


def test_the_family_is_in_the_jti(sessions: RefreshChains) -> None:
    code = sessions.code()
    family = sessions.context.snapshot.open(code, (AuthorizationCode,), NOW).grant.family
    tokens = granted(sessions.redeem(code))
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert claims["jti"].partition(".")[0] == family
    refresh = sessions.context.snapshot.open(tokens["refresh_token"], (RefreshToken,), NOW)
    assert (refresh.grant.family, refresh.generation) == (family, 0)
    assert refresh.grant.client == client_digest("web")


def test_a_client_without_the_refresh_grant_gets_no_refresh_token(sessions: RefreshChains) -> None:
    assert "refresh_token" not in granted(sessions.redeem(sessions.code("once"), "once"))


def test_a_client_without_the_grant(sessions: RefreshChains) -> None:
    refused(sessions.redeem(sessions.code("rs"), "rs"), "unauthorized_client")


def test_a_missing_code(sessions: RefreshChains) -> None:
    refused(sessions.send("/token", "web", {"grant_type": "authorization_code"}), "invalid_request")


def test_once(sessions: RefreshChains) -> None:
    code = sessions.code()
    granted(sessions.redeem(code))
    refused(sessions.redeem(code))


@pytest.mark.parametrize(("age", "good"), [(0, True), (59.9, True), (60, False), (3600, False)])
def test_a_code_lives_60_seconds(sessions: RefreshChains, age: float, good: bool) -> None:
    code = sessions.code()
    sessions.now += age
    answer = sessions.redeem(code)
    assert (answer.status == 200) is good
    if not good:
        refused(answer)


@pytest.mark.parametrize("client", ["other", "spa"])
def test_another_clients_code(sessions: RefreshChains, client: str) -> None:
    code = sessions.code("web")
    refused(sessions.redeem(code, client))
    assert "another client" in sessions.reason
    granted(sessions.redeem(code, "web"))


@pytest.mark.parametrize(
    "sent",
    [
        None,
        REDIRECT + "/",
        REDIRECT.upper(),
        REDIRECT + "?a=b",
        "http://127.0.0.1:80/callback",
        "http://127.0.0.1:1234/callback",
        "https://127.0.0.1/callback",
        "http://localhost/callback",
        "http://127.0.0.1/%63allback",
        "http://user@127.0.0.1/callback",
        REDIRECT + "#x",
        " " + REDIRECT,
    ],
)
def test_redirect_uri_is_compared_character_by_character(sessions: RefreshChains, sent: str | None) -> None:
    code = sessions.code(redirect_uri=REDIRECT)
    refused(sessions.redeem(code, **({} if sent is None else {"redirect_uri": sent})))
    granted(sessions.redeem(code, redirect_uri=REDIRECT))


def test_a_redirect_uri_that_the_request_did_not_have(sessions: RefreshChains) -> None:
    code = sessions.code()
    refused(sessions.redeem(code, redirect_uri=REDIRECT))
    granted(sessions.redeem(code))


@pytest.mark.parametrize("client", ["web", "spa"])
def test_pkce(sessions: RefreshChains, client: str) -> None:
    code = sessions.code(client, challenge=CHALLENGE)
    for wrong in (None, VERIFIER[:-1] + "j", VERIFIER[:42], ""):
        refused(sessions.redeem(code, client, code_verifier=wrong))
    granted(sessions.redeem(code, client, code_verifier=VERIFIER))


def test_a_refused_request_does_not_use_the_code_up(sessions: RefreshChains) -> None:
    holder = Holder()
    code = sessions.code(challenge=CHALLENGE, redirect_uri=REDIRECT)
    right = {"code_verifier": VERIFIER, "redirect_uri": REDIRECT}
    refused(sessions.redeem(code, "spa", **right))
    refused(sessions.redeem(code, **{**right, "redirect_uri": "http://127.0.0.1/"}))
    refused(sessions.redeem(code, **{**right, "code_verifier": "x" * 43}))
    refused(sessions.redeem(code, **right, resource="https://unknown.example.com"), "invalid_target")
    refused(sessions.redeem(code, **right, resource=[API, VAULT]), "invalid_target")
    refused(sessions.redeem(code, dpop=holder.proof(NOW, htm="GET"), **right), "invalid_dpop_proof")
    granted(sessions.redeem(code, **right))


def test_resource_at_the_token_request_narrows_that_of_the_code(sessions: RefreshChains) -> None:
    for resource, scope in ((API, "read write"), (VAULT, "read vault"), (SEALED, "read sealed")):
        tokens = granted(sessions.redeem(sessions.code(resources=(API, VAULT, SEALED)), resource=resource))
        assert sessions.seen(tokens["access_token"])["aud"] == resource
        assert tokens["scope"] == scope
    refused(sessions.redeem(sessions.code(resources=(API,)), resource=VAULT), "invalid_target")
    only = granted(sessions.redeem(sessions.code(resources=(VAULT,))))
    assert sessions.seen(only["access_token"])["aud"] == VAULT


def test_scope_at_the_token_request_is_not_a_parameter(sessions: RefreshChains) -> None:
    tokens = granted(sessions.redeem(sessions.code(scopes=("read",)), scope="read write"))
    assert tokens["scope"] == "read"


@pytest.mark.parametrize("client", ["web", "spa"])
def test_a_code_bound_to_a_dpop_key(sessions: RefreshChains, client: str) -> None:
    """RFC 9449 section 10."""
    holder, thief = Holder(), Holder()
    code = sessions.code(client, dpop_jkt=holder.jkt)
    refused(sessions.redeem(code, client))
    refused(sessions.redeem(code, client, thief.proof(NOW)))
    assert granted(sessions.redeem(code, client, holder.proof(NOW)))["token_type"] == "DPoP"


def test_a_public_clients_refresh_token_is_bound_to_its_key_and_a_confidential_ones_is_not(
    sessions: RefreshChains,
) -> None:
    """RFC 9449 section 5: a confidential client's is bound to the client already, which may change its key."""
    holder = Holder()
    for client, cnf in (("spa", {"jkt": holder.jkt}), ("web", {})):
        tokens = granted(sessions.redeem(sessions.code(client), client, holder.proof(NOW)))
        assert sessions.context.snapshot.open(tokens["refresh_token"], (RefreshToken,), NOW).grant.cnf == cnf


def test_the_log_names_the_session_and_no_code(sessions: RefreshChains) -> None:
    del sessions.lines[:]
    code = sessions.code()
    tokens = granted(sessions.redeem(code))
    line = sessions.log[-1]
    assert line["grant_type"] == "authorization_code"
    assert line["client_id"] == "web"
    text = b"".join(sessions.lines).decode()
    for secret in (code, *tokens["access_token"].split("."), tokens["refresh_token"]):
        assert secret not in text


def test_the_demos_code(satchel: Satchel) -> None:
    """The client of CXF's documentation, with a code of ours and its registered redirect_uri."""
    redirect_uri = "http://localhost:8080/services/reservations/reserve/complete"
    code = satchel.code(redirect_uri=redirect_uri)
    form: dict[str, Any] = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    answer = satchel.post("/token", {**form, "client_id": "123456789", "client_secret": "987654321"})
    assert answer.json()["token_type"] == "Bearer"
    assert len(code) <= 600
    assert len(answer.json()["refresh_token"]) <= 800
