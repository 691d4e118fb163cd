"""/auth/authorization/issue and /fail: what a person has said at the caller's pages (RFC 6749 section 4.1.2)."""

from typing import Any, cast

from service.bags.errors import BadBag
from service.bags.kinds import ApiTicket, Login, LoginTicket, Terms, Verdict
from service.config import Client
from service.decision_api.authorization import redirection
from service.decision_api.terms import WithWishes, terms_of
from service.decision_api.wire import CallersFault, Details, Message, Response, details_of, json_of, text_of
from service.decisions.authorize.complete import complete, refuse_to_client, reply_to
from service.decisions.authorize.login_ticket import check_registration, page_expired, spend_ticket
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.login_application.verdict import issued
from service.decisions.refusing import refusing
from service.decisions.session.session import new_session
from service.decisions.token.redeem import check_identity
from service.protocol.errors import ErrorCode, OAuthError
from service.protocol.form import Form

REASONS: dict[str, tuple[ErrorCode, str]] = {
    "UNKNOWN": ("server_error", "something went wrong"),
    "NOT_LOGGED_IN": ("login_required", "nobody is logged in"),
    "MAX_AGE_NOT_SUPPORTED": ("login_required", "the time of the login is not known"),
    "EXCEEDS_MAX_AGE": ("login_required", "the login is too old"),
    "DIFFERENT_SUBJECT": ("login_required", "somebody else is logged in"),
    "ACR_NOT_SATISFIED": ("unmet_authentication_requirements", "there is no such login here"),
    "DENIED": ("access_denied", "the person said no"),
    "SERVER_ERROR": ("server_error", "something went wrong"),
    "NOT_AUTHENTICATED": ("login_required", "the person did not log in"),
    "ACCOUNT_SELECTION_REQUIRED": ("account_selection_required", "the person must choose an account"),
    "CONSENT_REQUIRED": ("consent_required", "the person must be asked for consent"),
    "INTERACTION_REQUIRED": ("interaction_required", "the person must be asked something"),
    "INVALID_TARGET": ("invalid_target", "the resource is not acceptable"),
}


class Said(WithWishes):
    """Who has logged in, and what they grant: all that was asked for, unless `scopes` says less.

    `auth_time` is in seconds since the epoch; `claims` is a JSON object of what is known of the person.
    """

    subject: str | None = None
    sub: str | None = None
    auth_time: int | None = None
    acr: str | None = None
    claims: str | None = None
    scopes: list[str] | None = None
    authorization_details: Details | None = None


class AuthorizationIssueRequest(Said):
    """The end of a request."""

    ticket: str | None = None


class AuthorizationFailRequest(Message):
    """Why a request comes to nothing; `description` is for the client, of the characters of RFC 6749 section 5.2."""

    ticket: str | None = None
    reason: str | None = None
    description: str | None = None


class AuthorizationIssueResponse(Response):
    """Where the browser is to go."""

    authorization_code: str | None = None


async def issue_code(
    context: Context, request: AuthorizationIssueRequest, now: float
) -> tuple[Decision, AuthorizationIssueResponse]:
    """Give the client of a ticket what the person grants it.

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
    """Tell the client of a ticket that there is nothing for it.

    Raises:
        CallersFault
    """
    decision = Decision(Action.OK)
    if request.reason not in REASONS:
        raise CallersFault(f"reason is none of {', '.join(REASONS)}")
    code, description = REASONS[request.reason]
    try:
        error = OAuthError(code, request.description or description)
    except ValueError:
        raise CallersFault("description has a character that RFC 6749 section 5.2 forbids") from None
    with refusing(decision):
        ticket, _ = _open(decision, context, request.ticket, now)
        await spend_ticket(context, ticket)
        refuse_to_client(decision, error, reply_to(ticket.request), context.snapshot.issuer)
    return decision, redirection(decision)


async def grant(
    context: Context,
    decision: Decision,
    ticket: LoginTicket,
    client: Client,
    said: Said,
    terms: Terms | None,
    now: float,
) -> None:
    """Give the client of `ticket` what the caller has `said`, judged as the word of a login application is.

    Raises:
        CallersFault: it cannot be so.
        OAuthError, MemoryUnavailable, MemoryFull, NoActiveKey
    """
    verdict = _verdict(context, ticket, client, said, now)
    session = new_session(context, cast(Login, verdict.login), now)
    scope, details = verdict.scope, verdict.authorization_details
    await complete(
        context, decision, verdict.ticket, client, session, now, scope=scope, authorization_details=details, terms=terms
    )


def _verdict(context: Context, ticket: LoginTicket, client: Client, said: Said, now: float) -> Verdict:
    if said.sub not in (None, "", said.subject):
        raise CallersFault("sub cannot differ from subject: a pseudonym is computed (subject_type of the client)")
    details = details_of(said.authorization_details)
    members: dict[str, Any] = {
        "subject": said.subject,
        "auth_time": str(said.auth_time) if said.auth_time else None,
        "acr": said.acr,
        "claims": text_of(json_of("claims", said.claims)),
        "scope": None if said.scopes is None else " ".join(said.scopes),
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
    """Return the ticket in `text` as what the front works with, and its client.

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
