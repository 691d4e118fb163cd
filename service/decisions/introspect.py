"""The decision on an introspection request (RFC 7662), plain or signed (RFC 9701)."""

import re
from collections.abc import Collection

import msgspec

from keys import NoActiveKey
from service.bags.errors import BadBag
from service.bags.kinds import AccessToken, visible
from service.bags.sign import RESERVED_CLAIMS, access_claims
from service.bags.snapshot import INTROSPECTION_JWT
from service.decisions.admit import admit, unavailable
from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk, Incoming
from service.memory import MemoryFull, MemoryUnavailable
from service.protocol.errors import OAuthError
from service.protocol.standing import Standing
from service.protocol.subject import owner, personal_claims

INACTIVE = msgspec.Raw(b'{"active":false}')
"""The answer for everything that is not active, or not for the caller; it never says why."""

JWT_TYPE = "application/token-introspection+jwt"
_REFUSED = re.compile(r"q=0(\.0{0,3})?")


async def decide_introspection(desk: Desk, incoming: Incoming, now: float) -> Decision:
    """Judge an introspection request at `now` (seconds since the epoch).

    A resource server sees the tokens whose audience it is; for all else the answer is the same as for garbage.
    """
    decision = Decision(Action.OK)
    try:
        client, form = await admit(decision, desk, incoming, now)
        await describe(decision, desk, form.require("token"), client.serves, now)
        if accepts_jwt(incoming.accept):
            sign_answer(decision, desk, client.id, now)
    except OAuthError as error:
        return decision.refuse(error)
    except (MemoryUnavailable, MemoryFull) as fault:
        return decision.refuse(unavailable(fault))
    except NoActiveKey as fault:
        return decision.refuse(OAuthError("temporarily_unavailable", "no key is active", reason=str(fault)))
    return decision


def accepts_jwt(accept: str | None) -> bool:
    """Tell whether an Accept header (RFC 9110 section 12.5.1) asks for a signed answer by name, not by a wildcard."""
    for element in (accept or "").lower().split(","):
        media_type, *parameters = [part.strip() for part in element.split(";")]
        if media_type == JWT_TYPE:
            return not any(_REFUSED.fullmatch(parameter) for parameter in parameters)
    return False


async def describe(
    decision: Decision, desk: Desk, text: str, audiences: Collection[str] | None, now: float, *, hidden: bool = False
) -> AccessToken | None:
    """Make `decision` tell of the access token `text`, if it stands and is for one of `audiences`, and return it.

    `hidden`: properties that clients do not see are told of too.

    Raises:
        MemoryUnavailable
    """
    try:
        token = await find_token(text, audiences, desk, now)
        decision.answer, decision.jti = _active(token, desk, now, hidden=hidden), token.jti
    except BadBag as fault:
        decision.answer, decision.note = INACTIVE, fault.reason
        return None
    return token


def sign_answer(decision: Decision, desk: Desk, audience: str, now: float) -> None:
    """Make the answer a JWT for `audience` (RFC 9701 section 5), which proves who has given it.

    Raises:
        NoActiveKey
    """
    claims = {
        "iss": desk.snapshot.issuer,
        "aud": audience,
        "iat": int(now),
        "token_introspection": decision.answer,
    }
    alg = desk.registry.config.keys.signing_algs[0]
    decision.answer = desk.snapshot.sign_claims(INTROSPECTION_JWT, msgspec.json.encode(claims), alg, now)
    decision.media_type = JWT_TYPE


async def find_token(text: str, audiences: Collection[str] | None, desk: Desk, now: float) -> AccessToken:
    """Return the access token `text`, if it still stands and is for one of `audiences` (None: for any).

    Raises:
        BadBag: there is nothing to tell this caller.
        MemoryUnavailable
    """
    token = desk.snapshot.open(text, (AccessToken,), now)
    if audiences is not None and not set(token.aud).intersection(audiences):
        raise BadBag("the caller is not its audience")
    person = owner(token, desk.snapshot, now)
    standing = Standing(token.jti, token.family, token.client_id, person, token.iat)
    try:
        values = await desk.memory.get_many(standing.ids)
    except MemoryUnavailable:
        if "introspect" not in desk.registry.config.without_memory:
            raise
        return token
    if not standing.stands(values):
        raise BadBag("revoked")
    return token


def _active(token: AccessToken, desk: Desk, now: float, *, hidden: bool) -> msgspec.Raw:
    """Return the answer for a token that concerns the caller (RFC 7662 section 2.2): what a signed one would say."""
    personal = personal_claims(token, desk.snapshot, now)
    if personal is not None:
        properties = visible(personal.properties, hidden=hidden)
        shown = {name: value for name, value in properties.items() if name not in RESERVED_CLAIMS}
        claims = {name: value for name, value in token.claims.items() if name != "personal"}
        token = msgspec.structs.replace(token, claims={**shown, **claims})
    token_type = b"DPoP" if "jkt" in token.cnf else b"Bearer"
    return msgspec.Raw(b'{"active":true,"token_type":"%b",%b' % (token_type, access_claims(token)[1:]))
