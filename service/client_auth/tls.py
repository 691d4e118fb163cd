"""Mutual TLS (RFC 8705 section 2), for both of its methods.

The client has proved in the TLS handshake that it holds the certificate's private key. The trusted proxy that ends TLS
passes the certificate on.
"""

from service.bags.certificate import Certificate, read_certificate
from service.bags.errors import BadBag
from service.client_auth.method import Credentials, refused
from service.clients.registry import Registry
from service.config import Client

METHODS = ("tls_client_auth", "self_signed_tls_client_auth")


def presented(credentials: Credentials, registry: Registry, methods: tuple[str, ...]) -> bool:
    """Tell whether a certificate is the only credential of a client that is registered for one of `methods`.

    For other clients a certificate is no credential: it may only bind their tokens.
    """
    if credentials.certificate is None:
        return False
    client = registry.clients.find(credentials.bare_client_id or "")
    return client is not None and not set(methods).isdisjoint(client.auth_methods)


def read(credentials: Credentials, registry: Registry, now: float) -> tuple[Client, Certificate]:
    """Return the client that `presented` found, and its certificate.

    Raises:
        OAuthError: invalid_client.
    """
    client = registry.clients.find(credentials.bare_client_id or "")
    if client is None or credentials.certificate is None:
        raise refused("unknown client, or no certificate")
    try:
        certificate = read_certificate(credentials.certificate)
    except BadBag as fault:
        raise refused(fault.reason) from None
    skew = registry.config.keys.skew
    if not certificate.not_before - skew <= now < certificate.not_after + skew:
        raise refused("the certificate has expired or is not valid yet")
    return client, certificate
