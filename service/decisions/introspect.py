"""The decision on an introspection request (RFC 7662), plain or signed (RFC 9701)."""

from typing import Any

import msgspec

from keys import NoActiveKey
from service.bags.errors import BadBag
from service.bags.kinds import AccessToken
from service.bags.snapshot import INTROSPECTION_JWT
from service.config import Client
from service.decisions.admit import admit, unavailable
from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk, Incoming
from service.memory import MemoryFull, MemoryUnavailable
from service.protocol.errors import OAuthError
from service.protocol.standing import Standing


class ActiveToken(msgspec.Struct, omit_defaults=True):
    """The answer for a token that is active and concerns the caller (RFC 7662 section 2.2)."""

    active: bool
    iss: str
    sub: str
    aud: str | tuple[str, ...]
    client_id: str
    exp: int
    iat: int
    jti: str
    token_type: str
    scope: str = ""
    auth_time: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()
    cnf: dict[str, str] = {}
    act: dict[str, Any] | None = None
    authorization_details: list[dict[str, Any]] = []


class Inactive(msgspec.Struct):
    """The answer for everything else; it never says why."""

    active: bool = False


INACTIVE = Inactive()
JWT_TYPE = "application/token-introspection+jwt"


async def decide_introspection(desk: Desk, incoming: Incoming, now: float) -> Decision:
    """Judge an introspection request at `now` (seconds since the epoch).

    A resource server sees the tokens whose audience it is; for all else the answer is the same as for garbage.
    """
    decision = Decision(Action.OK)
    try:
        client, form = await admit(decision, desk, incoming, now)
        token = await _concerning(client, form.require("token"), desk, now)
    except OAuthError as error:
        return decision.refuse(error)
    except (MemoryUnavailable, MemoryFull) as fault:
        return decision.refuse(unavailable(fault))
    except BadBag as fault:
        decision.answer, decision.note = INACTIVE, fault.reason
    else:
        decision.answer, decision.jti = _active(token), token.jti
    if incoming.accept is not None and JWT_TYPE in incoming.accept:
        try:
            decision.answer, decision.media_type = _signed(decision, desk, now), JWT_TYPE
        except NoActiveKey as fault:
            return decision.refuse(OAuthError("temporarily_unavailable", "no key is active", reason=str(fault)))
    return decision


def _signed(decision: Decision, desk: Desk, now: float) -> str:
    """Return the answer as a JWT for the caller (RFC 9701 section 5), which proves who has given it."""
    claims = {
        "iss": desk.snapshot.issuer,
        "aud": decision.client_id,
        "iat": int(now),
        "token_introspection": decision.answer,
    }
    alg = desk.registry.config.keys.signing_algs[0]
    return desk.snapshot.sign_claims(INTROSPECTION_JWT, msgspec.json.encode(claims), alg, now)


async def _concerning(client: Client, text: str, desk: Desk, now: float) -> AccessToken:
    """Return the access token `text`, if it is for a resource that `client` is the server of, and still stands.

    Raises:
        BadBag: there is nothing to tell this caller.
        MemoryUnavailable
    """
    token = desk.snapshot.open(text, (AccessToken,), now)
    if not set(token.aud).intersection(client.serves):
        raise BadBag("the caller is not its audience")
    standing = Standing(token.jti, token.family, token.client_id, token.sub, token.iat)
    try:
        values = await desk.memory.get_many(standing.ids)
    except MemoryUnavailable:
        if "introspect" not in desk.registry.config.without_memory:
            raise
        return token
    if not standing.stands(values):
        raise BadBag("revoked")
    return token


def _active(token: AccessToken) -> ActiveToken | dict[str, Any]:
    aud = token.aud
    answer = ActiveToken(
        True,
        token.iss,
        token.sub,
        aud[0] if len(aud) == 1 else aud,
        token.client_id,
        token.exp,
        token.iat,
        token.jti,
        "DPoP" if "jkt" in token.cnf else "Bearer",
        token.scope,
        token.auth_time,
        token.acr,
        token.amr,
        token.cnf,
        token.act,
        token.authorization_details,
    )
    return {**token.claims, **msgspec.to_builtins(answer)} if token.claims else answer
