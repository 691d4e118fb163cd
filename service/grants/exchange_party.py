"""The parties of a token exchange (RFC 8693 section 2.1): the subject and the actor, from their tokens."""

from typing import Any, NamedTuple

from service.bags.errors import BadBag
from service.bags.kinds import AccessToken
from service.clients.rights import token_today
from service.grants.issuers import Use, verify_statement
from service.grants.plan import GrantRequest
from service.protocol.revocation_check import RevocationCheck
from service.protocol.token_checks import Origin, checks_of, origin_of

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"

_UNTYPED: dict[str | None, Use] = {None: "token_exchange", "JWT": "token_exchange"}
_TYPED: dict[str | None, Use] = {
    **_UNTYPED,
    "at+jwt": "token_exchange",
    "application/at+jwt": "token_exchange",
}
_ISSUER_TYPES = {ACCESS_TOKEN: _TYPED, JWT: _TYPED, ID_TOKEN: _UNTYPED}
"""For each token type of the request: the `typ` headers accepted in another issuer's token."""


class Party(NamedTuple):
    """The subject or the actor of a token exchange.

    identity: the claims that a `may_act` is compared with.
    scope: the scopes of the party's token.
    limit: the scopes that any token for the party may have at most; None is no limit.
    expires: expiry of the party's token, in seconds since the epoch.
    personal: the sealed PersonalClaims of the party's token, or empty.
    """

    sub: str
    iss: str
    identity: dict[str, Any]
    scope: frozenset[str]
    limit: frozenset[str] | None
    expires: int
    revocation_checks: tuple[RevocationCheck, ...]
    origin: tuple[Origin, ...] = ()
    aud: frozenset[str] = frozenset()
    family: str = ""
    act: dict[str, Any] | None = None
    may_act: Any = None
    auth_time: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()
    personal: str = ""


async def party(token: str, token_type: str, request: GrantRequest) -> Party:
    """Return the party that `token` names, after checking that `request.client` may present the token.

    Raises:
        BadBag: the token is not acceptable.
        OAuthError: temporarily_unavailable if the keys of the token's issuer cannot be fetched.
    """
    if token_type not in _ISSUER_TYPES:
        raise BadBag("token type not supported")
    # Our sealed tokens are access tokens only. Our signed tokens may also be presented as JWTs.
    if token_type == ACCESS_TOKEN or (token_type == JWT and token.count(".") == 2):
        try:
            own = request.snapshot.open(token, (AccessToken,), request.now)
        except BadBag:
            if token.count(".") != 2:
                raise
        else:
            return _from_own_token(own, request)
    return await _from_trusted_issuer(token, token_type, request)


def _from_own_token(token: AccessToken, request: GrantRequest) -> Party:
    client, token = request.client, token_today(token, request.registry)
    if token.client_id != client.id and set(token.aud).isdisjoint(client.serves):
        raise BadBag("neither issued to the client nor sent to a resource that it serves")
    if not token.cnf.items() <= request.cnf.items():
        raise BadBag("bound to another key")
    return Party(
        sub=token.sub,
        iss=token.iss,
        identity={"iss": token.iss, "sub": token.sub, "client_id": token.client_id},
        scope=frozenset(token.scope.split()),
        limit=None,
        expires=token.exp,
        revocation_checks=checks_of(token, request.snapshot, request.now),
        origin=origin_of(token),
        aud=frozenset(token.aud),
        family=token.family or token.jti,
        act=token.act,
        may_act=token.claims.get("may_act"),
        auth_time=token.auth_time,
        acr=token.acr,
        amr=token.amr,
        personal=token.claims.get("personal", ""),
    )


async def _from_trusted_issuer(token: str, token_type: str, request: GrantRequest) -> Party:
    statement = await verify_statement(token, _ISSUER_TYPES[token_type], request)
    claims = statement.claims
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise BadBag("scope is not a string")
    expires = int(claims["exp"])
    if expires <= request.now:
        raise BadBag("expired; the clock skew does not apply, since the new token cannot outlive this one")
    return Party(
        sub=statement.subject,
        iss=claims["iss"],
        identity=claims,
        scope=frozenset(scope.split()),
        limit=statement.issuer.scopes,
        expires=expires,
        revocation_checks=(statement.revocation_check,),
        act=statement.act,
        may_act=claims.get("may_act"),
    )
