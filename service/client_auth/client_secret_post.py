"""client_secret_post (RFC 6749 section 2.3.1): id and secret in the body."""

from hashlib import sha256

from service.client_auth.method import Authenticated, Credentials, refused
from service.client_auth.secrets import prove
from service.clients.registry import Registry
from service.protocol.ports import Ports

NAME = "client_secret_post"


def presented(credentials: Credentials, registry: Registry) -> bool:
    """Tell whether the body has a client_secret."""
    return credentials.form.get("client_secret") is not None


async def authenticate(credentials: Credentials, registry: Registry, ports: Ports, now: float) -> Authenticated:
    """Return the client of the body; a secret that was accepted before is found in a cache by its digest.

    Raises:
        OAuthError: invalid_client; the errors of `prove`.
    """
    client_id, secret = credentials.form.get("client_id"), credentials.form.get("client_secret") or ""
    if client_id is None:
        raise refused("client_id is missing")
    # The parts have no line break, so no two pairs share a digest. A Basic header has none either: the cache is shared.
    digest = sha256(f"{client_id}\n{secret}".encode()).digest()
    proved = registry.clients.proved.find(digest, now)
    if proved is not None:
        return Authenticated(proved.client, NAME, until=proved.until)
    authenticated = await prove(client_id, secret, NAME, credentials, registry, ports, now)
    registry.clients.proved.keep(digest, authenticated)
    return authenticated
