"""Tokens from Satchel and, through Flask, from Authlib: by every grant and method, and through the router."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from satchel_client.client_auth import (
    ClientAuth,
    ClientSecretBasic,
    ClientSecretPost,
    NoSecret,
    client_secret_jwt,
    private_key_jwt,
)
from satchel_client.errors import TokenUnavailable
from satchel_client.grants import JWTBearer, RefreshToken, TokenExchange
from satchel_client.httpx_auth import TokenAuth
from satchel_client.proof import Prover
from satchel_client.signing import SigningKey
from satchel_client.token_source import TokenSource
from werkzeug.serving import make_server

from tests.bench.authlib_flask import app as authlib_on_flask
from tests.client.authority import Authority
from tests.client.sidecar import Sidecar
from tests.worlds.demo import API_SERVER, CXF, DEMO
from tests.worlds.gunicorn import Running

VAULT = "https://vault.example.com"
MAC = "m" * 32
KEYS = {alg: SigningKey.generate(alg, kid=f"k-{alg}") for alg in ("ES256", "RS256", "PS256", "EdDSA")}
IDP = SigningKey.generate("ES256", kid="idp")
CXF_AUTH = ClientSecretBasic("123456789", "987654321")


def client(name: str, *methods: str, more: str = "") -> str:
    return (
        f'\n[[clients]]\nid = "{name}"\nauth_methods = {json.dumps(methods)}\n'
        f'grants = ["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"]\nscopes = ["read"]\n{more}\n'
    )


def inline(jwk: dict[str, str], **more: str) -> str:
    """A JWK Set as a TOML value."""
    members = ", ".join(f"{name} = {json.dumps(value)}" for name, value in {**jwk, **more}.items())
    return f"{{ keys = [{{ {members} }}] }}"


TOML = (
    DEMO
    + "".join(
        client(alg, "private_key_jwt", more=f"jwks = {inline(key.public_jwk, kid=str(key.kid), alg=alg)}")
        for alg, key in KEYS.items()
    )
    + client("mac", "client_secret_jwt", more=f'hmac_secret = "{MAC}"')
    + client(
        "bound",
        "client_secret_jwt",
        more=f'hmac_secret = "{MAC}"\ndpop_bound_access_tokens = true\ndpop_nonce = true',
    )
    + f"""
