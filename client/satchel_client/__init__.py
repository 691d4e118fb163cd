"""OAuth 2.0 for programs that get access tokens and for programs that verify them.

The names below are what most programs import. Integrations with frameworks are in modules of their own:

| module | what it holds |
|---|---|
| `httpx_auth`, `requests_auth` | `TokenAuth`: tokens for the requests of httpx and requests |
| `asgi_outgoing`, `wsgi_outgoing` | `TokenMiddleware`: a token for the outgoing calls of an application |
| `asgi_protect`, `wsgi_protect`, `falcon` | `Protect`: verification of the tokens of incoming requests |
| `client_auth` | all methods of client authentication |
| `router` | a reverse proxy that adds tokens to requests (`python -m satchel_client.router`) |
"""

from satchel_client.access_token import AccessToken
from satchel_client.client_auth import ClientSecretBasic, client_secret_jwt, private_key_jwt
from satchel_client.errors import (
    ClientError,
    InsufficientAuthentication,
    InsufficientScope,
    InvalidToken,
    TokenUnavailable,
    Undecided,
)
from satchel_client.grants import ClientCredentials, JWTBearer, RefreshToken, TokenExchange
from satchel_client.httpx_auth import TokenAuth
from satchel_client.introspection import Introspection
from satchel_client.jwe import read_own_keys
from satchel_client.presented import Presented
from satchel_client.proof import Prover
from satchel_client.protection import Protection
from satchel_client.requirement import NOTHING, Requirement
from satchel_client.resource_metadata import ResourceMetadata
from satchel_client.signing import SigningKey
from satchel_client.token import Token
from satchel_client.token_source import TokenSource
from satchel_client.verifier import AsyncVerifier, Verifier

__all__ = [
    "NOTHING",
    "AccessToken",
    "AsyncVerifier",
    "ClientCredentials",
    "ClientError",
    "ClientSecretBasic",
    "InsufficientAuthentication",
    "InsufficientScope",
    "Introspection",
    "InvalidToken",
    "JWTBearer",
    "Presented",
    "Protection",
    "Prover",
    "RefreshToken",
    "Requirement",
    "ResourceMetadata",
    "SigningKey",
    "Token",
    "TokenAuth",
    "TokenExchange",
    "TokenSource",
    "TokenUnavailable",
    "Undecided",
    "Verifier",
    "client_secret_jwt",
    "private_key_jwt",
    "read_own_keys",
]
