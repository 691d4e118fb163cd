"""client_credentials (RFC 6749 section 4.4) with ES256 access tokens (RFC 9068), as Authlib on Flask does it.

The client is in memory and its secret is kept as SHA-256, as ours is; nothing is stored, logged or counted.
"""

import hashlib
import hmac
import secrets
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, Response
from joserfc.jwk import ECKey

_KEY = ECKey.generate_key("P-256", {"kid": "bench", "use": "sig", "alg": "ES256"})


class Client(ClientMixin):
    """The demo's client."""

    id = "123456789"
    secret = hashlib.sha256(b"987654321").hexdigest()

    def get_client_id(self) -> str:
        return self.id

    def get_allowed_scope(self, scope: str | None) -> str:
        return "read write"

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(self.secret, hashlib.sha256(client_secret.encode()).hexdigest())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class Tokens(JWTBearerTokenGenerator):
    """Access tokens for the demo's resource server."""

    def get_jwks(self) -> ECKey:
        return _KEY

    def get_audiences(self, client: Client, user: Any, scope: str) -> str:
        return "https://api.example.com"

    def get_jti(self, client: Client, grant_type: str, user: Any, scope: str) -> str:
        return secrets.token_urlsafe(16)


class ClientCredentials(ClientCredentialsGrant):
    """The grant, for a client that authenticates with Basic."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]  # noqa: RUF012 - as Authlib declares it


app = Flask(__name__)
_clients = {Client.id: Client()}
_server = AuthorizationServer(app, query_client=_clients.get, save_token=lambda token, request: None)
_server.register_token_generator("default", Tokens("https://login.example.com", alg="ES256"))
_server.register_grant(ClientCredentials)


@app.post("/token")
def token() -> Response:
    """The token endpoint."""
    return _server.create_token_response()
