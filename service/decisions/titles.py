"""What is said to people of scopes and authorization details (RFC 6749 section 3.3, RFC 9396 section 2)."""

from typing import Any

from service.bags.kinds import AuthorizationRequest
from service.config import Client
from service.protocol.claims import may_ask, scope_of
from service.protocol.registry import Registry

_OPENID = {
    "openid": "Know who you are",
    "profile": "See your name and the rest of your profile",
    "email": "See your e-mail address",
    "address": "See your postal address",
    "phone": "See your telephone number",
    "offline_access": "Keep this access while you are away",
}


def wanted_scopes(client: Client, request: AuthorizationRequest) -> tuple[str, ...]:
    """Return the scopes that people are asked for: those of the request, and those that its `claims` amount to."""
    scopes = request.scope.split()
    names = {name for member in claims_asked(client, request, scopes) for name in member}
    return tuple(dict.fromkeys([*scopes, *sorted(scope_of(name) for name in names)]))


def claims_asked(client: Client, request: AuthorizationRequest, granted: list[str]) -> tuple[tuple[str, ...], ...]:
    """Return the names of the claims that the ID token and /userinfo are to have by the request's `claims`.

    Left out are those of a scope that was asked for and not `granted`.
    """
    denied = set(request.scope.split()).difference(granted)
    if "openid" not in granted or not request.claims:
        return ()
    return tuple(
        tuple(name for name in may_ask(client, request.claims.get(member, ())) if scope_of(name) not in denied)
        for member in ("id_token", "userinfo")
    )


def scope_titles(registry: Registry, client: Client, request: AuthorizationRequest) -> tuple[tuple[str, str], ...]:
    """Return each scope that people are asked for, with what is said of it: by its resources, by us, or its name.

    Raises:
        OAuthError: invalid_target, where the client may not ask for the resources any more.
    """
    audiences = registry.consentable(client, request.resources, None).audiences
    ours = _OPENID if registry.config.openid.enabled else {}

    def title(scope: str) -> str:
        said = [audience.titles.get(scope) for audience in audiences if scope in audience.scopes] or [None]
        return "; ".join(dict.fromkeys(each or ours.get(scope) or scope for each in said))

    return tuple((scope, title(scope)) for scope in wanted_scopes(client, request))


def detail_titles(registry: Registry, details: list[dict[str, Any]]) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return each element of authorization_details with the title of its type."""
    titles = {kind.type: kind.title for kind in registry.config.detail_types}
    return tuple((titles.get(element["type"]) or element["type"], element) for element in details)
