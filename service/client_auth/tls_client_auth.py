"""tls_client_auth (RFC 8705 section 2.1): a certificate of a trusted CA, known by one of its names.

Where no authorities are configured, the proxy must have verified that: nothing in the header says so.
"""

from service.bags.errors import BadBag
from service.client_auth import tls
from service.client_auth.method import Authenticated, Credentials, refused
from service.clients.registry import Registry
from service.protocol.ports import Ports

NAME = "tls_client_auth"


def presented(credentials: Credentials, registry: Registry) -> bool:
    """Tell whether a certificate is all that speaks for a client of this method."""
    return tls.presented(credentials, registry, (NAME,))


async def authenticate(credentials: Credentials, registry: Registry, ports: Ports, now: float) -> Authenticated:
    """Return the client whose registered name the certificate has.

    Raises:
        OAuthError: invalid_client.
    """
    client, certificate = tls.read(credentials, registry, now)
    if registry.clients.keys.certificate_names[client.id] not in certificate.names:
        raise refused("the certificate has another name")
    authorities, der = registry.clients.keys.authorities, credentials.certificate
    if authorities is not None and der is not None:
        try:
            # `read` allows for clocks that differ, and the path must be good when the certificate is.
            at = min(max(now, certificate.not_before), certificate.not_after)
            authorities.check(der, credentials.certificate_path, at)
        except BadBag as fault:
            raise refused(fault.reason) from None
    return Authenticated(client, NAME)
