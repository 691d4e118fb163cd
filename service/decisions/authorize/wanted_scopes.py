"""The scopes and claims that need a person's consent (OpenID Connect Core sections 5.4 and 5.5)."""

from service.bags.kinds import AuthorizationRequest
from service.config import Client
from service.protocol.claims import may_ask, scope_of


def wanted_scopes(client: Client, request: AuthorizationRequest) -> tuple[str, ...]:
    """Return the scopes that need consent: those of the request, and those that its `claims` parameter implies."""
    scopes = request.scope.split()
    names = {name for member in claims_asked(client, request, scopes) for name in member}
    return tuple(dict.fromkeys([*scopes, *sorted(scope_of(name) for name in names)]))


def claims_asked(client: Client, request: AuthorizationRequest, granted: list[str]) -> tuple[tuple[str, ...], ...]:
    """Return the names of the claims for the ID token and for /userinfo, by the `claims` parameter of the request.

    Claims of a scope that was requested but not `granted` are left out.
    """
    denied = set(request.scope.split()).difference(granted)
    if "openid" not in granted or not request.claims:
        return ()
    return tuple(
        tuple(name for name in may_ask(client, request.claims.get(member, ())) if scope_of(name) not in denied)
        for member in ("id_token", "userinfo")
    )
