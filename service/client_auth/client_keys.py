"""The public keys of a client (RFC 7591 section 2): `jwks` in the configuration, or fetched from `jwks_uri`."""

from service.bags.foreign_keys import KeySet
from service.clients.registry import Registry
from service.config import Client
from service.protocol.errors import OAuthError
from service.protocol.ports import KeysUnavailable, Ports


async def client_keys(client: Client, kid: str | None, registry: Registry, ports: Ports) -> KeySet:
    """Return the keys of `client`. If `kid` is not among the cached keys of its jwks_uri, they are fetched again.

    Raises:
        OAuthError: temporarily_unavailable, so that the client tries again; invalid_client would tell the client that
            its registration is gone.
    """
    inline = registry.clients.keys.jwks.get(client.id)
    if inline is not None:
        return inline
    try:
        return await ports.remote_keys.keys(client.jwks_uri, kid)
    except KeysUnavailable as fault:
        description = "the client cannot be authenticated now; try again later"
        raise OAuthError("temporarily_unavailable", description, reason=str(fault)) from None
