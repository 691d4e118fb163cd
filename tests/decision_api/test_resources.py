"""What resource servers of the caller's ask: introspection, userinfo; and revocation, by clients and by the caller."""

from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from satchel_jose.base64url import encode
from tests.worlds.decision_api import DecisionApi, content
from tests.worlds.dpop import Holder
from tests.worlds.identifiers import API, ISSUER, VAULT
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched

URL = "https://rs.example.com/tea"


def introspect(service: DecisionApi, token: str | None, **message: Any) -> dict[str, Any]:
    return service.call("auth/introspection", token=token, **message)


def machine(service: DecisionApi, **message: Any) -> str:
    return str(service.ask({"grant_type": "client_credentials"}, **message)["accessToken"])


# --- /auth/introspection


def test_ok_has_what_the_token_says(service: DecisionApi) -> None:
    code = service.code(issue={"acr": "loa2", "authTime": NOW - 60, "properties": [{"key": "k", "value": "v"}]})
    got = introspect(
        service,
        service.redeem(code)["accessToken"],
        scopes=["read"],
        subject="alice",
        resources=[API],
        acrValues=["loa2"],
        maxAge=60,
    )
    assert (got["action"], got["existent"], got["usable"], got["sufficient"]) == ("OK", True, True, True)
    assert (got["clientId"], got["clientIdAlias"], got["subject"]) == (4711, "web", "alice")
    assert (got["scopes"], got["expiresAt"]) == (["openid", "offline_access", "read"], (NOW + 600) * 1000)
    assert (got["acr"], got["authTime"], got["accessTokenResources"]) == ("loa2", NOW - 60, [API])
    assert got["properties"] == [{"key": "k", "value": "v", "hidden": False}]
    assert "responseContent" not in got


def test_a_client_is_no_subject_and_a_pseudonym_has_a_person(service: DecisionApi) -> None:
    assert "subject" not in introspect(service, machine(service))
    assert introspect(service, service.tokens("nameless")["accessToken"])["subject"] == "alice"


def test_refusals_say_how_to_come_back(service: DecisionApi) -> None:
    token = service.tokens()["accessToken"]
    for message, action, error in (
        ({"token": None}, "BAD_REQUEST", "invalid_request"),
        ({"token": "nonsense"}, "UNAUTHORIZED", "invalid_token"),
        ({"resources": ["https://elsewhere.example.com"]}, "UNAUTHORIZED", "invalid_token"),
        ({"scopes": ["read", "write"]}, "FORBIDDEN", "insufficient_scope"),
        ({"subject": "bob"}, "FORBIDDEN", "insufficient_scope"),
        ({"acrValues": ["loa3", "loa4"]}, "UNAUTHORIZED", "insufficient_user_authentication"),
    ):
        got = introspect(service, **{"token": token, **message})
        assert got["action"] == action
        assert got["responseContent"].startswith("Bearer ")
        assert f'error="{error}"' in got["responseContent"]
        assert "sufficient" not in got
    assert 'acr_values="loa3 loa4"' in got["responseContent"]
    old = service.redeem(service.code(issue={"authTime": NOW - 500}))["accessToken"]
    assert 'max_age="60"' in introspect(service, old, maxAge=60)["responseContent"]


def test_an_expired_or_revoked_token_is_none(service: DecisionApi) -> None:
    token = service.tokens()["accessToken"]
    assert service.call("auth/token/revoke", accessTokenIdentifier=token)["count"] == 1
    got = introspect(service, token)
    assert (got["action"], "existent" in got, "usable" in got) == ("UNAUTHORIZED", False, False)
    other = machine(service)
    service.now += 601
    assert introspect(service, other)["action"] == "UNAUTHORIZED"


def test_a_bound_token_needs_its_key(service: DecisionApi) -> None:
    holder = Holder()
    form = {"grant_type": "password", "username": "a", "password": "b"}
    ticket = service.ask(form, "wallet", dpop=holder.proof(service.now))["ticket"]
    token = service.call("auth/token/issue", ticket=ticket, subject="alice")["accessToken"]
    ath = encode(__import__("hashlib").sha256(token.encode()).digest()).decode()

    def with_proof(of: Holder = holder, **claims: Any) -> dict[str, Any]:
        proof = of.proof(service.now, URL, **{"ath": ath, "htm": "GET", **claims})
        return introspect(service, token, dpop=proof, htm="GET", htu=URL)

    assert introspect(service, token)["action"] == "UNAUTHORIZED"
    assert with_proof()["action"] == "OK"
    assert with_proof(Holder())["action"] == "UNAUTHORIZED"
    for claims in ({"ath": "x"}, {"htm": "POST"}):
        got = with_proof(**claims)
        assert got["action"] == "UNAUTHORIZED"
        assert got["responseContent"].startswith("DPoP ")
    nonce = with_proof(nonce="old")
    assert 'error="use_dpop_nonce"' in nonce["responseContent"]
    assert with_proof(nonce=nonce["dpopNonce"])["action"] == "OK"
    assert "htu" in service.fault("auth/introspection", token=token, dpop="x")


def test_a_memory_that_is_gone_is_our_fault(service: DecisionApi) -> None:
    token = machine(service)
    watched(service).down = True
    assert introspect(service, token)["action"] == "INTERNAL_SERVER_ERROR"


# --- /auth/introspection/standard


