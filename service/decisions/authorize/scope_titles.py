"""Titles of scopes and authorization details on the consent page (RFC 6749 section 3.3, RFC 9396 section 2)."""

from typing import Any

from service.bags.kinds import AuthorizationRequest
from service.clients.registry import Registry
from service.config import Client
from service.decisions.authorize.wanted_scopes import wanted_scopes

_OPENID = {
    "openid": "Know who you are",
    "profile": "See your name and the rest of your profile",
    "email": "See your email address",
    "address": "See your postal address",
    "phone": "See your phone number",
    "offline_access": "Keep this access while you are not using the app",
}


def scope_titles(registry: Registry, client: Client, request: AuthorizationRequest) -> tuple[tuple[str, str], ...]:
    """Return each scope that needs consent, with its titles: of the resources, else of OpenID Connect, else its name.

    Raises:
        OAuthError: invalid_target if the client may not use the resources any more.
    """
    audiences = registry.entitlements.consentable(client, request.resources, None).audiences
    defaults = _OPENID if registry.config.openid.enabled else {}

    def title(scope: str) -> str:
        titles = [audience.titles.get(scope) for audience in audiences if scope in audience.scopes] or [None]
        return "; ".join(dict.fromkeys(each or defaults.get(scope) or scope for each in titles))

    return tuple((scope, title(scope)) for scope in wanted_scopes(client, request))


def detail_titles(registry: Registry, details: list[dict[str, Any]]) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return each element of authorization_details with the title of its type."""
    titles = {kind.type: kind.title for kind in registry.config.detail_types}
    return tuple((titles.get(element["type"]) or element["type"], element) for element in details)