[[issuers]]
issuer = "https://idp.example"
jwks = {inline(IDP.public_jwk, kid="idp", alg="ES256")}
uses = ["jwt_bearer"]
scopes = ["read"]
"""
)


@pytest.fixture(scope="module")
def satchel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("client"), TOML) as server:
        yield server


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


@pytest.mark.slow
@pytest.mark.parametrize(
    "auth",
    [
        CXF_AUTH,
        ClientSecretPost("123456789", "987654321"),
        client_secret_jwt("mac", MAC),
        *(private_key_jwt(alg, key) for alg, key in KEYS.items()),
    ],
    ids=lambda auth: f"{type(auth).__name__}-{auth.client_id}",
)
def test_every_method_of_client_authentication(satchel: Running, auth: ClientAuth) -> None:
    token = TokenSource(auth, issuer=satchel.url, scope="read").token()
    said = claims(token.access_token)
    assert (said["client_id"], said["scope"]) == (auth.client_id, "read")
    assert (token.token_type, token.expires_in) == ("Bearer", 600)


@pytest.mark.slow
def test_a_wrong_secret(satchel: Running) -> None:
    with pytest.raises(TokenUnavailable, match="invalid_client") as caught:
        TokenSource(ClientSecretBasic("123456789", "wrong"), issuer=satchel.url).token()
    assert caught.value.error == "invalid_client"


@pytest.mark.slow
def test_dpop_with_a_nonce(satchel: Running) -> None:
    key = SigningKey.generate()
    tokens = TokenSource(client_secret_jwt("bound", MAC), issuer=satchel.url, prover=Prover(key))
    assert tokens.token().token_type == "DPoP"
    assert claims(tokens.token().access_token)["cnf"] == {"jkt": key.thumbprint}


@pytest.mark.slow
def test_exchange_towards_another_resource(satchel: Running) -> None:
    tokens = TokenSource(CXF_AUTH, issuer=satchel.url)
    subject = tokens.token(scope="read").access_token
    exchanged = tokens.token(scope="vault", grant=TokenExchange(subject, audience=VAULT))
    assert exchanged.access_token.count(".") == 4, "a sealed token"
    assert tokens.token(scope="vault", grant=TokenExchange(subject, audience=VAULT)) is exchanged


@pytest.mark.slow
def test_an_assertion_of_another_issuer(satchel: Running) -> None:
    def assertion() -> str:
        now = int(time.time())
        said = {"iss": "https://idp.example", "sub": "bob", "aud": satchel.url, "iat": now, "exp": now + 60}
        return IDP.sign({"typ": "JWT"}, {**said, "jti": f"{time.time_ns()}"})

    token = TokenSource(client_secret_jwt("mac", MAC), issuer=satchel.url, grant=JWTBearer(assertion)).token(
        scope="read"
    )
    assert claims(token.access_token)["sub"]


@pytest.mark.slow
def test_refresh_tokens_rotate_and_never_fork(satchel: Running) -> None:
    form = {"grant_type": "password", "username": "alice", "password": "wonderland", "scope": "read offline_access"}
    first = satchel.post("/token", form, CXF).json()["refresh_token"]
    rotated: list[str] = []
    clock = Clock()
    tokens = TokenSource(CXF_AUTH, issuer=satchel.url, grant=RefreshToken(first, rotated.append), clock=clock)
    for _ in range(4):
        with ThreadPoolExecutor(8) as pool:
            assert len({token.access_token for token in pool.map(lambda _: tokens.token(), range(16))}) == 1
        clock.now += 601
    assert len(rotated) == 4
    assert len({first, *rotated}) == 5


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.slow
def test_a_thousand_callers_over_an_expiry_are_one_request(satchel: Running) -> None:
    clock = Clock()
    tokens = TokenSource(CXF_AUTH, issuer=satchel.url, clock=clock)
    old = tokens.token()
    clock.now += 601
    with ThreadPoolExecutor(1000) as pool:
        found = {token.access_token for token in pool.map(lambda _: tokens.token(), range(1000))}
    assert len(found) == 1
    assert found != {old.access_token}
    assert tokens.renewals == 2


@pytest.mark.slow
def test_what_httpx_sends(satchel: Running) -> None:
    tokens = TokenSource(CXF_AUTH, issuer=satchel.url)
    with httpx.Client(auth=TokenAuth(tokens, scope="read")) as calls:
        answer = calls.get(f"{satchel.url}/healthz")
    assert answer.request.headers["authorization"] == tokens.token(scope="read").authorization
    with pytest.raises(TokenUnavailable, match="unauthorized_client"):
        TokenSource(NoSecret("spa"), issuer=satchel.url).token()


@pytest.mark.slow
def test_the_router_with_satchel(satchel: Running, tmp_path: Path) -> None:
    with Authority() as service:
        toml = f"""
[servers.satchel]
issuer = "{satchel.url}"
client_id = "123456789"
secret_env = "ROUTER_SECRET"
[[routes]]
prefix = "/pets"
target = "{service.url}"
server = "satchel"
scope = "read"
"""
        with Sidecar(tmp_path, toml, ROUTER_SECRET="987654321") as router:
            assert httpx.get(f"{router.url}/pets/7").status_code == 404, "the service's answer"
    token = service.asked[-1].headers["authorization"].removeprefix("Bearer ")
    seen = satchel.post("/introspect", {"token": token}, API_SERVER).json()
    assert (seen["active"], seen["client_id"], seen["scope"]) == (True, "123456789", "read")


@pytest.fixture(scope="module")
def foreign() -> Iterator[str]:
    """Authlib on Flask."""
    server = make_server("127.0.0.1", 0, authlib_on_flask, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_foreign_server(foreign: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    clock = Clock()
    tokens = TokenSource(CXF_AUTH, token_endpoint=f"{foreign}/token", scope="read", clock=clock)
    first = tokens.token()
    assert claims(first.access_token)["client_id"] == "123456789"
    assert tokens.token() is first
    clock.now += (first.expires_in or 0) + 1
    assert tokens.token().access_token != first.access_token
    with pytest.raises(TokenUnavailable, match="invalid_client"):
        TokenSource(ClientSecretBasic("123456789", "x"), token_endpoint=f"{foreign}/token").token()
