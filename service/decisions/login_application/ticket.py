"""The decisions on a login application's requests: it reads a ticket, then issues or fails it (RFC 6749 section 3.1).

The result is a verdict: a bag in a URL. The login application sends the browser to this URL, which continues the
authorization request.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from service.bags.errors import BadBag
from service.bags.kinds import LoginTicket, Verdict
from service.config import Client
from service.decisions.authorize.scope_titles import detail_titles, scope_titles
from service.decisions.caller import authenticate_caller
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.form_request import FormRequest
from service.decisions.login_application.verdict import failed, issued
from service.decisions.one_time import spend_all
from service.decisions.refusing import refusing
from service.protocol.errors import OAuthError
from service.protocol.form import Form
from service.protocol.limits import MAX_URL


class TicketAnswer(msgspec.Struct, omit_defaults=True):
    """The description of an authorization request for a login application; times are in seconds.

    scopes, details: what needs consent, each with its title.
    max_age: absent if the request has none.
    subject: the person who is logged in already.
    expected_subject: the only `sub` that may log in (id_token_hint), as the client knows the person.
    user_code: the user code of a device (RFC 8628).
    """

    client_id: str
    expires_in: int
    client_name: str = ""
    scopes: list[dict[str, str]] = []
    details: list[dict[str, Any]] = []
    resources: tuple[str, ...] = ()
    login_hint: str = ""
    acr_values: tuple[str, ...] = ()
    prompt: tuple[str, ...] = ()
    max_age: int | None = None
    claims: dict[str, Any] = {}
    ui_locales: str = ""
    subject: str = ""
    expected_subject: str = ""
    user_code: str = ""


class RedirectAnswer(msgspec.Struct):
    """The URL to which the login application sends the browser."""

    redirect_to: str


_Answer = Callable[[Context, LoginTicket, Client, Form, float], TicketAnswer | Verdict]


async def decide_ticket(context: Context, form_request: FormRequest, now: float) -> Decision:
    """Describe the request of `ticket` to the login application, at `now` (seconds since the epoch)."""
    return await _decide(context, form_request, now, _described)


async def decide_ticket_issue(context: Context, form_request: FormRequest, now: float) -> Decision:
    """Accept from the login application who has logged in and what the person grants."""
    return await _decide(context, form_request, now, issued)


async def decide_ticket_fail(context: Context, form_request: FormRequest, now: float) -> Decision:
    """Accept from the login application the error that ends the request."""
    return await _decide(context, form_request, now, failed)


async def _decide(context: Context, form_request: FormRequest, now: float, answer_for: _Answer) -> Decision:
    decision = Decision(Action.OK)
    with refusing(decision):
        caller, form, one_time_ids = await authenticate_caller(decision, context, form_request, now)
        if caller.id != context.registry.config.login.client:
            raise OAuthError("unauthorized_client", "only the login application (login.client) may use this endpoint")
        ticket, client = _ticket(context, form, now)
        answer = answer_for(context, ticket, client, form, now)
        body = _redirect(context, answer, now) if isinstance(answer, Verdict) else answer
        await spend_all(one_time_ids, context.memory)
        decision.answer = body
    return decision


def _ticket(context: Context, form: Form, now: float) -> tuple[LoginTicket, Client]:
    """Return the ticket of `form`, and its client.

    Raises:
        OAuthError: invalid_grant, invalid_request.
    """
    reason = "the client is gone"
    try:
        ticket = context.snapshot.open(form.require("ticket"), (LoginTicket,), now)
    except BadBag as fault:
        reason = fault.reason
    else:
        client = context.registry.clients.find(ticket.request.client_id)
        if client is not None:
            return ticket, client
    description = "the ticket is wrong or has expired; the person must start again from the app"
    raise OAuthError("invalid_grant", description, reason=reason)


def _described(context: Context, ticket: LoginTicket, client: Client, form: Form, now: float) -> TicketAnswer:
    request, registry = ticket.request, context.registry
    titled = detail_titles(registry, request.authorization_details)
    return TicketAnswer(
        client_id=client.id,
        expires_in=ticket.exp - int(now),
        client_name=client.name,
        scopes=[{"scope": scope, "title": title} for scope, title in scope_titles(registry, client, request)],
        details=[{"detail": detail, "title": title} for title, detail in titled],
        resources=request.resources,
        login_hint=request.login_hint,
        acr_values=request.acr_values,
        prompt=request.prompt,
        max_age=None if request.max_age < 0 else request.max_age,
        claims=request.claims,
        ui_locales=request.ui_locales,
        subject=ticket.sub,
        expected_subject=request.hint_sub,
        user_code=ticket.device,
    )


def _redirect(context: Context, verdict: Verdict, now: float) -> RedirectAnswer:
    """Return the URL that carries `verdict` to the authorization endpoint.

    Raises:
        OAuthError: invalid_request if the URL would be too long.
        NoActiveKey
    """
    config = context.registry.config
    url = f"{config.issuer}{config.endpoints.authorize}?resume={context.snapshot.seal(verdict, now)}"
    if len(url) > MAX_URL:
        description = f"the URL would have {len(url)} characters, more than {MAX_URL}; send fewer or shorter claims"
        raise OAuthError("invalid_request", description)
    return RedirectAnswer(url)
