"""Authlib's OAuth sessions, unchanged, on requests and on httpx, through the flows that have a person in them.

Authlib's clients know neither DPoP nor PAR nor how to sign a request. PAR and signed requests are sent with its own
session and joserfc, which it brings along; DPoP-bound codes are in test_openid_client.py.
"""

import time
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken, UserInfo
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from jwcrypto.jwk import JWK

from tests.interop.signer import KEY, REDIRECT, SIGNER
from tests.worlds.demo import DEMO
from tests.worlds.gunicorn import Running
from tests.worlds.person import Person

pytestmark = pytest.mark.slow

with warnings.catch_warnings(action="ignore"):  # it says that httpx will one day be httpx2
    from authlib.integrations.httpx_client import OAuth2Client

SIGNED_OUT = "http://127.0.0.1:5173/signed-out"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
PRIVATE = ECKey.import_key(JWK.from_pyca(KEY).export(as_dict=True))
CLIENTS: dict[str, dict[str, Any]] = {
    "spa": {"token_endpoint_auth_method": "none", "redirect_uri": "http://127.0.0.1:5173/callback"},
    "123456789": {"client_secret": "987654321", "redirect_uri": REDIRECT},
    "signer": {
        "client_secret": PRIVATE,
        "token_endpoint_auth_method": "private_key_jwt",
        "redirect_uri": REDIRECT,
    },
    "tv": {"token_endpoint_auth_method": "none", "scope": "read"},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("authlib"), DEMO + SIGNER) as running:
        yield running


@pytest.fixture
def alice(server: Running) -> Iterator[Person]:
    with Person(server.url) as person:
        yield person


@pytest.fixture
def metadata(server: Running) -> dict[str, Any]:
    return dict(server.get("/.well-known/openid-configuration").json())


@pytest.fixture(params=[OAuth2Session, OAuth2Client])
def open_session(request: pytest.FixtureRequest, metadata: dict[str, Any]) -> Any:
    """Opens a session of the client with that id, on requests or on httpx."""

    def session(client_id: str) -> Any:
        settings = {"scope": "openid profile email offline_access read", **CLIENTS[client_id]}
        endpoint = metadata["token_endpoint"]
        client = request.param(client_id=client_id, code_challenge_method="S256", token_endpoint=endpoint, **settings)
        # By itself it would name the token endpoint, for an hour: we take the issuer alone, for five minutes at most.
        claims = {"exp": int(time.time()) + 60}
        client.register_client_auth_method(PrivateKeyJWT(metadata["issuer"], claims, alg="ES256"))
        return client

    return session


def query(url: str) -> dict[str, str]:
    """The parameters in a URL."""
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}


def keys(metadata: dict[str, Any], client: Any) -> KeySet:
    return KeySet.import_key_set(client.request("GET", metadata["jwks_uri"], withhold_token=True).json())


def id_token(metadata: dict[str, Any], client: Any, alg: str = "RS256") -> CodeIDToken:
    """The session's ID token as Authlib verifies one: joserfc for the signature, CodeIDToken for the claims."""
    decoded = jwt.decode(client.token["id_token"], keys(metadata, client), algorithms=[alg])
    options = {"iss": {"essential": True, "value": metadata["issuer"]}}
    expected = {"client_id": client.client_id, "nonce": "n-1", "access_token": client.token["access_token"]}
    claims = CodeIDToken(decoded.claims, decoded.header, options, expected)
    claims.validate()
    return claims


def test_code_userinfo_refresh_logout(alice: Person, metadata: dict[str, Any], open_session: Any) -> None:
    endpoint, verifier = metadata["authorization_endpoint"], generate_token(48)
    with open_session("spa") as client:
        url, state = client.create_authorization_url(endpoint, code_verifier=verifier, nonce="n-1")
        token = client.fetch_token(authorization_response=alice.authorize(url), state=state, code_verifier=verifier)
        first = id_token(metadata, client)
        assert (first["sub"], first["amr"]) == ("alice", ["pwd"])
        told = UserInfo(client.get(metadata["userinfo_endpoint"]).json())
        assert (told.sub, told.name, told.email_verified) == ("alice", "Alice Liddell", True)
        fresh = client.refresh_token()
        assert fresh["refresh_token"] != token["refresh_token"]
        renewed = jwt.decode(fresh["id_token"], keys(metadata, client), algorithms=["RS256"]).claims
        assert (renewed["auth_time"], renewed["sid"]) == (first["auth_time"], first["sid"])
        assert client.get(metadata["userinfo_endpoint"]).json()["sub"] == "alice"
        hint = f"?id_token_hint={fresh['id_token']}&post_logout_redirect_uri={SIGNED_OUT}&state=bye"
        assert alice.browser_request(metadata["end_session_endpoint"] + hint) == f"{SIGNED_OUT}?state=bye"
        url, _ = client.create_authorization_url(endpoint, code_verifier=verifier, prompt="none")
        assert query(alice.browser_request(url))["error"] == "login_required"


def test_pushed_request(alice: Person, metadata: dict[str, Any], open_session: Any) -> None:
    endpoint, verifier = metadata["authorization_endpoint"], generate_token(48)
    with open_session("123456789") as client:
        url, state = client.create_authorization_url(endpoint, code_verifier=verifier, nonce="n-1")
        pushed = client.post(
            metadata["pushed_authorization_request_endpoint"],
            data=query(url),
            auth=client.client_auth("client_secret_basic"),
        )
        assert pushed.status_code == 201, pushed.text
        url, _ = client.create_authorization_url(endpoint, request_uri=pushed.json()["request_uri"])
        client.fetch_token(authorization_response=alice.authorize(url), state=state, code_verifier=verifier)
        assert id_token(metadata, client)["sub"] == "alice"


def test_request_object(alice: Person, metadata: dict[str, Any], open_session: Any) -> None:
    endpoint, verifier = metadata["authorization_endpoint"], generate_token(48)
    with open_session("signer") as client:
        plain, state = client.create_authorization_url(endpoint, code_verifier=verifier, nonce="n-1")
        claims = {**query(plain), "iss": "signer", "aud": metadata["issuer"], "exp": int(time.time()) + 60}
        signed = jwt.encode({"alg": "ES256", "typ": "oauth-authz-req+jwt"}, claims, PRIVATE)
        url, _ = client.create_authorization_url(endpoint, request=signed)
        client.fetch_token(authorization_response=alice.authorize(url), state=state, code_verifier=verifier)
        assert id_token(metadata, client, "ES256")["aud"] == "signer"
        description = query(alice.browser_request(plain))["error_description"]
        assert description == "the client must send a signed request object (parameter request)"


def test_device(alice: Person, metadata: dict[str, Any], open_session: Any) -> None:
    with open_session("tv") as client:
        endpoint, auth = metadata["device_authorization_endpoint"], client.client_auth("none")
        started = client.post(endpoint, data={"scope": "read"}, auth=auth).json()
        poll = {"grant_type": DEVICE_CODE, "device_code": started["device_code"]}
        with pytest.raises(OAuthError) as caught:
            client.fetch_token(**poll)
        assert caught.value.error == "authorization_pending"
        alice.authorize(started["verification_uri_complete"])
        time.sleep(started["interval"])
        assert client.fetch_token(**poll)["scope"] == "read"
        assert client.refresh_token()["access_token"]
