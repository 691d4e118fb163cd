"""self_signed_tls_client_auth (RFC 8705 section 2.2): a certificate with one of the client's registered keys.

Only the key is compared. An `x5c` of the registered JWK holds the same key, so it is not needed.
"""

from service.client_auth import tls
from service.client_auth.client_keys import client_keys
from service.client_auth.method import Authenticated, Credentials, refused
from service.clients.registry import Registry
from service.protocol.ports import Ports

NAME = "self_signed_tls_client_auth"


def presented(credentials: Credentials, registry: Registry) -> bool:
    """Tell whether a certificate is the only credential of a client of this method."""
    return tls.presented(credentials, registry, (NAME,))


async def authenticate(credentials: Credentials, registry: Registry, ports: Ports, now: float) -> Authenticated:
    """Return the client that has registered the certificate's key.

    Raises:
        OAuthError: invalid_client; temporarily_unavailable if the client's keys cannot be fetched.
    """
    client, certificate = tls.read(credentials, registry, now)
    thumbprint = certificate.key_thumbprint
    keys = await client_keys(client, None, registry, ports)
    if not keys.holds(thumbprint):
        # A certificate has no kid. A kid that no key has makes the keys of jwks_uri be fetched again.
        keys = await client_keys(client, thumbprint, registry, ports)
    if not keys.holds(thumbprint):
        raise refused("the certificate's key is not registered")
    return Authenticated(client, NAME)
