"""client_secret_jwt (OpenID Connect Core section 9): an assertion with an HMAC by the client's secret."""

from satchel_jose.algorithms import MACS
from service.client_auth import assertion
from service.client_auth.method import Authenticated, Credentials
from service.clients.registry import Registry
from service.protocol.ports import Ports

NAME = "client_secret_jwt"
ALGS = frozenset(MACS)


def presented(credentials: Credentials, registry: Registry) -> bool:
    """Tell whether there is an assertion whose `alg` is an HMAC."""
    return assertion.presented(credentials) and assertion.has_mac(credentials)


async def authenticate(credentials: Credentials, registry: Registry, ports: Ports, now: float) -> Authenticated:
    """Return the client whose secret made the assertion.

    Raises:
        OAuthError: invalid_client.
    """
    client, unverified = assertion.read(credentials, registry, NAME, ALGS)
    keys = registry.clients.keys.hmac_keys[client.id]
    return assertion.accept(client, unverified, keys, registry, NAME, now)
