"""/auth/token/create: tokens for whom the caller says."""

from typing import Any

import jwt
import pytest

from service.bags.kinds import RefreshToken
from tests.worlds.decision_api import JWT_BEARER, DecisionApi, content
from tests.worlds.identifiers import API, VAULT
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched

THUMB, PRINT = "t" * 42 + "A", "p" * 42 + "A"


def create(service: DecisionApi, **message: Any) -> dict[str, Any]:
    usual = {"grantType": "AUTHORIZATION_CODE", "clientId": 4711, "subject": "u-1", "scopes": ["read"]}
    return service.call("auth/token/create", **{**usual, **message})


def test_a_persons_tokens(service: DecisionApi) -> None:
    got = create(
        service,
        scopes=["openid", "offline_access", "read"],
        acr="loa2",
        authTime=NOW - 60,
        resources=[API],
        properties=[{"key": "k", "value": "v"}],
        jwtAtClaims='{"plan": "gold"}',
        accessTokenDuration=60,
        refreshTokenDuration=120,
        authorizationDetails={"elements": [{"type": "payment", "otherFields": '{"amount": 1}'}]},
    )
    assert (got["action"], got["grantType"]) == ("OK", "AUTHORIZATION_CODE")
    assert (got["clientId"], got["subject"]) == (4711, "u-1")
    assert (got["tokenType"], got["expiresIn"], got["expiresAt"]) == ("Bearer", 60, (NOW + 60) * 1000)
    assert (got["scopes"], got["refreshTokenScopes"]) == (["openid", "offline_access", "read"],) * 2
    assert got["properties"] == [{"key": "k", "value": "v", "hidden": False}]
    assert got["jwtAccessToken"] == got["accessToken"]
    claims = jwt.decode(got["accessToken"], options={"verify_signature": False})
    assert (claims["sub"], claims["acr"], claims["auth_time"], claims["plan"]) == ("u-1", "loa2", NOW - 60, "gold")
    assert claims["authorization_details"] == [{"type": "payment", "amount": 1}]
    assert claims["jti"] == got["tokenId"]
    assert service.seen(got["accessToken"])["active"] is True
    again = service.ask({"grant_type": "refresh_token", "refresh_token": got["refreshToken"]})
    assert (again["action"], again["subject"], again["accessTokenDuration"]) == ("OK", "u-1", 60)
    bag = service.context.snapshot.open(got["refreshToken"], (RefreshToken,), service.now)
    assert bag.exp - bag.iat == 120


def test_a_client_of_its_own(service: DecisionApi) -> None:
    got = create(service, grantType="CLIENT_CREDENTIALS", clientId="nameless", subject=None)
    assert (got["action"], got["clientIdAlias"]) == ("OK", "nameless")
    assert not {"subject", "refreshToken", "clientId"} & got.keys()
    assert service.seen(got["accessToken"])["sub"] == "nameless"


@pytest.mark.parametrize("grant_type", ["TOKEN_EXCHANGE", "JWT_BEARER"])
def test_what_another_token_stands_for_is_not_refreshed(service: DecisionApi, grant_type: str) -> None:
    got = create(service, grantType=grant_type)
    assert got["action"] == "OK"
    assert "refreshToken" not in got
    claims = jwt.decode(got["accessToken"], options={"verify_signature": False})
    assert "auth_time" not in claims


def test_thumbprints_bind(service: DecisionApi) -> None:
    got = create(service, dpopKeyThumbprint=THUMB, certificateThumbprint=PRINT)
    assert got["tokenType"] == "DPoP"
    assert service.seen(got["accessToken"])["cnf"] == {"jkt": THUMB, "x5t#S256": PRINT}


def test_a_client_that_must_prove_a_key_gets_no_token_without_one(service: DecisionApi) -> None:
    wallet = {"grantType": "PASSWORD", "clientId": "wallet", "scopes": ["read"]}
    assert content(create(service, **wallet))["error"] == "invalid_dpop_proof"
    assert create(service, **wallet, dpopKeyThumbprint=THUMB)["action"] == "OK"
    machine = {"grantType": "CLIENT_CREDENTIALS", "clientId": "machine", "scopes": ["read"]}
    assert content(create(service, **machine))["error"] == "invalid_request"
    assert create(service, **machine, certificateThumbprint=PRINT)["action"] == "OK"


@pytest.mark.parametrize(
    "element",
    [
        {"type": "unknown"},
        {"type": "payment", "locations": ["https://api.example.com"]},
        {"type": "payment", "otherFields": '{"amount": 1, "to": "me"}'},
    ],
)
def test_authorization_details_are_of_a_type_that_the_client_may_ask_for(
    service: DecisionApi, element: dict[str, Any]
) -> None:
    got = create(service, authorizationDetails={"elements": [element]})
    assert content(got)["error"] == "invalid_authorization_details"


def test_it_knows_clients_by_number_and_by_name(service: DecisionApi) -> None:
    for identifier in (4711, "4711", "web"):
        assert create(service, clientId=identifier)["clientIdAlias"] == "web"
    for identifier in (815, "815"):
        assert create(service, clientId=identifier, grantType="CLIENT_CREDENTIALS")["clientIdAlias"] == "815"
    for identifier in (1, "1", "nobody", 0, "", "None", None):
        assert "clientId" in service.fault("auth/token/create", grantType="PASSWORD", clientId=identifier, subject="u")


def test_forbidden_is_what_the_client_is_not_registered_for(service: DecisionApi) -> None:
    got = create(service, clientId=815)
    assert (got["action"], content(got)["error"]) == ("FORBIDDEN", "unauthorized_client")
    assert "accessToken" not in got


def test_bad_request_is_what_the_client_may_not_have(service: DecisionApi) -> None:
    assert create(service, scopes=["admin"])["action"] == "BAD_REQUEST"
    assert create(service, resources=["https://elsewhere.example.com"])["action"] == "BAD_REQUEST"
    assert create(service, scopes=["read", "vault"], resources=[API, VAULT])["action"] == "BAD_REQUEST"  # two formats
    memory = watched(service)
    memory.down = True
    assert create(service)["action"] == "INTERNAL_SERVER_ERROR"


@pytest.mark.parametrize(
    ("message", "about"),
    [
        ({"grantType": None}, "grantType"),
        ({"grantType": "REFRESH_TOKEN"}, "grantType"),
        ({"grantType": JWT_BEARER}, "grantType"),
        ({"subject": None}, "subject"),
        ({"subject": "web"}, "subject"),
        ({"subject": "x" * 256}, "subject"),
        ({"subject": "a\nb"}, "subject"),
        ({"authTime": NOW + 61}, "authTime"),
        ({"authTime": -1}, "authTime"),
        ({"dpopKeyThumbprint": "thumb"}, "thumbprint"),
        ({"certificateThumbprint": "x" * 44}, "thumbprint"),
        ({"accessToken": "of my own"}, "chosen"),
        ({"scopes": "read"}, "array"),
    ],
)
def test_callers_faults(service: DecisionApi, message: dict[str, Any], about: str) -> None:
    usual = {"grantType": "AUTHORIZATION_CODE", "clientId": 4711, "subject": "u-1"}
    assert about in service.fault("auth/token/create", **{**usual, **message})
