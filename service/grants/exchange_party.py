"""The parties of a token exchange (RFC 8693 section 2.1): whom a subject token or an actor token speaks for."""

from typing import Any, NamedTuple

from service.bags.errors import BadBag
from service.bags.kinds import AccessToken
from service.grants.issuers import Use, verify_statement
from service.grants.plan import GrantRequest
from service.protocol.revocation_check import RevocationCheck
from service.protocol.subject import owner

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"

_UNTYPED: dict[str | None, Use] = {None: "token_exchange", "JWT": "token_exchange"}
_TYPED: dict[str | None, Use] = {
    **_UNTYPED,
    "at+jwt": "token_exchange",
    "application/at+jwt": "token_exchange",
}
_FOREIGN = {ACCESS_TOKEN: _TYPED, JWT: _TYPED, ID_TOKEN: _UNTYPED}
"""The `typ`s that another issuer's token may have, by the token type that the request gives it."""


class Party(NamedTuple):
    """One party; `identity` are the claims by which a `may_act` knows it.

    `scope` is what its token may do, `limit` the most that a token for it may ever do (None: no such limit), `expires`
    the instant in seconds since the epoch when its token does.
    """

    sub: str
    iss: str
    identity: dict[str, Any]
    scope: frozenset[str]
    limit: frozenset[str] | None
    expires: int
    revocation_check: RevocationCheck
    family: str = ""
    act: dict[str, Any] | None = None
    may_act: Any = None
    auth_time: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()
    personal: str = ""


async def party(token: str, token_type: str, request: GrantRequest) -> Party:
    """Return the party that `token` speaks for, which `request.client` must have come by rightly.

    Raises:
        BadBag: the token is not to be accepted.
        OAuthError: temporarily_unavailable, where its issuer's keys cannot be had.
    """
    if token_type not in _FOREIGN:
        raise BadBag("token type")
    # A sealed token is an access token and nothing else; a signed one is a JWT as well.
    if token_type == ACCESS_TOKEN or (token_type == JWT and token.count(".") == 2):
        try:
            own = request.snapshot.open(token, (AccessToken,), request.now)
        except BadBag:
            if token.count(".") != 2:
                raise
        else:
            return _own(own, request)
    return await _foreign(token, token_type, request)


def _own(token: AccessToken, request: GrantRequest) -> Party:
    client = request.client
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
        revocation_check=RevocationCheck(
            token.jti, token.family, token.client_id, owner(token, request.snapshot, request.now), token.iat
        ),
        family=token.family or token.jti,
        act=token.act,
        may_act=token.claims.get("may_act"),
        auth_time=token.auth_time,
        acr=token.acr,
        amr=token.amr,
        personal=token.claims.get("personal", ""),
    )


async def _foreign(token: str, token_type: str, request: GrantRequest) -> Party:
    statement = await verify_statement(token, _FOREIGN[token_type], request)
    claims = statement.claims
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise BadBag("scope is not a string")
    expires = int(claims["exp"])
    if expires <= request.now:
        raise BadBag("expired, and a token could not outlive it")
    return Party(
        sub=statement.subject,
        iss=claims["iss"],
        identity=claims,
        scope=frozenset(scope.split()),
        limit=statement.issuer.scopes,
        expires=expires,
        revocation_check=statement.revocation_check,
        act=statement.act,
        may_act=claims.get("may_act"),
    )
