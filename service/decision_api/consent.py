"""/auth/authorization/issue and /fail: the outcome of login and consent at the caller's pages (RFC 6749 4.1.2)."""

from typing import Any, cast

from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import ApiTicket, Login, LoginTicket, Terms, Verdict
from service.config import Client
from service.decision_api.authorization import redirection
from service.decision_api.terms import TokenTermsRequest, terms_of
from service.decision_api.wire import CallersFault, Details, Message, Response, details_of, json_of, text_of
from service.decisions.authorize.complete import complete, refuse_to_client, reply_to
from service.decisions.authorize.login_ticket import (
    TicketAnswer,
    answer_digest,
    check_registration,
    page_expired,
    spend_ticket,
)
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.login_application.verdict import issued
from service.decisions.refusing import refusing
from service.decisions.session.session import new_session
from service.decisions.token.redeem import check_identity
from service.protocol.errors import ErrorCode, OAuthError
from service.protocol.form import Form

REASONS: dict[str, tuple[ErrorCode, str]] = {
    "UNKNOWN": ("server_error", "internal error"),
    "NOT_LOGGED_IN": ("login_required", "the person is not logged in"),
    "MAX_AGE_NOT_SUPPORTED": ("login_required", "the time of the login is unknown, so max_age cannot be checked"),
    "EXCEEDS_MAX_AGE": ("login_required", "the login is too old for max_age; the person must log in again"),
    "DIFFERENT_SUBJECT": ("login_required", "the person who logged in is not the one that the request names"),
    "ACR_NOT_SATISFIED": ("unmet_authentication_requirements", "the login does not have the essential acr"),
    "DENIED": ("access_denied", "the person denied access"),
    "SERVER_ERROR": ("server_error", "internal error"),
    "NOT_AUTHENTICATED": ("login_required", "the person did not log in"),
    "ACCOUNT_SELECTION_REQUIRED": ("account_selection_required", "the person must choose an account"),
    "CONSENT_REQUIRED": ("consent_required", "the person must consent"),
    "INTERACTION_REQUIRED": ("interaction_required", "the person must answer a question on a page"),
    "INVALID_TARGET": ("invalid_target", "resource is not accepted for this client; check the parameter"),
}


class LoginAndConsent(TokenTermsRequest):
    """Who has logged in, and what the person grants: `scopes`, or all requested scopes without it.

    `auth_time` is in seconds since the epoch; `claims` is a JSON object with the claims of the person.
    """

    subject: str | None = None
    sub: str | None = None
    auth_time: int | None = None
    acr: str | None = None
    claims: str | None = None
    scopes: list[str] | None = None
    authorization_details: Details | None = None


class AuthorizationIssueRequest(LoginAndConsent):
    """The person has consented."""

    ticket: str | None = None


class AuthorizationFailRequest(Message):
    """The request is refused; `description` is for the client, with the characters that RFC 6749 section 5.2 allows."""

    ticket: str | None = None
    reason: str | None = None
    description: str | None = None


class AuthorizationIssueResponse(Response):
    """The response to the browser, which leads to the client."""

    authorization_code: str | None = None


async def issue_code(
    context: Context, request: AuthorizationIssueRequest, now: float
) -> tuple[Decision, AuthorizationIssueResponse]:
    """Answer the client of a ticket with a code for what the person grants.

    Raises:
        CallersFault
    """
    decision = Decision(Action.OK)
    terms = terms_of(request, context.registry.config)
    with refusing(decision):
        ticket, client = _open(decision, context, request.ticket, now)
        await grant(context, decision, ticket, client, request, terms, now)
    answer = redirection(decision)
    return decision, AuthorizationIssueResponse(
        action=answer.action,
        response_content=answer.response_content,
        authorization_code=decision.code or None,
    )


async def fail_code(context: Context, request: AuthorizationFailRequest, now: float) -> tuple[Decision, Response]:
    """Answer the client of a ticket with an error.

    Raises:
        CallersFault
    """
    decision = Decision(Action.OK)
    if request.reason not in REASONS:
        raise CallersFault(f"reason must be one of {', '.join(REASONS)}")
    code, description = REASONS[request.reason]
    try:
        error = OAuthError(code, request.description or description)
    except ValueError:
        raise CallersFault(
            "description must be printable ASCII without quotation marks and backslashes (RFC 6749 section 5.2)"
        ) from None
    with refusing(decision):
        ticket, _ = _open(decision, context, request.ticket, now)
        await spend_ticket(context, ticket, TicketAnswer(int(now), answer_digest(error.code), fresh_id()))
        refuse_to_client(decision, error, reply_to(ticket.request), context.snapshot.issuer)
    return decision, redirection(decision)


async def grant(
    context: Context,
    decision: Decision,
    ticket: LoginTicket,
    client: Client,
    outcome: LoginAndConsent,
    terms: Terms | None,
    now: float,
) -> None:
    """Answer the client of `ticket` with what the person grants, after the checks of a login application's verdict.

    Raises:
        CallersFault: `outcome` does not fit the request.
        OAuthError, MemoryUnavailable, MemoryFull, NoActiveKey
    """
    verdict = _verdict(context, ticket, client, outcome, now)
    session = new_session(context, cast(Login, verdict.login), now)
    scope, details = verdict.scope, verdict.authorization_details
    await complete(
        context, decision, verdict.ticket, client, session, now, scope=scope, authorization_details=details, terms=terms
    )


def _verdict(context: Context, ticket: LoginTicket, client: Client, outcome: LoginAndConsent, now: float) -> Verdict:
    if outcome.sub not in (None, "", outcome.subject):
        raise CallersFault("sub must equal subject or be absent; pairwise identifiers are computed (subject_type)")
    details = details_of(outcome.authorization_details)
    members: dict[str, Any] = {
        "subject": outcome.subject,
        "auth_time": str(outcome.auth_time) if outcome.auth_time else None,
        "acr": outcome.acr,
        "claims": text_of(json_of("claims", outcome.claims)),
        "scope": None if outcome.scopes is None else " ".join(outcome.scopes),
        "authorization_details": None if details is None else text_of(details),
    }
    form = Form(
        {name: value for name, value in members.items() if value is not None and (value or name == "scope")}, {}
    )
    try:
        return issued(context, ticket, client, form, now)
    except OAuthError as error:
        raise CallersFault(f"{error.code}: {error.description}") from None


def _open(decision: Decision, context: Context, text: str | None, now: float) -> tuple[LoginTicket, Client]:
    """Return the ticket in `text` as a LoginTicket, and its client.

    Raises:
        OAuthError: invalid_request.
        MemoryUnavailable
    """
    try:
        bag = context.snapshot.open(text or "", (ApiTicket,), now)
    except BadBag as fault:
        raise page_expired(fault.reason) from None
    client = context.registry.clients.find(bag.request.client_id)
    if client is None:
        raise page_expired("the client is gone")
    decision.client_id = client.id
    check_identity(bag.memory, context)
    times = bag.iat, bag.exp
    ticket = LoginTicket(bag.iss, bag.jti, *times, bag.request, "", memory=bag.memory, pushed=bag.pushed)
    check_registration(context, ticket, client)
    return ticket, client
