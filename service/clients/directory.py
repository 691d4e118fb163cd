"""The look-up of clients by id (RFC 6749 section 2)."""

from typing import Protocol

from service.clients.keys import ClientKeys
from service.config import Client, Config
from service.protocol.bounded_cache import BoundedCache
from service.protocol.subject import is_subject


class Proved(Protocol):
    """A client that a secret has authenticated; the secret is valid until `until` (seconds since the epoch)."""

    @property
    def client(self) -> Client: ...

    @property
    def until(self) -> float: ...


class Clients:
    """The clients of the configuration.

    keys: their keys and certificate names.
    proved: a cache of accepted secrets, by the digest of the credentials.
    """

    __slots__ = ("_configured", "keys", "proved")

    def __init__(self, config: Config) -> None:
        self._configured = {client.id: client for client in config.clients}
        self.keys = ClientKeys(config)
        self.proved: BoundedCache[Proved] = BoundedCache()

    def find(self, client_id: str) -> Client | None:
        """Return the client with the id `client_id`, or None."""
        return self._configured.get(client_id)

    def can_be_user(self, sub: str) -> bool:
        """Return whether `sub` can be the id of a user: well formed, and not the id of a client.

        Every grant, page and hook that names a user asks here.
        """
        return is_subject(sub) and self.find(sub) is None
