"""Token exchange (RFC 8693) and JWT assertions (RFC 7523) at /auth/token.

The service verifies the tokens that it can verify; the caller verifies the others. The caller then calls
/auth/token/create for the subject of its choice.
"""

from typing import Any

import msgspec

from service.bags.errors import BadBag
from service.bags.kinds import AccessToken, Terms
from service.decision_api.clients import client_members
from service.decision_api.tokens import TokenInfo, resources_of
from service.decision_api.wire import Scope, on_wire, pairs
from service.decisions.context import Context
from service.decisions.older_tokens import older_than_memory
from service.decisions.one_time import spend_all
from service.decisions.token.decide import CheckedTokenRequest
from service.decisions.token.redeem import redeem
from service.decisions.withdrawn import withdrawn
from service.grants import GrantRequest
from service.grants.exchange_party import Party, party
from service.grants.issuers import UnknownIssuer
from service.grants.jwt_bearer import invalid_assertion, plan_for_assertion
from service.grants.token_exchange import check_may_act, unacceptable_token
from service.protocol.errors import OAuthError
from service.protocol.revocation_check import all_ids, all_stand
from service.protocol.scopes import parse_scope
from service.protocol.subject import personal_claims

_TYPE = "urn:ietf:params:oauth:token-type:"
TOKEN_TYPES = {
    f"{_TYPE}{name}": name.upper() for name in ("jwt", "access_token", "refresh_token", "id_token", "saml1", "saml2")
}
_ACCESS_TOKEN = f"{_TYPE}access_token"


async def defer_exchange(
    context: Context, checked: CheckedTokenRequest, terms: Terms | None, now: float
) -> dict[str, Any]:
    """Return the response members that describe an exchange; a token's info is present if the token was verified.

    Raises:
        OAuthError, MemoryUnavailable, MemoryFull
    """
    request, form = checked.request, checked.request.form
    if request.client.public:
        raise OAuthError("unauthorized_client", "token exchange is for confidential clients; this client is public")
    requested, scope = form.get("requested_token_type"), form.get("scope")
    if requested is not None and requested not in TOKEN_TYPES:
        raise OAuthError("invalid_request", "requested_token_type must be one of RFC 8693 section 3")
    if (form.get("actor_token") is None) != (form.get("actor_token_type") is None):
        raise OAuthError("invalid_request", "actor_token and actor_token_type must be sent together")
    members: dict[str, Any] = {
        "action": "TOKEN_EXCHANGE",
        "requested_token_type": TOKEN_TYPES[requested] if requested else None,
        "audiences": form.all("audience") or None,
        "resources": form.all("resource") or None,
        "scopes": None if scope is None else list(parse_scope(scope)),
    }
    for name in ("subject_token", "subject_token_type"):
        form.require(name)
    parties = {role: await _party(role, request) for role in ("subject", "actor")}
    known = [each for each in parties.values() if each is not None]
    subject = parties["subject"]
    if subject is not None:
        if subject.may_act is not None and form.get("actor_token") is not None and parties["actor"] is None:
            raise unacceptable_token("actor", "the subject token has may_act, and the actor token is not verified")
        check_may_act(subject, parties["actor"], request)
    checks = [check for each in known for check in each.revocation_checks]
    if withdrawn(checks, context):
        raise unacceptable_token("subject", "the client or the user is gone")
    if not all_stand(checks, await context.memory.get_many(all_ids(checks))):
        raise unacceptable_token("subject", "revoked")
    if older_than_memory(checks, context):
        raise unacceptable_token("subject", "older than the memory")
    notes = []
    for role, each in parties.items():
        text, kind = form.get(f"{role}_token"), form.get(f"{role}_token_type")
        if text is None:
            continue
        notes.append(f"{role} token {'verified' if each is not None else 'not verified: that is left to the caller'}")
        members |= {
            f"{role}_token": text,
            f"{role}_token_type": TOKEN_TYPES.get(kind or ""),
            f"{role}_token_info": None if each is None else _info(each, text, context, now),
        }
    await spend_all(checked.one_time_ids, context.memory)
    return {**members, "note": "; ".join(notes)}


async def _party(role: str, request: GrantRequest) -> Party | None:
    """Return the party of the subject token or actor token; None if there is none, or the service cannot verify it.

    Raises:
        OAuthError: invalid_request if the token is not acceptable; temporarily_unavailable.
    """
    text, kind = request.form.get(f"{role}_token"), request.form.get(f"{role}_token_type")
    if text is None or kind is None:
        return None
    if kind not in TOKEN_TYPES:
        raise OAuthError("invalid_request", f"{role}_token_type must be one of RFC 8693 section 3")
    if TOKEN_TYPES[kind] not in ("JWT", "ACCESS_TOKEN", "ID_TOKEN"):
        return None
    try:
        return await party(text, kind, request)
    except UnknownIssuer:
        if kind != _ACCESS_TOKEN:
            return None
        reason = "an access token of another issuer"
    except BadBag as fault:
        reason = fault.reason
    raise unacceptable_token(role, reason)


def _info(known: Party, text: str, context: Context, now: float) -> TokenInfo:
    """Return the verified content of a token."""
    members: dict[str, Any] = {"subject": known.sub}
    if known.iss == context.snapshot.issuer:
        token = context.snapshot.open(text, (AccessToken,), now)
        personal = personal_claims(token, context.snapshot, now)
        members = {
            **client_members(context.registry.clients.find(token.client_id)),
            "subject": None if token.sub == token.client_id else known.revocation_checks[0].sub,
            "resources": resources_of(token),
            "authorization_details": on_wire(token.authorization_details),
            "properties": None if personal is None else pairs(personal.properties),
        }
    scopes = [Scope(name=name, description="") for name in sorted(known.scope)]
    return TokenInfo(**members, scopes=scopes or None, expires_at=known.expires * 1000)


async def defer_assertion(
    context: Context, checked: CheckedTokenRequest, terms: Terms | None, now: float
) -> dict[str, Any]:
    """Return the response members that describe an assertion; `subject` is present if the assertion was verified.

    A verified assertion is spent.

    Raises:
        OAuthError, MemoryUnavailable, MemoryFull
    """
    form = checked.request.form
    scope = form.get("scope")
    members: dict[str, Any] = {"action": "JWT_BEARER", "assertion": form.require("assertion")}
    try:
        plan = await plan_for_assertion(checked.request)
    except UnknownIssuer:
        scopes = None if scope is None else list(parse_scope(scope))
        await spend_all(checked.one_time_ids, context.memory)
        return {**members, "scopes": scopes, "note": "assertion not verified: that is left to the caller"}
    except BadBag as fault:
        raise invalid_assertion(fault.reason) from None
    await redeem(msgspec.structs.replace(plan, one_time_ids=(*checked.one_time_ids, *plan.one_time_ids)), context, now)
    return {
        **members,
        "subject": plan.subject,
        "scopes": list(plan.scopes),
        "resources": [audience.identifier for audience in plan.audiences],
        "note": "assertion verified",
    }
