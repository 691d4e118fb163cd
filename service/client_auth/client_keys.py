"""A client's public keys (RFC 7591 section 2): `jwks` in the configuration, or fetched from `jwks_uri`."""

from service.bags.foreign_keys import KeySet
from service.clients.registry import Registry
from service.config import Client
from service.protocol.errors import OAuthError
from service.protocol.ports import KeysUnavailable, Ports


async def client_keys(client: Client, kid: str | None, registry: Registry, ports: Ports) -> KeySet:
    """Return the keys of `client`; those at its jwks_uri are fetched anew, now and then, if `kid` is not among them.

    Raises:
        OAuthError: temporarily_unavailable. It is not the client that failed, and an honest one should try again
            rather than believe that its registration is gone.
    """
    inline = registry.clients.keys.jwks.get(client.id)
    if inline is not None:
        return inline
    try:
        return await ports.remote_keys.keys(client.jwks_uri, kid)
    except KeysUnavailable as fault:
        raise OAuthError("temporarily_unavailable", "try again later", reason=str(fault)) from None
