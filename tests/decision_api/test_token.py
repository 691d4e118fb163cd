"""/auth/token: every action, every member, and what its caller may say of the tokens."""

import ssl
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from authlete.dto import TokenAction

from satchel_jose.base64url import encode
from service.bags.kinds import RefreshToken
from tests.worlds.certificates import INTER, INTER_KEY, ROOT, certificate, issue, pem
from tests.worlds.client_proofs import EC_KEY
from tests.worlds.decision_api import DecisionApi, content
from tests.worlds.dpop import Holder
from tests.worlds.identifiers import API, ISSUER, VAULT
from tests.worlds.satchel import NOW
from tests.worlds.watched_memory import watched

MACHINE = {"grant_type": "client_credentials"}


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def test_ok_has_everything_that_is_known(service: DecisionApi) -> None:
    got = service.tokens()
    answer = content(got)
    assert got["resultCode"] == "A001001"
    assert got["resultMessage"].startswith("[A001001] ")
    assert (got["accessToken"], got["refreshToken"]) == (answer["access_token"], answer["refresh_token"])
    assert (got["idToken"], got["jwtAccessToken"]) == (answer["id_token"], answer["access_token"])
    assert (got["accessTokenExpiresAt"], got["accessTokenDuration"]) == ((NOW + 600) * 1000, 600)
    assert (got["refreshTokenExpiresAt"], got["refreshTokenDuration"]) == ((NOW + 14 * 86_400) * 1000, 14 * 86_400)
    assert (got["clientId"], got["clientIdAlias"], got["clientIdAliasUsed"]) == (4711, "web", True)
    assert (got["grantType"], got["clientAuthMethod"]) == ("AUTHORIZATION_CODE", "CLIENT_SECRET_BASIC")
    assert (got["subject"], got["scopes"]) == ("alice", ["openid", "offline_access", "read"])
    assert got["refreshTokenScopes"] == ["openid", "offline_access", "read"]
    assert (got["resources"], got["accessTokenResources"]) == ([API], [API])


def test_a_sealed_token_is_no_jwt(service: DecisionApi) -> None:
    got = service.ask({**MACHINE, "resource": VAULT, "scope": "vault"})
    assert "jwtAccessToken" not in got
    assert got["accessToken"] == content(got)["access_token"]
    assert got["accessTokenResources"] == [VAULT]


@pytest.mark.parametrize(
    ("client", "expected"),
    [("web", (4711, "web", True)), ("815", (815, "815", None)), ("nameless", (None, "nameless", True))],
)
def test_a_client_has_a_number_or_an_alias(service: DecisionApi, client: str, expected: tuple[Any, ...]) -> None:
    got = service.ask(MACHINE, client)
    assert tuple(got.get(name) for name in ("clientId", "clientIdAlias", "clientIdAliasUsed")) == expected


def test_the_subject_of_a_client_is_nobody(service: DecisionApi) -> None:
    got = service.ask(MACHINE)
    assert "subject" not in got
    assert claims(got["accessToken"])["sub"] == "web"


def test_the_subject_is_the_callers_even_where_the_client_has_a_pseudonym(service: DecisionApi) -> None:
    got = service.tokens("nameless")
    assert got["subject"] == "alice"
    assert claims(got["idToken"])["sub"] == claims(got["accessToken"])["sub"] != "alice"


def test_invalid_client(service: DecisionApi) -> None:
    got = service.call("auth/token", parameters="grant_type=client_credentials", clientId="web", clientSecret="wrong")
    assert (got["action"], content(got)["error"]) == ("INVALID_CLIENT", "invalid_client")
    assert got["resultCode"] == "A001101"
    nobody = service.call("auth/token", parameters="grant_type=client_credentials")
    assert nobody["action"] == "INVALID_CLIENT"


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ("", "invalid_request"),
        ("grant_type=nonsense", "unsupported_grant_type"),
        ("grant_type=authorization_code&code=nonsense", "invalid_grant"),
        ("grant_type=client_credentials&grant_type=password", "invalid_request"),
        ("grant_type=client_credentials&scope=admin", "invalid_scope"),
        ("grant_type=password&username=alice", "invalid_request"),
    ],
)
def test_bad_request(service: DecisionApi, parameters: str, error: str) -> None:
    got = service.call("auth/token", parameters=parameters, clientId="web", clientSecret="secret")
    assert (got["action"], content(got)["error"]) == ("BAD_REQUEST", error)
    assert "accessToken" not in got


def test_internal_server_error(service: DecisionApi) -> None:
    memory = watched(service)
    memory.down = True
    got = service.ask({"grant_type": "password", "username": "alice", "password": "x"})
    assert (got["action"], content(got)["error"]) == ("INTERNAL_SERVER_ERROR", "temporarily_unavailable")
    assert got["resultCode"] == "A001301"
    memory.down = False
    assert service.ask({"grant_type": "password", "username": "alice", "password": "x"})["action"] == "PASSWORD"


