"""Entitlement: the audiences and scopes that a client gets for a request (RFC 6749 section 3.3, RFC 8707 section 2)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from service.config import Client
from service.protocol.audience import Audience, Audiences, meaningful_scopes, resource_scopes
from service.protocol.scopes import grant_scopes, parse_scope


class Entitlement(NamedTuple):
    """The audiences and scopes of a token, and the requested scopes (None if the request had no `scope`)."""

    audiences: tuple[Audience, ...]
    scopes: tuple[str, ...]
    requested: tuple[str, ...] | None


class Entitlements:
    """Determines entitlements. `find_client` returns the registered client with an id, or None."""

    __slots__ = ("_audiences", "_find_client", "_usual")

    def __init__(self, audiences: Audiences, find_client: Callable[[str], Client | None]) -> None:
        self._audiences = audiences
        self._find_client = find_client
        self._usual: dict[str, Entitlement] = {}

    def of(self, client: Client, resources: Sequence[str], scope: str | None) -> Entitlement:
        """Return what `client` gets in one token for `resources` and `scope`, without an earlier grant as a limit.

        Raises:
            OAuthError: invalid_scope, invalid_target.
        """
        if resources or scope is not None or self._find_client(client.id) is not client:
            return self._entitled(client, resources, scope)
        usual = self._usual.get(client.id)  # the request of most machines, whose answer never changes
        if usual is None:
            usual = self._usual[client.id] = self._entitled(client, resources, scope)
        return usual

    def _entitled(self, client: Client, resources: Sequence[str], scope: str | None) -> Entitlement:
        audiences = self._audiences.target(client, resources)
        return _entitlement(client, audiences, scope, resource_scopes(audiences))

    def consentable(self, client: Client, resources: Sequence[str], scope: str | None) -> Entitlement:
        """Return what a user can grant to `client` for `resources` and `scope`.

        The resources may need separate tokens, because token requests come later (RFC 8707 section 2.2). Scopes that
        no resource has are ignored (OpenID Connect Core section 3.1.2.1): the `scope` of the token response tells the
        client what was granted.

        Raises:
            OAuthError: invalid_scope, invalid_target.
        """
        audiences = self._audiences.permitted(client, resources)
        known = None if scope is None else self._audiences.known(parse_scope(scope))
        return _entitlement(client, audiences, known, meaningful_scopes(audiences))


def _entitlement(
    client: Client, audiences: tuple[Audience, ...], scope: str | None, meaningful: frozenset[str]
) -> Entitlement:
    requested = None if scope is None else parse_scope(scope)
    defaults = client.scopes if client.default_scopes is None else client.default_scopes
    return Entitlement(audiences, grant_scopes(requested, defaults, client.scopes, meaningful), requested)
