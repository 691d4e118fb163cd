"""TOKEN_EXCHANGE and JWT_BEARER: what is verified, what is left to the caller, and that the answer says which."""

from typing import Any

import pytest

from tests.worlds.decision_api import ACCESS_TOKEN, EXCHANGE, JWT_BEARER, UNKNOWN, DecisionApi, content
from tests.worlds.dpop import Holder
from tests.worlds.identifiers import API, ISSUER, VAULT
from tests.worlds.issuers import IDP
from tests.worlds.satchel import NOW

TYPE = "urn:ietf:params:oauth:token-type:"


def exchange(service: DecisionApi, token: str, kind: str = ACCESS_TOKEN, **form: Any) -> dict[str, Any]:
    asked = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": kind, **form}
    return service.ask(asked)


def test_a_token_of_ours_is_verified(service: DecisionApi) -> None:
    mine = service.tokens()["accessToken"]
    got = exchange(service, mine, resource=VAULT, audience="x", scope="vault", requested_token_type=TYPE + "jwt")
    assert got["action"] == "TOKEN_EXCHANGE"
    assert (got["subjectToken"], got["subjectTokenType"], got["requestedTokenType"]) == (mine, "ACCESS_TOKEN", "JWT")
    assert (got["resources"], got["audiences"], got["scopes"]) == ([VAULT], ["x"], ["vault"])
    assert got["grantType"] == "TOKEN_EXCHANGE"
    info = got["subjectTokenInfo"]
    assert (info["subject"], info["clientId"], info["clientIdAlias"]) == ("alice", 4711, "web")
    assert (info["expiresAt"], info["resources"]) == ((NOW + 600) * 1000, [API])
    assert [scope["name"] for scope in info["scopes"]] == ["offline_access", "openid", "read"]
    assert "subject token verified" in got["resultMessage"]
    assert not {"actorToken", "actorTokenInfo", "accessToken", "responseContent"} & got.keys()


def test_the_info_has_the_person_and_the_properties(service: DecisionApi) -> None:
    code = service.code("nameless", {"properties": [{"key": "k", "value": "v", "hidden": True}]})
    mine = service.redeem(code, "nameless")["accessToken"]
    assert exchange(service, mine)["action"] == "BAD_REQUEST"  # another client's
    code = service.code(issue={"properties": [{"key": "k", "value": "v", "hidden": True}]})
    info = exchange(service, service.redeem(code)["accessToken"])["subjectTokenInfo"]
    assert info["properties"] == [{"key": "k", "value": "v", "hidden": True}]
    machine = service.ask({"grant_type": "client_credentials"})["accessToken"]
    assert "subject" not in exchange(service, machine)["subjectTokenInfo"]


def test_an_actor_is_told_of_too(service: DecisionApi) -> None:
    mine, actor = service.tokens()["accessToken"], service.ask({"grant_type": "client_credentials"})["accessToken"]
    got = exchange(service, mine, actor_token=actor, actor_token_type=ACCESS_TOKEN)
    assert (got["actorToken"], got["actorTokenType"]) == (actor, "ACCESS_TOKEN")
    assert got["actorTokenInfo"]["clientIdAlias"] == "web"
    assert "actor token verified" in got["resultMessage"]


@pytest.mark.parametrize("kind", ["jwt", "id_token"])
def test_the_token_of_a_configured_issuer_is_verified(service: DecisionApi, kind: str) -> None:
    got = exchange(service, IDP.sign(scope="read"), TYPE + kind)
    assert (got["action"], got["subjectTokenInfo"]["subject"]) == ("TOKEN_EXCHANGE", f"{IDP.iss}#bob")
    forged = exchange(service, IDP.sign()[:-6] + "AAAAAA", TYPE + kind)
    assert (forged["action"], content(forged)["error"]) == ("BAD_REQUEST", "invalid_request")
    assert exchange(service, IDP.sign(aud="https://elsewhere.example"), TYPE + kind)["action"] == "BAD_REQUEST"
    assert exchange(service, IDP.sign(exp=NOW - 3600), TYPE + kind)["action"] == "BAD_REQUEST"


@pytest.mark.parametrize("kind", ["jwt", "id_token", "saml1", "saml2", "refresh_token"])
def test_what_nobody_here_can_verify_is_left_to_the_caller(service: DecisionApi, kind: str) -> None:
    token = UNKNOWN.sign() if kind in ("jwt", "id_token") else "<saml>"
    got = exchange(service, token, TYPE + kind)
    assert (got["action"], got["subjectToken"], got["subjectTokenType"]) == ("TOKEN_EXCHANGE", token, kind.upper())
    assert "subjectTokenInfo" not in got
    assert "not verified: that is left to the caller" in got["resultMessage"]


