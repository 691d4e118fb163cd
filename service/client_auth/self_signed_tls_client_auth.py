"""self_signed_tls_client_auth (RFC 8705 section 2.2): a certificate over one of the client's registered keys.

It is the key that is compared: an `x5c` beside it would only say the same key again.
"""

from service.client_auth import tls
from service.client_auth.client_keys import client_keys
from service.client_auth.method import Authenticated, Credentials, refused
from service.clients.registry import Registry
from service.protocol.ports import Ports

NAME = "self_signed_tls_client_auth"


def presented(credentials: Credentials, registry: Registry) -> bool:
    """Tell whether a certificate is all that speaks for a client of this method."""
    return tls.presented(credentials, registry, (NAME,))


async def authenticate(credentials: Credentials, registry: Registry, ports: Ports, now: float) -> Authenticated:
    """Return the client that has registered the certificate's key.

    Raises:
        OAuthError: invalid_client; temporarily_unavailable, where the client's keys cannot be fetched.
    """
    client, certificate = tls.read(credentials, registry, now)
    thumbprint = certificate.key_thumbprint
    keys = await client_keys(client, None, registry, ports)
    if not keys.holds(thumbprint):
        # A certificate names no kid; a name that no key has makes a changed jwks_uri be read again.
        keys = await client_keys(client, thumbprint, registry, ports)
    if not keys.holds(thumbprint):
        raise refused("the certificate's key is not registered")
    return Authenticated(client, NAME)
