"""Every grant, with every client authentication, for every token format, on memories that remember and do not.

The rows come from the tables of the service; what a test needs to know of a row is how to present it.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.bags.ids import fresh_id
from service.bags.kinds import AccessToken, DeviceApproval, DeviceCode, Grant
from service.client_auth import METHODS, Credentials
from service.config.check_grants import DEVICE_CODE
from service.decisions.token.code import mint_code
from service.grants import GRANTS
from service.grants.device_code import approval_id
from service.protocol.digests import client_digest
from tests.worlds.certificates import certificate, rfc9440
from tests.worlds.client_proofs import (
    ASSERTION_TYPE,
    EC_KEY,
    HMAC_SECRET,
    JWKS,
    OTHER_KEY,
    assertion,
    client_toml,
)
from tests.worlds.http import Answer, basic
from tests.worlds.identifiers import ISSUER
from tests.worlds.issuers import IDP
from tests.worlds.pkce import CHALLENGE, VERIFIER
from tests.worlds.refresh_chains import REDIRECT, RESOURCES, RS
from tests.worlds.refresh_chains import toml as resources_and_clients
from tests.worlds.satchel import NOW, Satchel
from tests.worlds.toml import value

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MEMORIES = ("embedded", "none")
FORMATS = ("jwt", "jwe", "bag")

Presented = tuple[dict[str, str], dict[str, Any]]
"""Headers, and parameters of the form."""


async def by_token(credentials: Credentials) -> str | None:
    """The operator's own way of client authentication."""
    return "custom" if credentials.authorization == "Token of-the-client" else None


def by_assertion(client: str, **arguments: str) -> Presented:
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion(client, **arguments)}
    return {}, form


# --- how to present each method, and what the client is registered with

METHOD: dict[str, tuple[Callable[[str], Presented], dict[str, Any]]] = {
    "client_secret_basic": (lambda client: (basic(client, "secret"), {}), {}),
    "client_secret_post": (lambda client: ({}, {"client_id": client, "client_secret": "secret"}), {}),
    "client_secret_jwt": (lambda client: by_assertion(client, alg="HS256"), {"hmac_secret": HMAC_SECRET}),
    "private_key_jwt": (lambda client: by_assertion(client, alg="ES256"), {"jwks": JWKS}),
    "tls_client_auth": (
        lambda client: (
            {"Client-Cert": rfc9440(certificate(OTHER_KEY, dns="client.example.com"))},
            {"client_id": client},
        ),
        {"tls_client_auth_san_dns": "client.example.com"},
    ),
    "self_signed_tls_client_auth": (
        lambda client: ({"Client-Cert": rfc9440(certificate(EC_KEY))}, {"client_id": client}),
        {"jwks": JWKS},
    ),
    "none": (lambda client: ({}, {"client_id": client}), {}),
    "custom": (lambda client: ({"Authorization": "Token of-the-client"}, {}), {}),
}


# --- how to present each grant


def code(satchel: Satchel, client: str) -> dict[str, Any]:
    members: dict[str, Any] = {"redirect_uri": REDIRECT, "challenge": CHALLENGE, "scopes": ("read",)}
    minted = mint_code(satchel.context, satchel.now, client_id=client, sub="alice", **members)
    return {"code": minted, "code_verifier": VERIFIER, "redirect_uri": REDIRECT}


def refresh(satchel: Satchel, client: str) -> dict[str, Any]:
    headers, form = METHOD[client][0](client)
    form |= {"grant_type": "authorization_code", **code(satchel, client)}
    return {"refresh_token": satchel.post("/token", form, headers).json()["refresh_token"]}


