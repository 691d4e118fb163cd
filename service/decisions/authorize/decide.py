"""The decision on an authorization request (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2)."""

from typing import cast

import msgspec

from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import Login, LoginTicket, Session, Verdict
from service.decisions.authorize.complete import complete, deny, refuse_to_client, reply_to
from service.decisions.authorize.interaction import advance
from service.decisions.authorize.login_ticket import begin_again, check_ticket, ticket_for
from service.decisions.authorize.request import RefusedToClient, Unproved, read_request
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.refusing import refusal_of, refusing
from service.decisions.session.session import new_session, open_session
from service.memory import MemoryFull, MemoryUnavailable
from service.protocol.errors import ErrorCode, OAuthError
from service.protocol.form import Form, parse
from service.protocol.revocation_check import RevocationCheck


async def decide_authorization(context: Context, browser_request: BrowserRequest, now: float) -> Decision:
    """Judge a request at `now` (seconds since the epoch), or go on with one that a login application has answered."""
    decision = Decision(Action.OK)
    with refusing(decision):
        form = parse(browser_request.parameters)
        verdict = form.get("resume") if form.get("client_id") is None else None
        if verdict is not None:
            await _resume(context, decision, verdict, browser_request, now)
        else:
            await _begin(context, decision, form, browser_request, now)
    return decision


async def _begin(context: Context, decision: Decision, form: Form, browser_request: BrowserRequest, now: float) -> None:
    try:
        client, request, pushed = await read_request(context, form, now)
    except Unproved as fault:
        raise fault.error from None
    except RefusedToClient as fault:
        decision.client_id = form.get("client_id") or ""
        refuse_to_client(decision, fault.error, fault.reply, context.snapshot.issuer)
        return
    try:
        session = await open_session(context, browser_request, now)
        ticket = ticket_for(context, request, now, pushed=pushed)
        await advance(context, decision, ticket, client, session, browser_request, now)
    except (MemoryUnavailable, MemoryFull) as fault:
        refuse_to_client(decision, refusal_of(fault), reply_to(request), context.snapshot.issuer)


async def _resume(context: Context, decision: Decision, text: str, browser_request: BrowserRequest, now: float) -> None:
    try:
        verdict = context.snapshot.open(text, (Verdict,), now)
    except BadBag as fault:
        raise begin_again(fault.reason) from None
    ticket = verdict.ticket
    client = check_ticket(context, ticket, browser_request, now)
    decision.client_id = client.id
    if verdict.login is None:
        error = OAuthError(cast(ErrorCode, verdict.error), "the login application said no")
        await deny(context, decision, ticket, client, error, now)
        return
    # The session that follows is younger than any not-before; what the application has said need not be.
    said = RevocationCheck(verdict.jti, "", client.id, verdict.login.sub, verdict.iat)
    if not said.stands(await context.memory.get_many(said.ids)):
        raise begin_again("called back")
    session = await _session(context, ticket, verdict.login, browser_request, now)
    details = verdict.authorization_details
    await complete(context, decision, ticket, client, session, now, scope=verdict.scope, authorization_details=details)


async def _session(
    context: Context, ticket: LoginTicket, login: Login, browser_request: BrowserRequest, now: float
) -> Session:
    """Return the session of `login`: the one that the application was asked about if it is the same person's.

    Raises:
        OAuthError: server_error.
        MemoryUnavailable
    """
    session = await open_session(context, browser_request, now)
    fresh = new_session(context, login, now)
    if session is None or (session.sid, session.login.sub) != (ticket.session, login.sub):
        return fresh
    return msgspec.structs.replace(session, jti=fresh_id(), login=login)
