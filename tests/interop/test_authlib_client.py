"""Authlib's client session, unchanged, through every flow that works without a browser."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import ECKey
from jwcrypto.jwk import JWK

from service.decisions.token.code import mint_code
from service.protocol.pkce import challenge_octets
from tests.worlds.client_proofs import EC_KEY, client_toml, public_jwk
from tests.worlds.gunicorn import Running, context_of
from tests.worlds.identifiers import API
from tests.worlds.pkce import VERIFIER
from tests.worlds.refresh_chains import REDIRECT, toml

pytestmark = pytest.mark.slow

SIGNER = client_toml(
    "signer",
    "private_key_jwt",
    jwks={"keys": [public_jwk(EC_KEY)]},
    grants=["client_credentials"],
    scopes=["read"],
    resources=[API],
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    text = toml("", "http://127.0.0.1:{port}") + SIGNER
    with Running(tmp_path_factory.mktemp("authlib"), text) as running:
        yield running


def session(server: Running, client_id: str = "web", secret: Any = "secret", **more: Any) -> OAuth2Session:
    document = server.get("/.well-known/oauth-authorization-server").json()
    endpoint = document["token_endpoint"]
    return OAuth2Session(client_id, secret, token_endpoint=endpoint, redirect_uri=REDIRECT, **more)


def code(server: Running, client: str, challenge: str = "") -> str:
    members: dict[str, Any] = {"redirect_uri": REDIRECT, "scopes": ("read", "write")}
    if challenge:
        members["challenge"] = challenge_octets(challenge, "S256")
    return mint_code(context_of(server), time.time(), client_id=client, sub="alice", **members)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_client_credentials(server: Running, method: str) -> None:
    with session(server, token_endpoint_auth_method=method, scope="read") as client:
        token = client.fetch_token(grant_type="client_credentials")
        assert (token["token_type"], token["expires_in"]) == ("Bearer", 600)
        assert token["expires_at"] > time.time()


def test_private_key_jwt(server: Running) -> None:
    key = ECKey.import_key(JWK.from_pyca(EC_KEY).export(as_dict=True))
    with session(server, "signer", key, token_endpoint_auth_method="private_key_jwt") as client:
        # By itself it would name the token endpoint, for an hour: we take the issuer alone, for five minutes at most.
        claims = {"exp": int(time.time()) + 60}
        client.register_client_auth_method(PrivateKeyJWT(server.url, claims, alg="ES256"))
        assert client.fetch_token(grant_type="client_credentials")["scope"] == "read"


@pytest.mark.parametrize(
    ("client_id", "secret", "method"), [("web", "secret", "client_secret_basic"), ("spa", None, "none")]
)
def test_code_refresh_introspect_revoke(server: Running, client_id: str, secret: str | None, method: str) -> None:
    challenge = create_s256_code_challenge(VERIFIER)
    with session(server, client_id, secret, token_endpoint_auth_method=method) as client:
        response = f"{REDIRECT}?code={code(server, client_id, challenge)}&state=xyz"
        first = client.fetch_token(authorization_response=response, code_verifier=VERIFIER, state="xyz")
        assert first["scope"] == "read write"
        second = client.refresh_token()
        assert second["refresh_token"] != first["refresh_token"]
        assert client.token["access_token"] == second["access_token"]
        with session(server, "rs") as resource_server:
            introspect = f"{server.url}/introspect"
            told = resource_server.introspect_token(introspect, second["access_token"], "access_token").json()
            assert (told["active"], told["sub"], told["client_id"]) == (True, "alice", client_id)
            revoked = client.revoke_token(f"{server.url}/revoke", second["refresh_token"], "refresh_token")
            assert revoked.status_code == 200
            told = resource_server.introspect_token(introspect, second["access_token"], "access_token").json()
            assert told == {"active": False}
        with pytest.raises(OAuthError) as caught:
            client.refresh_token(refresh_token=second["refresh_token"])
        assert caught.value.error == "invalid_grant"


def test_a_used_code(server: Running) -> None:
    with session(server) as client:
        used = code(server, "web")
        client.fetch_token(code=used, grant_type="authorization_code")
        with pytest.raises(OAuthError) as caught:
            client.fetch_token(code=used, grant_type="authorization_code")
        assert caught.value.error == "invalid_grant"


def test_a_session_renews_what_is_about_to_expire(server: Running) -> None:
    """`leeway` makes every token look expired: the session refreshes by itself before a request."""
    renewed: list[dict[str, Any]] = []

    def keep(token: dict[str, Any], **_: Any) -> None:
        renewed.append(token)

    with session(server, update_token=keep, leeway=10_000) as client:
        client.fetch_token(code=code(server, "web"), grant_type="authorization_code")
        assert client.get(f"{server.url}/healthz").status_code == 200
        assert len(renewed) == 1


def test_a_wrong_secret(server: Running) -> None:
    with session(server, secret="wrong") as client, pytest.raises(OAuthError) as caught:
        client.fetch_token(grant_type="client_credentials")
    assert caught.value.error == "invalid_client"