def test_id_token_reissuable(tmp_path: Path) -> None:
    service = DecisionApi(tmp_path, "id_token_reissuable = true")
    first = service.tokens(claims='{"id_token": {"email": null}}', scope="openid offline_access email read")
    assert first["action"] == "OK"
    assert first["requestedIdTokenClaims"] == ["email"]
    again = service.ask({"grant_type": "refresh_token", "refresh_token": first["refreshToken"]})
    assert again["action"] == "ID_TOKEN_REISSUABLE"
    assert "idToken" not in again
    assert "id_token" not in content(again)
    made = service.call("idtoken/reissue", accessToken=again["accessToken"], refreshToken=again["refreshToken"])
    assert made["action"] == "OK"
    assert content(made)["id_token"] == made["idToken"]
    assert content(made)["access_token"] == again["accessToken"]
    said, before = claims(made["idToken"]), claims(first["idToken"])
    assert (said["sub"], said["auth_time"], said["email"]) == ("alice", before["auth_time"], "alice@example.com")
    assert "at_hash" in said
    known = service.call(
        "idtoken/reissue",
        accessToken=again["accessToken"],
        refreshToken=again["refreshToken"],
        claims='{"email": "a@b.c", "iss": "https://evil.example.com", "shoe_size": 37}',
    )
    said = claims(known["idToken"])
    assert (said["email"], said["iss"], said.get("shoe_size")) == ("a@b.c", ISSUER, None)
    other = service.tokens()
    mixed = service.fault("idtoken/reissue", accessToken=other["accessToken"], refreshToken=again["refreshToken"])
    assert "two tokens of one response" in mixed
    assert "not valid" in service.fault("idtoken/reissue", accessToken="x", refreshToken="y")


def test_a_machines_refresh_answers_ok_whatever_is_configured(tmp_path: Path) -> None:
    service = DecisionApi(tmp_path, "id_token_reissuable = true")
    got = service.tokens(scope="read", nonce=None)
    assert service.ask({"grant_type": "refresh_token", "refresh_token": got["refreshToken"]})["action"] == "OK"


def test_every_action_is_reached_by_a_test() -> None:
    source = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    assert {action.name for action in TokenAction if f'"{action.name}"' not in source} == set()


# --- what the caller says of the tokens


PROPERTIES = [{"key": "tenant", "value": "acme"}, {"key": "cost", "value": "9", "hidden": True}]
SHOWN = [{"key": "tenant", "value": "acme", "hidden": False}, {"key": "cost", "value": "9", "hidden": True}]


def test_properties_go_with_the_token_and_only_clients_miss_the_hidden_ones(service: DecisionApi) -> None:
    got = service.ask(MACHINE, properties=PROPERTIES)
    assert got["properties"] == SHOWN
    answer = content(got)
    assert answer["tenant"] == "acme"
    assert "cost" not in answer
    assert not {"tenant", "cost", "properties"} & claims(got["accessToken"]).keys()
    assert service.call("auth/introspection", token=got["accessToken"])["properties"] == SHOWN
    seen = service.seen(got["accessToken"])
    assert (seen["active"], seen["tenant"]) == (True, "acme")
    assert not {"cost", "personal"} & seen.keys()
    asked = {"parameters": urlencode({"token": got["accessToken"]}), "rsUri": API}
    assert "cost" not in content(service.call("auth/introspection/standard", **asked))
    told = content(service.call("auth/introspection/standard", **asked, withHiddenProperties=True))
    assert (told["tenant"], told["cost"]) == ("acme", "9")


def test_properties_of_a_grant_stay_with_it_and_later_ones_win(service: DecisionApi) -> None:
    code = service.code(issue={"properties": PROPERTIES, "jwtAtClaims": '{"plan": "gold", "seats": 3}'})
    first = service.redeem(code, properties=[{"key": "cost", "value": "10", "hidden": True}])
    assert {pair["key"]: pair["value"] for pair in first["properties"]} == {"tenant": "acme", "cost": "10"}
    assert claims(first["accessToken"])["plan"] == "gold"
    again = service.ask(
        {"grant_type": "refresh_token", "refresh_token": first["refreshToken"]}, jwtAtClaims='{"plan": "tin"}'
    )
    assert again["properties"] == first["properties"]
    said = claims(again["accessToken"])
    assert (said["plan"], said["seats"]) == ("tin", 3)


def test_the_standard_endpoint_renders_the_same_decision(service: DecisionApi) -> None:
    code = service.code(issue={"properties": PROPERTIES, "accessTokenDuration": 60})
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://web.example.com/callback"}
    form |= {
        "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "client_id": "web",
        "client_secret": "secret",
    }
    answer = service.post("/token", form).json()
    assert (answer["tenant"], answer["expires_in"], answer["token_type"]) == ("acme", 60, "Bearer")
    assert "cost" not in answer