def subject(satchel: Satchel, client: str) -> dict[str, Any]:
    now = int(satchel.now)
    jti = fresh_id()
    aud = tuple(RESOURCES.values())  # a scope that a person allowed at one resource means nothing at another
    token = AccessToken(ISSUER, jti, now, now + 300, sub="alice", client_id=client, aud=aud, scope="read")
    text = satchel.context.snapshot.sign(token, "ES256", now)
    return {"subject_token": text, "subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}


def device(satchel: Satchel, client: str) -> dict[str, Any]:
    now, jti, memory = int(satchel.now), fresh_id(), satchel.context.memory
    code = DeviceCode(ISSUER, jti, now, now + 900, client, "read", memory=memory.identity)
    resources = tuple(RESOURCES.values())
    grant = Grant(fresh_id(), client_digest(client), "alice", "read", resources, memory.identity)
    approval = satchel.context.snapshot.seal(DeviceApproval(ISSUER, jti, now, now + 900, grant), now)
    asyncio.run(memory.put(approval_id(jti), approval.encode(), now + 900))
    return {"device_code": satchel.context.snapshot.seal(code, now)}


GRANT: dict[str, Callable[[Satchel, str], dict[str, Any]]] = {
    "authorization_code": code,
    "client_credentials": lambda satchel, client: {},
    "password": lambda satchel, client: {"username": "user-alice", "password": "wonderland"},
    "refresh_token": refresh,
    DEVICE_CODE: device,
    JWT_BEARER: lambda satchel, client: {"assertion": IDP.sign()},
    EXCHANGE: subject,
}


# --- what is to be expected


def expected(grant: str, method: str, memory: str) -> str:
    """The error code that is documented for the combination; empty: a token."""
    if method == "none" and grant in ("client_credentials", EXCHANGE):
        return "unauthorized_client"  # for clients that can prove who they are
    if grant == DEVICE_CODE and memory == "none":
        return "unauthorized_client"  # nobody could answer
    return ""


def expected_again(grant: str, method: str, memory: str) -> str:
    """The same for the same request, sent once more."""
    first = expected(grant, method, memory)
    if first or memory == "none":
        return first
    if method in ("client_secret_jwt", "private_key_jwt"):
        return "invalid_client"  # an assertion is good once
    if grant == DEVICE_CODE:
        return "slow_down"
    return "invalid_grant" if grant in ("authorization_code", JWT_BEARER) else ""


def opens(used: str, registered: str) -> bool:
    """Whether what is presented is taken; a public client may show a certificate to have its tokens bound to it."""
    return used == registered or (registered == "none" and used in ("tls_client_auth", "self_signed_tls_client_auth"))


def configuration(memory: str) -> str:
    """One client for each method, with every grant that the configuration lets it have."""
    common: dict[str, Any] = {"redirect_uris": [REDIRECT], "scopes": ["read"], "resources": list(RESOURCES.values())}
    clients = ""
    for method, (_, registered) in METHOD.items():
        secrets = method in ("client_secret_basic", "client_secret_post")
        more = {"secrets": [{"sha256": SHA256}]} if secrets else {}
        without = {"client_credentials"} if method == "none" else set()
        without |= {DEVICE_CODE} if memory == "none" else set()
        grants = [grant for grant in GRANT if grant not in without]
        clients += client_toml(method, method, **{**common, **registered, **more, "grants": grants})
    exchanging = [method for method in METHOD if method != "none"]
    top = f"""
[memory]
kind = "{memory}"
[proxies]
trusted = ["127.0.0.1"]
certificate_header = "rfc9440"
[hooks]
authenticate_client = "tests.test_matrix:by_token"
"""
    tables = f"""
[[issuers]]
issuer = "{IDP.iss}"
uses = ["jwt_bearer"]
scopes = ["read"]
jwks = {value(IDP.jwks)}
[[exchanges]]
clients = {value(exchanging)}
audiences = {value(list(RESOURCES.values()))}
scopes = ["read"]
"""
    return resources_and_clients(top) + clients + tables


SHA256 = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of "secret"


@pytest.fixture(scope="module", params=MEMORIES)
def satchel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Satchel:
    directory: Path = tmp_path_factory.mktemp("matrix")
    return Satchel(directory, configuration(request.param))


def check(answer: Answer, error: str) -> None:
    if not error:
        assert answer.status == 200, answer.body
        return
    assert answer.json()["error"] == error
    assert answer.status == (401 if error == "invalid_client" else 400)


def test_every_row_of_the_tables_is_here() -> None:
    assert set(METHOD) == {method.NAME for method in METHODS}
    assert set(GRANT) == set(GRANTS)
    assert set(FORMATS) == set(RESOURCES)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("method", [method.NAME for method in METHODS])
@pytest.mark.parametrize("grant", GRANTS)
def test_every_combination(satchel: Satchel, grant: str, method: str, form: str) -> None:
    headers, credentials = METHOD[method][0](method)
    request = {**credentials, **(GRANT[grant](satchel, method)), "grant_type": grant, "resource": RESOURCES[form]}
    answer = satchel.post("/token", request, headers)
    check(answer, expected(grant, method, satchel.config.memory.kind))
    line = satchel.log[-1]
    assert (line["client_id"], line["auth_method"]) == (method, method)
    if answer.status == 200:
        assert (line["grant_type"], line["format"]) == (grant, form)
        token = answer.json()
        assert token["token_type"] == "Bearer"
        seen = satchel.introspect(token["access_token"], RS).json()
        assert (seen["active"], seen["aud"], seen["client_id"]) == (True, RESOURCES[form], method)
        assert seen["scope"] == "read"
        assert seen["iat"] == NOW
    check(satchel.post("/token", request, headers), expected_again(grant, method, satchel.config.memory.kind))


@pytest.mark.parametrize("method", [method.NAME for method in METHODS])
def test_every_method_at_the_other_endpoints(satchel: Satchel, method: str) -> None:
    for path in ("/introspect", "/revoke"):
        headers, credentials = METHOD[method][0](method)
        answer = satchel.post(path, {**credentials, "token": "unknown"}, headers)
        unable = path == "/revoke" and satchel.config.memory.kind == "none"
        unproved = path == "/introspect" and method == "none"
        assert answer.status == (401 if unproved else 400 if unable else 200), answer.body
        assert satchel.log[-1]["auth_method"] == method


@pytest.mark.parametrize("used", [method.NAME for method in METHODS])
@pytest.mark.parametrize("registered", [method.NAME for method in METHODS])
def test_only_the_registered_method_opens(satchel: Satchel, registered: str, used: str) -> None:
    """Attack 55: whatever one presents in the name of a client, it must be what that client is registered for."""
    headers, credentials = METHOD[used][0](registered)
    form = {"grant_type": "password", **GRANT["password"](satchel, registered), **credentials, "client_id": registered}
    answer = satchel.post("/token", form, headers)
    if opens(used, registered):
        assert answer.status == 200, answer.body
        assert satchel.log[-1]["auth_method"] == registered
    else:
        assert answer.json()["error"] in ("invalid_client", "invalid_request"), answer.body
        assert "access_token" not in answer.json()


def test_the_metadata_names_what_works(satchel: Satchel) -> None:
    document = satchel.get("/.well-known/oauth-authorization-server").json()
    without = {DEVICE_CODE} if satchel.config.memory.kind == "none" else set()
    assert set(document["grant_types_supported"]) == set(GRANT) - without
    listed = set(METHOD) - {"custom"}
    revocation = () if satchel.config.memory.kind == "none" else ("revocation",)
    for endpoint in ("token", "introspection", *revocation):
        proving = {"none"} if endpoint == "introspection" else set()
        assert set(document[f"{endpoint}_endpoint_auth_methods_supported"]) == listed - proving
        assert {"ES256", "HS256"} <= set(document[f"{endpoint}_endpoint_auth_signing_alg_values_supported"])
        assert document[f"{endpoint}_endpoint"].startswith(ISSUER + "/")
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code"]
    assert document["tls_client_certificate_bound_access_tokens"] is True
    assert document["introspection_signing_alg_values_supported"] == ["ES256"]
    assert {"read", "vault", "sealed"} <= set(document["scopes_supported"])
