"""private_key_jwt (OpenID Connect Core section 9): an assertion signed with the client's private key."""

from satchel_jose.algorithms import SIGNATURES
from service.client_auth import assertion
from service.client_auth.client_keys import client_keys
from service.client_auth.method import Authenticated, Credentials
from service.clients.registry import Registry
from service.protocol.ports import Ports

NAME = "private_key_jwt"
ALGS = frozenset(SIGNATURES)


def presented(credentials: Credentials, registry: Registry) -> bool:
    """Tell whether there is an assertion whose `alg` is not an HMAC."""
    return assertion.presented(credentials) and not assertion.has_mac(credentials)


async def authenticate(credentials: Credentials, registry: Registry, ports: Ports, now: float) -> Authenticated:
    """Return the client that signed the assertion.

    Raises:
        OAuthError: invalid_client; temporarily_unavailable if the client's keys cannot be fetched.
    """
    client, unverified = assertion.read(credentials, registry, NAME, ALGS)
    keys = await client_keys(client, unverified.kid, registry, ports)
    return assertion.accept(client, unverified, keys, registry, NAME, now)
