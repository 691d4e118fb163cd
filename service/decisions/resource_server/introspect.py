"""The decision on an introspection request (RFC 7662), plain or signed (RFC 9701)."""

import re
from collections.abc import Collection, Sequence

import msgspec

from service.bags.errors import BadBag
from service.bags.kinds import AccessToken, visible
from service.bags.sign import RESERVED_CLAIMS, access_claims
from service.bags.snapshot import INTROSPECTION_JWT
from service.clients.rights import token_today
from service.decisions.caller import authenticate_caller
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.form_request import FormRequest
from service.decisions.older_tokens import older_than_memory
from service.decisions.one_time import spend_all
from service.decisions.refusing import REFUSABLE, refusal_of
from service.decisions.withdrawn import withdrawn
from service.memory import Entry, MemoryUnavailable
from service.protocol.errors import OAuthError
from service.protocol.revocation_check import RevocationCheck, all_ids, all_stand
from service.protocol.subject import personal_claims
from service.protocol.token_checks import checks_of

INACTIVE = msgspec.Raw(b'{"active":false}')
"""The response for every token that is not active or not for the caller; it never tells the reason."""

JWT_TYPE = "application/token-introspection+jwt"
_NOT_ACCEPTABLE = re.compile(r"q=0(\.0{0,3})?")


async def decide_introspection(context: Context, form_request: FormRequest, now: float) -> Decision:
    """Return the decision on an introspection request at `now` (seconds since the epoch).

    A resource server can introspect only tokens that were issued for it. For any other token the response is the same
    as for garbage.
    """
    decision = Decision(Action.OK)
    try:
        client, form, one_time_ids = await authenticate_caller(decision, context, form_request, now)
        if client.public:
            raise OAuthError(
                "invalid_client",
                "the client must prove who it is to introspect tokens",
                reason="a public client introspects",
            )
        await describe(decision, context, form.require("token"), client.serves, now)
        if accepts_jwt(form_request.accept):
            sign_answer(decision, context, client.id, now)
        await spend_all(one_time_ids, context.memory)
    except REFUSABLE as fault:
        return decision.refuse(refusal_of(fault))
    return decision


def accepts_jwt(accept: str | None) -> bool:
    """Tell whether an Accept header (RFC 9110 section 12.5.1) asks for a signed answer by name, not by a wildcard."""
    for element in (accept or "").lower().split(","):
        media_type, *parameters = [part.strip() for part in element.split(";")]
        if media_type == JWT_TYPE:
            return not any(_NOT_ACCEPTABLE.fullmatch(parameter) for parameter in parameters)
    return False


async def describe(
    decision: Decision,
    context: Context,
    text: str,
    audiences: Collection[str] | None,
    now: float,
    *,
    hidden: bool = False,
) -> AccessToken | None:
    """Write into `decision` the response for the access token `text`; return the token if it is active.

    `audiences`, `now`: as for `find_token`. `hidden`: include the properties that clients do not see.

    Raises:
        MemoryUnavailable
    """
    try:
        token = await find_token(text, audiences, context, now)
        decision.answer, decision.jti = _active(token, context, now, hidden=hidden), token.jti
    except BadBag as fault:
        decision.answer, decision.note = INACTIVE, fault.reason
        return None
    return token


def sign_answer(decision: Decision, context: Context, audience: str, now: float) -> None:
    """Replace the response of `decision` by a JWT for `audience` (RFC 9701 section 5).

    Raises:
        NoActiveKey
    """
    claims = {
        "iss": context.snapshot.issuer,
        "aud": audience,
        "iat": int(now),
        "token_introspection": decision.answer,
    }
    alg = context.registry.config.keys.signing_algs[0]
    decision.answer = context.snapshot.sign_claims(INTROSPECTION_JWT, msgspec.json.encode(claims), alg, now)
    decision.media_type = JWT_TYPE


async def find_token(text: str, audiences: Collection[str] | None, context: Context, now: float) -> AccessToken:
    """Return the access token `text` if it is active and was issued for one of `audiences` (None: for any).

    Raises:
        BadBag: the token is not active, or not for these audiences.
        MemoryUnavailable
    """
    token = context.snapshot.open(text, (AccessToken,), now)
    token = token_today(token, context.registry)
    if audiences is not None and not set(token.aud).intersection(audiences):
        raise BadBag("the caller is not in the audience")
    checks = checks_of(token, context.snapshot, now)
    if withdrawn(checks, context):
        raise BadBag("the client or the user is gone")
    try:
        values = await context.memory.get_many(all_ids(checks))
    except MemoryUnavailable:
        if "introspect" not in context.registry.config.without_memory:
            raise
        return token
    require_standing(checks, values, context)
    return token


def require_standing(checks: Sequence[RevocationCheck], entries: Sequence[Entry | None], context: Context) -> None:
    """Refuse an access token that was revoked, or that is older than the memory, which may have forgotten that.

    `entries` are those of `all_ids(checks)`, read in this turn of the event loop.

    Raises:
        BadBag
        MemoryUnavailable
    """
    if not all_stand(checks, entries):
        raise BadBag("revoked")
    if older_than_memory(checks, context):
        raise BadBag("older than the memory")


def _active(token: AccessToken, context: Context, now: float, *, hidden: bool) -> msgspec.Raw:
    """Return the response for an active token (RFC 7662 section 2.2): the claims that a signed token would have."""
    personal = personal_claims(token, context.snapshot, now)
    if personal is not None:
        properties = visible(personal.properties, hidden=hidden)
        shown = {name: value for name, value in properties.items() if name not in RESERVED_CLAIMS}
        claims = {name: value for name, value in token.claims.items() if name != "personal"}
        token = msgspec.structs.replace(token, claims={**shown, **claims})
    token_type = b"DPoP" if "jkt" in token.cnf else b"Bearer"
    return msgspec.Raw(b'{"active":true,"token_type":"%b",%b' % (token_type, access_claims(token)[1:]))
