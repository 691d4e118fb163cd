"""The decision on an introspection request (RFC 7662), plain or signed (RFC 9701)."""

import msgspec

from keys import NoActiveKey
from service.bags.errors import BadBag
from service.bags.kinds import AccessToken
from service.bags.sign import access_claims
from service.bags.snapshot import INTROSPECTION_JWT
from service.config import Client
from service.decisions.admit import admit, unavailable
from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk, Incoming
from service.memory import MemoryFull, MemoryUnavailable
from service.protocol.errors import OAuthError
from service.protocol.standing import Standing

INACTIVE = msgspec.Raw(b'{"active":false}')
"""The answer for everything that is not active, or not for the caller; it never says why."""

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


def _active(token: AccessToken) -> msgspec.Raw:
    """Return the answer for a token that concerns the caller (RFC 7662 section 2.2): what a signed one would say."""
    token_type = b"DPoP" if "jkt" in token.cnf else b"Bearer"
    return msgspec.Raw(b'{"active":true,"token_type":"%b",%b' % (token_type, access_claims(token)[1:]))
