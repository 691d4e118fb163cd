"""The requests that the servers are asked: Satchel in the demo's configuration, node-oidc-provider in its own."""

import urllib.parse

from tests.bench.load import Request
from tests.worlds.demo import CXF, VAULT_SERVER
from tests.worlds.http import basic

TOKEN = Request("/token", b"grant_type=client_credentials", CXF)
SEALED_TOKEN = Request("/token", b"grant_type=client_credentials&resource=https%3A%2F%2Fvault.example.com", CXF)

OIDC_PROVIDER_CLIENT = basic("bench-client", "bench-secret-0123456789")
OIDC_PROVIDER_TOKEN = Request("/token", b"grant_type=client_credentials", OIDC_PROVIDER_CLIENT)


def introspection(token: str) -> Request:
    """The introspection of a sealed token by the resource server that it is for."""
    return Request("/introspect", urllib.parse.urlencode({"token": token}).encode(), VAULT_SERVER)


def oidc_provider_introspection(token: str) -> Request:
    """The introspection of an opaque token by node-oidc-provider's client."""
    return Request("/token/introspection", urllib.parse.urlencode({"token": token}).encode(), OIDC_PROVIDER_CLIENT)
