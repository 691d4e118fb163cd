"""Somebody else's server: Authlib on Flask, with its metadata where OpenID Connect puts it.

`python -m tests.client.foreign_server PORT`. Its client `jwt` gets RS256 access tokens (RFC 9068), `opaque` gets tokens
that only introspection (RFC 7662) opens.
"""

import os
import sys
import time
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, Response, jsonify
from joserfc.jwk import KeySet, RSAKey

AUDIENCE = "https://api.example.com"
SECRET = "secret"
KEYS = KeySet([RSAKey.generate_key(2048, {"kid": "theirs", "use": "sig", "alg": "RS256"})])


class Client(ClientMixin):
    """Any client; all have one secret."""

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or "read"

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return True

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class Token(dict[str, Any]):
    """An issued token."""

    def is_expired(self) -> bool:
        return time.time() >= float(self["exp"])

    def is_revoked(self) -> bool:
        return False


class SignedTokens(JWTBearerTokenGenerator):
    def get_jwks(self) -> KeySet:
        return KEYS

    def get_audiences(self, client: Client, user: Any, scope: str) -> str:
        return AUDIENCE


class Introspection(IntrospectionEndpoint):
    def check_permission(self, token: Token, client: Client, request: Any) -> bool:
        return client.client_id == "api"

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        return ISSUED.get(token_string)

    def introspect_token(self, token: Token) -> dict[str, Any]:
        return {"active": True, **token}


ISSUED: dict[str, Token] = {}


def save_token(token: dict[str, Any], request: Any) -> None:
    """Keep what an opaque token stands for."""
    client_id = request.client.client_id
    said = {"client_id": client_id, "sub": client_id, "aud": AUDIENCE, "scope": token["scope"]}
    ISSUED[token["access_token"]] = Token(said, exp=int(time.time()) + int(token["expires_in"]))


def create_app(issuer: str) -> Flask:
    """The server at `issuer`."""
    app = Flask(__name__)
    server = AuthorizationServer(app, query_client=Client, save_token=save_token)
    signed = SignedTokens(issuer, alg="RS256")
    opaque = BearerTokenGenerator(lambda **_: os.urandom(24).hex())

    def generate(client: Client, **more: Any) -> Any:
        return (signed if client.client_id == "jwt" else opaque)(client=client, **more)

    server.register_token_generator("default", generate)
    server.register_grant(ClientCredentialsGrant)
    server.register_endpoint(Introspection)

    @app.post("/token")
    def token() -> Response:
        return server.create_token_response()

    @app.post("/introspect")
    def introspect() -> Response:
        return server.create_endpoint_response("introspection")

    @app.get("/jwks.json")
    def jwks() -> Response:
        return jsonify(KEYS.as_dict(private=False))

    @app.get("/.well-known/openid-configuration")
    def metadata() -> Response:
        places = {"token": "token", "introspection": "introspect"}
        endpoints = {f"{name}_endpoint": f"{issuer}/{path}" for name, path in places.items()}
        return jsonify({"issuer": issuer, "jwks_uri": f"{issuer}/jwks.json", **endpoints})

    return app


if __name__ == "__main__":
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # loopback
    port = int(sys.argv[1])
    create_app(f"http://127.0.0.1:{port}").run("127.0.0.1", port, threaded=True)
