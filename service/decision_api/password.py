"""/auth/token/issue and /fail: the caller checks the password of a password grant (RFC 6749 section 4.3)."""

from typing import Any

import msgspec

from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import Terms, TokenTicket
from service.bags.snapshot import MAX_CHARS
from service.config import Client
from service.decision_api.answers import action_of, content
from service.decision_api.terms import TokenTermsRequest, apply_terms, merge_terms, terms_of
from service.decision_api.tokens import Tokens, token_members
from service.decision_api.wire import CallersFault, Message, Response
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.one_time import spend_all
from service.decisions.refusing import refusing
from service.decisions.token.decide import CheckedTokenRequest, issue
from service.decisions.token.redeem import check_identity
from service.grants import GrantRequest
from service.grants.password import password_request, plan_for_user
from service.memory import owners
from service.protocol.entitlement import Entitlement
from service.protocol.errors import ErrorCode, OAuthError
from service.protocol.form import Form
from service.protocol.one_time_id import OneTimeId
from service.protocol.ports import User

REASONS: dict[str, tuple[ErrorCode, str]] = {
    "UNKNOWN": ("server_error", "internal error"),
    "INVALID_RESOURCE_OWNER_CREDENTIALS": ("invalid_grant", "the user name or the password is wrong"),
    "INVALID_TARGET": ("invalid_target", "resource is not accepted for this client; check the parameter"),
    "INVALID_CLIENT": ("invalid_client", "client authentication failed"),
    "UNAUTHORIZED_CLIENT": ("unauthorized_client", "the client is not registered for this grant_type"),
    "INVALID_SCOPE": ("invalid_scope", "scope is not accepted for this client; check the parameter"),
}


class TokenIssueRequest(TokenTermsRequest):
    """The user of the password request that `ticket` stands for."""

    ticket: str | None = None
    subject: str | None = None


class TokenFailRequest(Message):
    """The reason to refuse the password request that `ticket` stands for."""

    ticket: str | None = None
    reason: str | None = None


async def defer_password(
    context: Context, checked: CheckedTokenRequest, terms: Terms | None, now: float
) -> dict[str, Any]:
    """Return the response members that describe a password request, with a ticket for /issue or /fail.

    Raises:
        OAuthError, MemoryUnavailable, MemoryFull, NoActiveKey
    """
    request = checked.request
    username, secret, entitlement = password_request(request)
    resources = tuple(audience.identifier for audience in entitlement.audiences)
    ticket = TokenTicket(
        iss=context.snapshot.issuer,
        jti=fresh_id(),
        iat=int(now),
        exp=int(now) + context.registry.config.lifetimes.login,
        client_id=request.client.id,
        scopes=entitlement.scopes,
        resources=resources,
        requested=entitlement.requested,
        memory=context.memory.identity,
        cnf=request.cnf,
        terms=terms,
    )
    text = context.snapshot.seal(ticket, now)
    if len(text) > MAX_CHARS:
        raise OAuthError("invalid_request", "the request is too long; request fewer scopes or resources")
    await spend_all(checked.one_time_ids, context.memory)
    return {
        "action": "PASSWORD",
        "username": username,
        "password": secret,
        "ticket": text,
        "scopes": list(entitlement.scopes),
        "resources": list(resources),
    }


async def issue_ticket(context: Context, request: TokenIssueRequest, now: float) -> tuple[Decision, Tokens]:
    """Issue the tokens of a password request for the user that the caller names.

    Raises:
        CallersFault
    """
    decision = Decision(Action.OK)
    terms = terms_of(request, context.registry.config)
    if not context.registry.clients.can_be_user(request.subject or ""):
        raise CallersFault("subject must have 1 to 255 printable ASCII characters and must not be the id of a client")
    with refusing(decision):
        ticket, client = _open(decision, context, request.ticket, now)
        audiences = tuple(context.registry.audiences[name] for name in ticket.resources)
        entitlement = Entitlement(audiences, ticket.scopes, ticket.requested)
        of = GrantRequest(Form({}, {}), client, ticket.cnf, context.registry, context.snapshot, context.ports, now)
        user = User(request.subject or "")
        plan = apply_terms(plan_for_user(user, entitlement, of), merge_terms(ticket.terms, terms))
        await issue(decision, context, msgspec.structs.replace(plan, one_time_ids=(_spend(ticket, context),)), now)
    action = "OK" if decision.error is None else "INTERNAL_SERVER_ERROR"
    members = token_members(decision, context)
    return decision, Tokens(**{**members, "action": action, "response_content": content(decision)})


async def fail_ticket(context: Context, request: TokenFailRequest, now: float) -> tuple[Decision, Response]:
    """Refuse a password request for the caller's reason.

    Raises:
        CallersFault
    """
    decision = Decision(Action.OK)
    if request.reason not in REASONS:
        raise CallersFault(f"reason must be one of {', '.join(REASONS)}")
    with refusing(decision):
        ticket, _ = _open(decision, context, request.ticket, now)
        await spend_all((_spend(ticket, context),), context.memory)
        code, description = REASONS[request.reason]
        raise OAuthError(code, description, reason=f"the caller says {request.reason}")
    action = action_of(decision, unauthorized="BAD_REQUEST")
    return decision, Response(action=action, response_content=content(decision))


def _open(decision: Decision, context: Context, text: str | None, now: float) -> tuple[TokenTicket, Client]:
    """Return the ticket in `text`, and its client.

    Raises:
        OAuthError: server_error, since the client does not know of the ticket.
        MemoryUnavailable
    """
    try:
        ticket = context.snapshot.open(text or "", (TokenTicket,), now)
    except BadBag as fault:
        raise _invalid_ticket(fault.reason) from None
    client = context.registry.clients.find(ticket.client_id)
    if client is None or "password" not in client.grants or not set(ticket.scopes) <= set(client.scopes):
        raise _invalid_ticket("the client is gone, or may no longer have the scopes")
    if not all(context.registry.audiences.allows(client, name) for name in ticket.resources):
        raise _invalid_ticket("the resource is gone, or no longer for the client")
    decision.client_id, decision.grant_type = client.id, "password"
    check_identity(ticket.memory, context)
    return ticket, client


def _spend(ticket: TokenTicket, context: Context) -> OneTimeId:
    """Return the one-time id of `ticket`.

    Raises:
        OAuthError: server_error if the ticket is older than the memory, which may have forgotten its use.
        MemoryUnavailable
    """
    id = f"ticket:{ticket.jti}"
    if ticket.memory == context.memory.identity and ticket.iat < context.memory.since([id]):
        raise _invalid_ticket("older than the memory")
    until, by = ticket.exp + context.registry.config.keys.skew, owners(client=ticket.client_id)
    return OneTimeId(id, until, "login", _invalid_ticket("answered before"), by)


def _invalid_ticket(reason: str) -> OAuthError:
    return OAuthError("server_error", "internal error", reason=f"the ticket is not valid: {reason}")