def test_a_property_cannot_pass_for_a_member_of_the_answer(service: DecisionApi) -> None:
    evil = [{"key": name, "value": "evil"} for name in ("access_token", "token_type", "active", "iss", "sub")]
    got = service.ask(MACHINE, properties=evil)
    assert content(got)["token_type"] == "Bearer"
    assert content(got)["access_token"] == got["accessToken"]
    seen = service.seen(got["accessToken"])
    assert (seen["active"], seen["iss"], seen["sub"]) == (True, ISSUER, "web")


def test_lives(service: DecisionApi) -> None:
    got = service.redeem(service.code(), accessTokenDuration=5, refreshTokenDuration=3600)
    assert (got["accessTokenDuration"], got["refreshTokenDuration"]) == (5, 3600)
    assert content(got)["expires_in"] == 5
    again = service.ask({"grant_type": "refresh_token", "refresh_token": got["refreshToken"]})
    assert (again["accessTokenDuration"], again["refreshTokenDuration"]) == (5, 3600)
    assert service.ask(MACHINE, accessTokenDuration=0)["accessTokenDuration"] == 600


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"accessToken": "of my own"}, "cannot be chosen"),
        ({"refreshToken": "of my own"}, "cannot be chosen"),
        ({"jwtAtClaims": '{"iss": "https://evil.example.com"}'}, "must not have iss"),
        ({"jwtAtClaims": '{"personal": "x"}'}, "must not have personal"),
        ({"jwtAtClaims": "[]"}, "must be a JSON object"),
        ({"jwtAtClaims": '{"a": 1, "a": 2}'}, "duplicate"),
        ({"jwtAtClaims": '{"a": 18446744073709551616}'}, "out of range"),
        ({"jwtAtClaims": '{"a": "' + "x" * 4000 + '"}'}, "too long"),
        ({"properties": [{"value": "v"}]}, "key"),
        ({"properties": [{"key": "", "value": "v"}]}, "must have a key"),
        ({"properties": [{"key": "k", "value": "v" * 3000}]}, "more than 3000 bytes"),
        ({"accessTokenDuration": 10**9}, "keys.sig_life"),
        ({"refreshTokenDuration": 10**9}, "lifetimes.refresh_absolute"),
        ({"clientCertificate": "-----BEGIN nothing"}, "must be a PEM certificate"),
        ({"parameters": None}, "parameters is missing"),
        ({"parameters": 7}, "str"),
    ],
)
def test_callers_faults_are_told_to_the_caller_alone(service: DecisionApi, message: dict[str, Any], said: str) -> None:
    usual = {"parameters": urlencode(MACHINE), "clientId": "web", "clientSecret": "secret"}
    fault = service.fault("auth/token", **{**usual, **message})
    assert fault.startswith("[A001201] ")
    assert said in fault


def test_terms_together_are_bounded_too(service: DecisionApi) -> None:
    code = service.code(issue={"properties": [{"key": "a", "value": "v" * 300, "hidden": True}]})
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://web.example.com/callback"}
    message = {"parameters": urlencode({**form, "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"})}
    long = {"properties": [{"key": "b", "value": "v" * 2900}]}
    assert "earlier calls" in service.fault("auth/token", clientId="web", clientSecret="secret", **message, **long)


# --- proofs


def test_a_dpop_proof_is_for_the_callers_own_endpoint(service: DecisionApi) -> None:
    holder, url = Holder(), "https://front.example.com/oauth/token"
    form = {"grant_type": "password", "username": "alice", "password": "x"}
    asked = service.ask(form, "wallet", dpop=holder.proof(service.now, url), htm="POST", htu=url)
    assert asked["action"] == "PASSWORD"
    got = service.call("auth/token/issue", ticket=asked["ticket"], subject="alice")
    assert content(got)["token_type"] == "DPoP"
    assert claims(got["accessToken"])["cnf"] == {"jkt": holder.jkt}
    refresh = service.context.snapshot.open(got["refreshToken"], (RefreshToken,), service.now)
    assert refresh.grant.cnf == {"jkt": holder.jkt}
    elsewhere = service.ask(form, "wallet", dpop=holder.proof(service.now), htm="POST", htu=url)
    assert (elsewhere["action"], content(elsewhere)["error"]) == ("BAD_REQUEST", "invalid_dpop_proof")
    usual = service.ask(form, "wallet", dpop=holder.proof(service.now))
    assert usual["action"] == "PASSWORD"
    proof = holder.proof(service.now)
    assert service.ask(form, "wallet", dpop=proof)["action"] == "PASSWORD"
    assert content(service.ask(form, "wallet", dpop=proof))["error"] == "invalid_dpop_proof"