@pytest.mark.parametrize(
    ("token", "kind", "more"),
    [
        ("nonsense", ACCESS_TOKEN, {}),
        (UNKNOWN.sign("at+jwt"), ACCESS_TOKEN, {}),
        ("nonsense", TYPE + "jwt", {}),
        ("x", "urn:example:own", {}),
        ("x", TYPE + "saml2", {"requested_token_type": "urn:example:own"}),
        ("x", TYPE + "saml2", {"actor_token": "y"}),
        ("x", TYPE + "saml2", {"actor_token_type": TYPE + "saml2"}),
        ("x", "", {}),
        ("", ACCESS_TOKEN, {}),
    ],
)
def test_bad_request(service: DecisionApi, token: str, kind: str, more: dict[str, str]) -> None:
    got = exchange(service, token, kind, **more)
    assert (got["action"], content(got)["error"]) == ("BAD_REQUEST", "invalid_request")


def test_a_revoked_token_is_refused(service: DecisionApi) -> None:
    mine = service.tokens()["accessToken"]
    assert service.call("auth/token/revoke", accessTokenIdentifier=mine)["count"] == 1
    assert exchange(service, mine)["action"] == "BAD_REQUEST"


def test_may_act_holds(service: DecisionApi) -> None:
    token = IDP.sign(may_act={"sub": "somebody", "iss": ISSUER})
    assert exchange(service, token, TYPE + "jwt")["action"] == "BAD_REQUEST"
    ours = IDP.sign(may_act={"sub": "web", "iss": ISSUER})
    assert exchange(service, ours, TYPE + "jwt")["action"] == "TOKEN_EXCHANGE"
    unverified = {"actor_token": UNKNOWN.sign(), "actor_token_type": TYPE + "jwt"}
    assert exchange(service, ours, TYPE + "jwt", **unverified)["action"] == "BAD_REQUEST"
    assert exchange(service, IDP.sign(), TYPE + "jwt", **unverified)["action"] == "TOKEN_EXCHANGE"


def test_a_public_client_exchanges_nothing(service: DecisionApi) -> None:
    form = {"grant_type": EXCHANGE, "subject_token": "x", "subject_token_type": TYPE + "saml2"}
    got = service.ask(form, "wallet", dpop=Holder().proof(service.now))
    assert content(got)["error"] == "unauthorized_client"


def test_the_caller_then_has_a_token_made(service: DecisionApi) -> None:
    asked = exchange(service, service.tokens()["accessToken"], resource=VAULT, scope="vault")
    made = service.call(
        "auth/token/create",
        grantType=asked["grantType"],
        clientId=asked["clientId"],
        subject=asked["subjectTokenInfo"]["subject"],
        scopes=asked["scopes"],
        resources=asked["resources"],
    )
    assert (made["action"], made["subject"], made["scopes"]) == ("OK", "alice", ["vault"])
    assert "refreshToken" not in made


# --- assertions


def bearer(service: DecisionApi, assertion: str, **form: str) -> dict[str, Any]:
    return service.ask({"grant_type": JWT_BEARER, "assertion": assertion, **form})


def test_the_assertion_of_a_configured_issuer_is_verified_and_good_once(service: DecisionApi) -> None:
    assertion = IDP.sign()
    got = bearer(service, assertion, scope="read")
    assert (got["action"], got["assertion"], got["subject"]) == ("JWT_BEARER", assertion, f"{IDP.iss}#bob")
    assert (got["scopes"], got["resources"], got["grantType"]) == (["read"], [API], "JWT_BEARER")
    assert "assertion verified" in got["resultMessage"]
    made = service.call(
        "auth/token/create", grantType="JWT_BEARER", clientId="web", subject=got["subject"], scopes=got["scopes"]
    )
    assert service.seen(made["accessToken"])["sub"] == f"{IDP.iss}#bob"
    again = bearer(service, assertion)
    assert (again["action"], content(again)["error"]) == ("BAD_REQUEST", "invalid_grant")
    assert bearer(service, IDP.sign()[:-6] + "AAAAAA")["action"] == "BAD_REQUEST"
    assert content(bearer(service, IDP.sign(), scope="write"))["error"] == "invalid_scope"


def test_the_assertion_of_anybody_else_is_left_to_the_caller(service: DecisionApi) -> None:
    got = bearer(service, UNKNOWN.sign(), scope="read")
    assert (got["action"], got["scopes"]) == ("JWT_BEARER", ["read"])
    assert "subject" not in got
    assert "not verified: that is left to the caller" in got["resultMessage"]
    assert bearer(service, "nonsense")["action"] == "BAD_REQUEST"
    assert content(bearer(service, ""))["error"] == "invalid_request"
