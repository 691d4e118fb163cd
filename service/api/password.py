"""The half-done password request: the caller knows the users (RFC 6749 section 4.3), /auth/token/issue and /fail."""

from typing import Any

import msgspec

from service.api.answers import action_of, content
from service.api.terms import WithWishes, over, terms_of, under
from service.api.tokens import Tokens, token_members
from service.api.wire import CallersFault, Message, Response
from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import Terms, TokenTicket
from service.config import Client
from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk
from service.decisions.refusing import refusing
from service.decisions.spending import check_identity, spend_all
from service.decisions.token import Asked, issue
from service.grants import GrantRequest
from service.grants.password import password_request, plan_for_user
from service.protocol.errors import ErrorCode, OAuthError
from service.protocol.form import Form
from service.protocol.ports import User
from service.protocol.registry import Entitlement
from service.protocol.spend import Spend

REASONS: dict[str, tuple[ErrorCode, str]] = {
    "UNKNOWN": ("server_error", "something went wrong"),
    "INVALID_RESOURCE_OWNER_CREDENTIALS": ("invalid_grant", "the user name or the password is wrong"),
    "INVALID_TARGET": ("invalid_target", "the resource is not acceptable"),
    "INVALID_CLIENT": ("invalid_client", "client authentication failed"),
    "UNAUTHORIZED_CLIENT": ("unauthorized_client", "the client may not use this grant type"),
    "INVALID_SCOPE": ("invalid_scope", "the scope is not acceptable"),
}


class TokenIssueRequest(WithWishes):
    """Who the user is that a ticket waits for."""

    ticket: str | None = None
    subject: str | None = None


class TokenFailRequest(Message):
    """Why a ticket comes to nothing."""

    ticket: str | None = None
    reason: str | None = None


async def defer_password(desk: Desk, asked: Asked, terms: Terms | None, now: float) -> dict[str, Any]:
    """Return the members that tell of a password request, with a ticket for its end.

    Raises:
        OAuthError, MemoryUnavailable, MemoryFull, NoActiveKey
    """
    request = asked.request
    username, secret, entitled = password_request(request)
    await spend_all(asked.spends, desk.memory)
    resources = tuple(audience.identifier for audience in entitled.audiences)
    ticket = TokenTicket(
        iss=desk.snapshot.issuer,
        jti=fresh_id(),
        iat=int(now),
        exp=int(now) + desk.registry.config.lifetimes.login,
        client_id=request.client.id,
        scopes=entitled.scopes,
        resources=resources,
        requested=entitled.requested,
        memory=desk.memory.identity,
        cnf=request.cnf,
        terms=terms,
    )
    return {
        "action": "PASSWORD",
        "username": username,
        "password": secret,
        "ticket": desk.snapshot.seal(ticket, now),
        "scopes": list(entitled.scopes),
        "resources": list(resources),
    }


async def issue_ticket(desk: Desk, request: TokenIssueRequest, now: float) -> tuple[Decision, Tokens]:
    """Issue the tokens of a password request to the user whom the caller names.

    Raises:
        CallersFault
    """
    decision = Decision(Action.OK)
    terms = terms_of(request, desk.registry.config)
    if not request.subject or desk.registry.client(request.subject) is not None:
        raise CallersFault("subject is missing, or the id of a client")
    with refusing(decision):
        ticket, client = _open(decision, desk, request.ticket, now)
        audiences = tuple(desk.registry.audiences[name] for name in ticket.resources)
        entitled = Entitlement(audiences, ticket.scopes, ticket.requested)
        of = GrantRequest(Form({}, {}), client, ticket.cnf, desk.registry, desk.snapshot, desk.ports, now)
        plan = under(plan_for_user(User(request.subject), entitled, of), over(ticket.terms, terms))
        await issue(decision, desk, msgspec.structs.replace(plan, spends=(_spend(ticket, desk),)), now)
    action = "OK" if decision.error is None else "INTERNAL_SERVER_ERROR"
    members = token_members(decision, desk)
    return decision, Tokens(**{**members, "action": action, "response_content": content(decision)})


async def fail_ticket(desk: Desk, request: TokenFailRequest, now: float) -> tuple[Decision, Response]:
    """End a password request for the caller's reason.

    Raises:
        CallersFault
    """
    decision = Decision(Action.OK)
    if request.reason not in REASONS:
        raise CallersFault(f"reason is none of {', '.join(REASONS)}")
    with refusing(decision):
        ticket, _ = _open(decision, desk, request.ticket, now)
        await spend_all((_spend(ticket, desk),), desk.memory)
        code, description = REASONS[request.reason]
        raise OAuthError(code, description, reason=f"the caller says {request.reason}")
    action = action_of(decision, unauthorized="BAD_REQUEST")
    return decision, Response(action=action, response_content=content(decision))


def _open(decision: Decision, desk: Desk, text: str | None, now: float) -> tuple[TokenTicket, Client]:
    """Return the ticket in `text`, and its client.

    Raises:
        OAuthError: server_error, since no client knows of tickets.
        MemoryUnavailable
    """
    try:
        ticket = desk.snapshot.open(text or "", (TokenTicket,), now)
    except BadBag as fault:
        raise _gone(fault.reason) from None
    client = desk.registry.client(ticket.client_id)
    if client is None or not desk.registry.audiences.keys() >= set(ticket.resources):
        raise _gone("its client or resource is gone")
    decision.client_id, decision.grant_type = client.id, "password"
    check_identity(ticket.memory, desk)
    return ticket, client


def _spend(ticket: TokenTicket, desk: Desk) -> Spend:
    """Return what makes `ticket` good for one answer.

    Raises:
        OAuthError: server_error, where the memory would not know of another.
        MemoryUnavailable
    """
    id = f"ticket:{ticket.jti}"
    if ticket.memory == desk.memory.identity and ticket.iat < desk.memory.since([id]):
        raise _gone("older than the memory")
    return Spend(id, ticket.exp + desk.registry.config.keys.skew, "login", _gone("answered before"))


def _gone(reason: str) -> OAuthError:
    return OAuthError("server_error", "something went wrong", reason=f"the ticket is not valid: {reason}")
