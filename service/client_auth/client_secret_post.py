"""client_secret_post (RFC 6749 section 2.3.1): id and secret in the body."""

from service.client_auth.method import Authenticated, Credentials
from service.client_auth.secrets import prove
from service.protocol.errors import OAuthError
from service.protocol.ports import Ports
from service.protocol.registry import Registry

NAME = "client_secret_post"


def presented(credentials: Credentials, registry: Registry) -> bool:
    """Tell whether the body has a client_secret."""
    return credentials.form.get("client_secret") is not None


async def authenticate(credentials: Credentials, registry: Registry, ports: Ports, now: float) -> Authenticated:
    """Return the client named in the body.

    Raises:
        OAuthError: invalid_client.
    """
    client_id = credentials.form.get("client_id")
    if client_id is None:
        raise OAuthError("invalid_client", "client authentication failed", reason="client_id is missing")
    return await prove(client_id, credentials.form.get("client_secret") or "", NAME, registry, now)
