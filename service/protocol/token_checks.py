"""What an access token of ours rests on, and what must therefore not have been revoked.

A token that came from an exchange (RFC 8693) rests on its subject token and its actor token too. The claim `origin`
names them, each as `[jti, client_id, sub]`; an empty `sub` is the subject of the new token.
"""

from service.bags.kinds import AccessToken
from service.bags.snapshot import Snapshot
from service.protocol.revocation_check import RevocationCheck
from service.protocol.subject import owner

ORIGIN = "origin"
Origin = tuple[str, str, str]


def checks_of(token: AccessToken, snapshot: Snapshot, now: float) -> tuple[RevocationCheck, ...]:
    """Return what must not have been revoked: first `token` itself, then what it rests on. `now` is in seconds.

    Raises:
        BadBag: the key to the token's personal claims is gone.
    """
    person = owner(token, snapshot, now)
    own = RevocationCheck(token.jti, token.family, token.client_id, person, token.iat)
    origin = token.claims.get(ORIGIN)
    if not origin:
        return (own,)
    # Nothing older than the exchange can have been revoked before it: the exchange would have been refused.
    return (
        own,
        *(RevocationCheck(jti, _family(jti), client, sub or person, token.iat) for jti, client, sub in origin),
    )


def origin_of(token: AccessToken) -> tuple[Origin, ...]:
    """Return the tokens that a token made from `token` rests on."""
    earlier = tuple((jti, client, sub) for jti, client, sub in token.claims.get(ORIGIN, ()))
    return ((token.jti, token.client_id, ""), *earlier)


def _family(jti: str) -> str:
    family, dot, _ = jti.partition(".")
    return family if dot else ""
