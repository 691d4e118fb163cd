"""none (RFC 6749 section 2.1): a public client, which sends its client_id and no credentials."""

from service.client_auth import tls
from service.client_auth.method import Authenticated, Credentials, refused
from service.clients.registry import Registry
from service.protocol.ports import Ports

NAME = "none"


def presented(credentials: Credentials, registry: Registry) -> bool:
    """Tell whether client_id comes without credentials; a certificate may only bind the tokens (RFC 8705 section 4)."""
    return credentials.bare_client_id is not None and not tls.presented(credentials, registry, tls.METHODS)


async def authenticate(credentials: Credentials, registry: Registry, ports: Ports, now: float) -> Authenticated:
    """Return the public client that client_id names.

    Raises:
        OAuthError: invalid_client.
    """
    client = registry.clients.find(credentials.form.get("client_id") or "")
    if client is None:
        raise refused("unknown client")
    if NAME not in client.auth_methods:
        raise refused(f"{NAME} is not registered")
    return Authenticated(client, NAME)
