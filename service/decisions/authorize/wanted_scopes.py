"""Which scopes and claims a person is asked for (OpenID Connect Core sections 5.4 and 5.5)."""

from service.bags.kinds import AuthorizationRequest
from service.config import Client
from service.protocol.claims import may_ask, scope_of


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