def test_a_nonce_is_handed_on(service: DecisionApi) -> None:
    holder = Holder()
    form = {"grant_type": "password", "username": "alice", "password": "x"}
    got = service.ask(form, "wallet", dpop=holder.proof(service.now, nonce="old"))
    assert content(got)["error"] == "use_dpop_nonce"
    assert service.ask(form, "wallet", dpop=holder.proof(service.now, nonce=got["dpopNonce"]))["action"] == "PASSWORD"


def test_the_caller_may_want_a_nonce(service: DecisionApi) -> None:
    holder = Holder()
    form = {"grant_type": "password", "username": "alice", "password": "x"}
    got = service.ask(form, "wallet", dpop=holder.proof(service.now), dpopNonceRequired=True)
    assert (got["action"], content(got)["error"]) == ("BAD_REQUEST", "use_dpop_nonce")
    proof = holder.proof(service.now, nonce=got["dpopNonce"])
    again = service.ask(form, "wallet", dpop=proof, dpopNonceRequired=True)
    assert again["action"] == "PASSWORD"
    token = service.call("auth/token/issue", ticket=again["ticket"], subject="alice")["accessToken"]
    url = "https://api.example.com/x"
    asked = {"token": token, "htm": "GET", "htu": url, "dpopNonceRequired": True}
    ath = encode(sha256(token.encode()).digest()).decode()
    proof = holder.proof(service.now, url, htm="GET", ath=ath)
    seen = service.call("auth/introspection", dpop=proof, **asked)
    assert (seen["action"], "use_dpop_nonce" in seen["responseContent"]) == ("UNAUTHORIZED", True)
    proof = holder.proof(service.now, url, htm="GET", ath=ath, nonce=seen["dpopNonce"])
    assert service.call("auth/introspection", dpop=proof, **asked)["action"] == "OK"


def test_a_client_proves_itself_with_a_certificate(service: DecisionApi) -> None:
    pem = certificate_pem()
    parameters = urlencode({**MACHINE, "client_id": "machine"})
    got = service.call("auth/token", parameters=parameters, clientCertificate=pem)
    assert (got["action"], got["clientAuthMethod"]) == ("OK", "SELF_SIGNED_TLS_CLIENT_AUTH")
    seen = service.call("auth/introspection", token=got["accessToken"], clientCertificate=pem)
    assert (seen["action"], bool(seen["certificateThumbprint"])) == ("OK", True)
    assert service.call("auth/introspection", token=got["accessToken"])["action"] == "UNAUTHORIZED"
    assert service.call("auth/token", parameters=parameters)["action"] == "INVALID_CLIENT"


def test_a_certificate_leads_to_an_authority_by_its_path(tmp_path: Path) -> None:
    top = "[[clients]]\nid = 'pki'\nauth_methods = ['tls_client_auth']\ntls_client_auth_subject_dn = 'CN=pki'\n"
    top += "grants = ['client_credentials']\nscopes = ['read']\n"
    service = DecisionApi(tmp_path, top=top, authorities=pem(ROOT))
    parameters = urlencode({**MACHINE, "client_id": "pki"})
    shown = pem(issue("CN=pki", EC_KEY, INTER, INTER_KEY))

    def action(*path: str) -> Any:
        got = service.call(
            "auth/token", parameters=parameters, clientCertificate=shown, clientCertificatePath=list(path)
        )
        return got["action"], got.get("clientAuthMethod"), service.log[-1].get("reason", "")

    refused = ("INVALID_CLIENT", None, "no authority stands behind the certificate")
    assert action(pem(INTER)) == ("OK", "TLS_CLIENT_AUTH", "")
    assert action(shown, pem(INTER), pem(ROOT)) == ("OK", "TLS_CLIENT_AUTH", "")
    assert action() == refused
    assert action(pem(ROOT)) == refused
    assert action(pem(issue("CN=inter", INTER_KEY, None, INTER_KEY, authority=True))) == refused
    for call in ("auth/revocation", "pushed_auth_req"):
        got = service.call(call, parameters=parameters + "&token=x", clientCertificate=shown)
        assert content(got)["error"] == "invalid_client"
        message = {"parameters": parameters + "&token=x", "clientCertificate": shown}
        got = service.call(call, **message, clientCertificatePath=[pem(INTER)])
        assert "invalid_client" not in got.get("responseContent", "")
    fault = service.fault(
        "auth/token", parameters=parameters, clientCertificate=shown, clientCertificatePath=[pem(INTER), "x"]
    )
    assert "clientCertificatePath[1] must be a PEM certificate" in fault


def certificate_pem() -> str:
    return ssl.DER_cert_to_PEM_cert(certificate(EC_KEY))
