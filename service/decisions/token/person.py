"""The person of a grant as one client may see them: `sub` and claims (OpenID Connect Core sections 5 and 8)."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from service.bags.kinds import Grant, PersonalClaims, Property
from service.config import Client
from service.decisions.context import Context
from service.protocol.claims import may_ask, of_scopes, select
from service.protocol.errors import OAuthError
from service.protocol.subject import subject

_ID_TOKEN, _USERINFO = 0, 1


class Person(NamedTuple):
    """The person of `grant`, for `client`.

    sub: the subject identifier for this client (public or pairwise).
    known: the person's claims.
    carried: the claims that only the login could tell; tokens carry them because no look-up returns them.
    """

    client: Client
    grant: Grant
    sub: str
    known: dict[str, Any]
    carried: dict[str, Any]

    @property
    def for_id_token(self) -> dict[str, Any]:
        """The claims that the request wants in the ID token (section 5.5)."""
        return select(self.known, self._asked(_ID_TOKEN))

    def sealed(
        self,
        scopes: Iterable[str],
        context: Context,
        jti: str,
        now: int,
        exp: int,
        properties: tuple[Property, ...] = (),
    ) -> str:
        """Return the sealed PersonalClaims for the access token `jti` with `scopes`; empty if it needs none.

        `now` and `exp` (the expiry of the access token) are in seconds since the epoch; `properties` are included.
        """
        scopes = frozenset(scopes)
        names = self._asked(_USERINFO) if "openid" in scopes else ()
        claims = select(self.carried, of_scopes(scopes).union(names)) if "openid" in scopes else {}
        if self.sub == self.grant.sub and not (names or claims or properties):
            return ""
        bag = PersonalClaims(context.snapshot.issuer, jti, now, exp, self.grant.sub, names, claims, properties)
        return context.snapshot.seal(bag, now)

    def _asked(self, where: int) -> tuple[str, ...]:
        asked = self.grant.asked
        return may_ask(self.client, asked[where]) if where < len(asked) else ()


async def find_person(grant: Grant, client_id: str, context: Context) -> Person:
    """Return the person of `grant`.

    Raises:
        OAuthError: invalid_client if the client was removed; any error that the operator's code raises.
    """
    registry = context.registry
    client = registry.clients.find(client_id)
    if client is None:
        raise OAuthError("invalid_client", "the client is not registered any more")
    known = await context.ports.users.claims(grant.sub)
    carried = grant.claims if known is None else {}
    return Person(
        client, grant, subject(grant.sub, client, registry.config), carried if known is None else known, carried
    )
