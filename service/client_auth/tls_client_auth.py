"""tls_client_auth (RFC 8705 section 2.1): a certificate of a trusted CA that has the client's registered name.

If `proxies.authorities` is not set, the proxy must verify that a trusted CA issued the certificate: the proxy's header
does not tell.
"""

from service.bags.errors import BadBag
from service.client_auth import tls
from service.client_auth.method import Authenticated, Credentials, refused
from service.clients.registry import Registry
from service.protocol.ports import Ports

NAME = "tls_client_auth"


def presented(credentials: Credentials, registry: Registry) -> bool:
    """Tell whether a certificate is the only credential of a client of this method."""
    return tls.presented(credentials, registry, (NAME,))


async def authenticate(credentials: Credentials, registry: Registry, ports: Ports, now: float) -> Authenticated:
    """Return the client whose registered name is in the certificate.

    Raises:
        OAuthError: invalid_client.
    """
    client, certificate = tls.read(credentials, registry, now)
    if registry.clients.keys.certificate_names[client.id] not in certificate.names:
        raise refused("the certificate does not have the registered name")
    authorities, der = registry.clients.keys.authorities, credentials.certificate
    if authorities is not None and der is not None:
        try:
            # `tls.read` tolerates clock skew. The path is checked at an instant at which the certificate is valid.
            at = min(max(now, certificate.not_before), certificate.not_after)
            authorities.check(der, credentials.certificate_path, at)
        except BadBag as fault:
            raise refused(fault.reason) from None
    return Authenticated(client, NAME)
