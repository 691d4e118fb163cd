"""What a client may have today: an earlier grant never exceeds the current registration of its client.

If a scope, resource, redirect URI or authorization_details type is removed from a client, existing bags and tokens lose
it at their next use. Nothing is recorded: if the client gets the right back, the same bags and tokens have it again.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from service.bags.errors import BadBag
from service.bags.kinds import AccessToken, AuthorizationRequest, Grant
from service.clients.registry import Registry
from service.config import Client
from service.protocol.audience import meaningful_scopes
from service.protocol.errors import OAuthError
from service.protocol.redirect_uri import is_registered
from service.protocol.scopes import OPENID_SCOPES


def granted_today(grant: Grant, client: Client, registry: Registry) -> Grant:
    """Return the part of `grant` that `client` may have today.

    Raises:
        OAuthError: invalid_grant, if no scope or no resource of the grant is left.
    """
    scope = _listed(grant.scope, client.scopes)
    resources = tuple(name for name in grant.resources if registry.audiences.allows(client, name))
    if (grant.scope and not scope) or (grant.resources and not resources):
        raise OAuthError(
            "invalid_grant",
            "the client may no longer have what was granted; request a new authorization",
            reason="every scope or resource was withdrawn",
        )
    details = details_today(grant.authorization_details, client, registry)
    if (scope, resources, details) == (grant.scope, grant.resources, grant.authorization_details):
        return grant
    return msgspec.structs.replace(grant, scope=scope, resources=resources, authorization_details=details)


def details_today(details: list[dict[str, Any]], client: Client, registry: Registry) -> list[dict[str, Any]]:
    """Return the elements of `details` whose type `client` may request today (RFC 9396 section 10)."""
    types = registry.detail_types.keys() & client.authorization_details_types
    return [element for element in details if element.get("type") in types]


def may_request_today(request: AuthorizationRequest, client: Client, registry: Registry, *, device: bool) -> bool:
    """Return whether `client` may still make `request`; a request of a `device` has no redirect URI."""
    return (
        (
            device
            or ("authorization_code" in client.grants and is_registered(request.redirect_uri, client.redirect_uris))
        )
        and set(request.scope.split()) <= set(client.scopes)
        and all(registry.audiences.allows(client, name) for name in request.resources)
        and details_today(request.authorization_details, client, registry) == request.authorization_details
    )


def token_today(token: AccessToken, registry: Registry) -> AccessToken:
    """Return the part of `token`, an access token of this service, that its client may have today.

    A token from an exchange has the rights of the exchange rule. As long as the rule exists, only scopes that the
    resource no longer has are left out. The same holds for tokens that the operator's own code plans.

    Raises:
        BadBag: the client no longer exists, or may have none of the audiences.
    """
    client = registry.clients.find(token.client_id)
    if client is None:
        raise BadBag("the client is gone")
    issuer = registry.config.issuer
    asked = tuple(name for name in token.aud if name != issuer)
    aud = tuple(name for name in asked if registry.audiences.allows(client, name))
    lent = aud != asked and _lent(asked, client, registry)
    aud = asked if lent else aud
    if not aud and issuer not in token.aud:
        raise BadBag("the client may no longer have tokens for this resource")
    meaningful = meaningful_scopes([registry.audiences[name] for name in aud]) if aud else OPENID_SCOPES
    others = lent or (aud and _lent(aud, client, registry))
    scope = _listed(token.scope, meaningful if others else meaningful.intersection(client.scopes))
    aud = (*aud, *((issuer,) if issuer in token.aud else ()))
    details = token.authorization_details and details_today(token.authorization_details, client, registry)
    if (aud, scope, details) == (token.aud, token.scope, token.authorization_details):
        return token
    return msgspec.structs.replace(token, aud=aud, scope=scope, authorization_details=details)


def _lent(aud: Collection[str], client: Client, registry: Registry) -> bool:
    """Return whether tokens of `client` for `aud` can have scopes that are not registered for the client."""
    config = registry.config
    planned = config.hooks.decides or config.hooks.grants
    rules = (rule for rule in config.exchanges if client.id in rule.clients)
    known = registry.audiences.keys() >= set(aud)
    return known and (bool(planned) or any(set(aud) <= set(rule.audiences) for rule in rules))


def _listed(scope: str, allowed: Collection[str]) -> str:
    """Return the values of `scope` that are `allowed`, as a `scope` value."""
    return " ".join([value for value in scope.split() if value in allowed])