def test_standard_introspection(service: DecisionApi) -> None:
    token = machine(service)
    form = urlencode({"token": token})
    got = service.call("auth/introspection/standard", parameters=form)
    assert (got["action"], content(got)["active"], content(got)["client_id"]) == ("OK", True, "web")
    assert content(service.call("auth/introspection/standard", parameters=form, rsUri=VAULT)) == {"active": False}
    assert content(service.call("auth/introspection/standard", parameters="token=x")) == {"active": False}
    assert service.call("auth/introspection/standard", parameters="")["action"] == "BAD_REQUEST"
    signed = {"parameters": form, "httpAcceptHeader": "application/token-introspection+jwt"}
    got = service.call("auth/introspection/standard", rsUri=API, **signed)
    said = jwt.decode(got["responseContent"], options={"verify_signature": False})
    assert (got["action"], said["aud"], said["token_introspection"]["active"]) == ("JWT", API, True)
    assert "rsUri" in service.fault("auth/introspection/standard", **signed)
    assert "parameters" in service.fault("auth/introspection/standard")


# --- /auth/userinfo


def test_userinfo(service: DecisionApi) -> None:
    token = service.tokens(scope="openid email read")["accessToken"]
    got = service.call("auth/userinfo", token=token)
    assert (got["action"], got["subject"], got["claims"]) == ("OK", "alice", ["email", "email_verified"])
    assert (got["token"], got["clientIdAlias"]) == (token, "web")
    told = service.call("auth/userinfo/issue", token=token, claims='{"email": "a@b.c", "name": "A", "sub": "bob"}')
    assert (told["action"], content(told)) == ("JSON", {"sub": "alice", "email": "a@b.c"})
    ours = service.call("auth/userinfo/issue", token=token, sub="alice")
    assert content(ours) == {"sub": "alice", "email": "alice@example.com"}
    assert "sub" in service.fault("auth/userinfo/issue", token=token, sub="bob")
    assert "claims" in service.fault("auth/userinfo/issue", token=token, claims="[]")


def test_userinfo_as_a_jwt_with_a_pseudonym(service: DecisionApi) -> None:
    token = service.tokens("nameless", scope="openid email")["accessToken"]
    got = service.call("auth/userinfo", token=token)
    assert got["subject"] == "alice"
    told = service.call("auth/userinfo/issue", token=token)
    said = jwt.decode(told["responseContent"], options={"verify_signature": False})
    assert (told["action"], said["iss"], said["aud"], said["email"]) == ("JWT", ISSUER, "nameless", "alice@example.com")
    assert said["sub"] != "alice"


def test_userinfo_refuses(service: DecisionApi) -> None:
    without = service.tokens(scope="read", nonce=None)["accessToken"]
    revoked = service.tokens()["accessToken"]
    service.call("auth/token/revoke", accessTokenIdentifier=revoked)
    for name in ("auth/userinfo", "auth/userinfo/issue"):
        for token, action, error in (
            (None, "UNAUTHORIZED", "invalid_token"),
            ("nonsense", "UNAUTHORIZED", "invalid_token"),
            (revoked, "UNAUTHORIZED", "invalid_token"),
            (without, "FORBIDDEN", "insufficient_scope"),
        ):
            got = service.call(name, token=token)
            assert got["action"] == action
            assert f'error="{error}"' in got["responseContent"]
    holder = service.call("auth/userinfo", token=without, dpop="x", htu=URL)
    assert holder["action"] == "UNAUTHORIZED"


# --- revocation


def test_revocation(service: DecisionApi) -> None:
    got = service.tokens()
    message = {"parameters": urlencode({"token": got["refreshToken"]}), "clientId": "web", "clientSecret": "secret"}
    assert service.call("auth/revocation", **message)["action"] == "OK"
    assert service.seen(got["accessToken"]) == {"active": False}
    assert service.call("auth/revocation", **{**message, "clientSecret": "wrong"})["action"] == "INVALID_CLIENT"
    assert service.call("auth/revocation", **{**message, "parameters": ""})["action"] == "BAD_REQUEST"
    watched(service).down = True
    assert service.call("auth/revocation", **message)["action"] == "INTERNAL_SERVER_ERROR"


@pytest.mark.parametrize("named", ["accessTokenIdentifier", "refreshTokenIdentifier", "clientIdentifier", "subject"])
def test_the_caller_revokes(service: DecisionApi, named: str) -> None:
    got = service.tokens()
    texts = {"accessTokenIdentifier": got["accessToken"], "refreshTokenIdentifier": got["refreshToken"]}
    who = {"clientIdentifier": "4711", "subject": "alice"}
    done = service.call("auth/token/revoke", **{named: {**texts, **who}[named]})
    assert done.get("count", 0) == (named in texts)
    assert ("not kept" in done["resultMessage"]) == (named in who)
    assert service.seen(got["accessToken"]) == {"active": False}
    refreshed = service.ask({"grant_type": "refresh_token", "refresh_token": got["refreshToken"]})
    assert refreshed["action"] == ("OK" if named == "accessTokenIdentifier" else "BAD_REQUEST")


def test_the_caller_names_one_thing(service: DecisionApi) -> None:
    for message in ({}, {"subject": "a", "clientIdentifier": "web"}, {"accessTokenIdentifier": "a", "subject": "a"}):
        assert "name exactly one" in service.fault("auth/token/revoke", **message)
    assert "number or id of a client" in service.fault("auth/token/revoke", clientIdentifier="nobody")
    nothing = service.call("auth/token/revoke", accessTokenIdentifier="nonsense")
    assert "count" not in nothing
    assert "nothing to revoke" in nothing["resultMessage"]
