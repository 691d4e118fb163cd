"""The requests that the servers are asked, in the demo's configuration."""

import urllib.parse

from tests.bench.load import Request
from tests.worlds.demo import CXF, VAULT_SERVER

TOKEN = Request("/token", b"grant_type=client_credentials", CXF)
SEALED_TOKEN = Request("/token", b"grant_type=client_credentials&resource=https%3A%2F%2Fvault.example.com", CXF)


def introspection(token: str) -> Request:
    """The introspection of a sealed token by the resource server that it is for."""
    return Request("/introspect", urllib.parse.urlencode({"token": token}).encode(), VAULT_SERVER)
