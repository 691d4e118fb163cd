"""Entitlement: which audiences and scopes a client gets when it asks (RFC 6749 section 3.3, RFC 8707 section 2)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from service.config import Client
from service.protocol.audience import Audience, Audiences, meaningful_scopes, resource_scopes
from service.protocol.scopes import grant_scopes, parse_scope


class Entitlement(NamedTuple):
    """The audiences and scopes of a token, and the scopes that were asked for."""

    audiences: tuple[Audience, ...]
    scopes: tuple[str, ...]
    requested: tuple[str, ...] | None


class Entitlements:
    """Judges what clients ask for; `find_client` returns the registered client of an id."""

    __slots__ = ("_audiences", "_find_client", "_usual")

    def __init__(self, audiences: Audiences, find_client: Callable[[str], Client | None]) -> None:
        self._audiences = audiences
        self._find_client = find_client
        self._usual: dict[str, Entitlement] = {}

    def of(self, client: Client, resources: Sequence[str], scope: str | None) -> Entitlement:
        """Return what `client` gets in one token when it asks for `resources` and `scope`, and no grant bounds it.

        Raises:
            OAuthError: invalid_scope, invalid_target.
        """
        if resources or scope is not None or self._find_client(client.id) is not client:
            return self._entitled(client, resources, scope)
        usual = self._usual.get(client.id)  # what most machines ask for, and always the same
        if usual is None:
            usual = self._usual[client.id] = self._entitled(client, resources, scope)
        return usual

    def _entitled(self, client: Client, resources: Sequence[str], scope: str | None) -> Entitlement:
        audiences = self._audiences.target(client, resources)
        return _entitlement(client, audiences, scope, resource_scopes(audiences))

    def consentable(self, client: Client, resources: Sequence[str], scope: str | None) -> Entitlement:
        """Return what a person may be asked to grant to `client` when it asks for `resources` and `scope`.

        The tokens come later, so the resources need not be able to share one (RFC 8707 section 2.2).

        Raises:
            OAuthError: invalid_scope, invalid_target.
        """
        audiences = self._audiences.permitted(client, resources)
        return _entitlement(client, audiences, scope, meaningful_scopes(audiences))


def _entitlement(
    client: Client, audiences: tuple[Audience, ...], scope: str | None, meaningful: frozenset[str]
) -> Entitlement:
    requested = None if scope is None else parse_scope(scope)
    defaults = client.scopes if client.default_scopes is None else client.default_scopes
    return Entitlement(audiences, grant_scopes(requested, defaults, client.scopes, meaningful), requested)
