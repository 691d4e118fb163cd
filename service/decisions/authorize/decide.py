"""The decision on an authorization request (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2)."""

from typing import cast

from service.bags.errors import BadBag
from service.bags.kinds import Verdict
from service.decisions.authorize.complete import complete, deny, refuse_to_client, reply_to
from service.decisions.authorize.interaction import advance
from service.decisions.authorize.login_ticket import check_ticket, page_expired, ticket_for
from service.decisions.authorize.request import RefusedToClient, RefusedToPerson, read_request
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.refusing import refusal_of, refusing
from service.decisions.session.begin import begin_session
from service.decisions.session.session import open_session
from service.decisions.withdrawn import withdrawn
from service.memory import MemoryFull, MemoryUnavailable
from service.protocol.errors import ErrorCode, OAuthError
from service.protocol.form import Form, parse
from service.protocol.revocation_check import RevocationCheck


async def decide_authorization(context: Context, browser_request: BrowserRequest, now: float) -> Decision:
    """Return the decision on a request at `now` (seconds since the epoch).

    A request with `resume` continues an earlier one, with the verdict of the login application.
    """
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
    except RefusedToPerson as fault:
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
        raise page_expired(fault.reason) from None
    ticket = verdict.ticket
    client = check_ticket(context, ticket, browser_request, now)
    decision.client_id = client.id
    if verdict.login is None:
        error = OAuthError(cast(ErrorCode, verdict.error), "the login application refused the request")
        await deny(context, decision, ticket, client, error, now)
        return
    # The new session always postdates existing not-befores. The verdict may not, so it is checked here.
    check = RevocationCheck(verdict.jti, "", client.id, verdict.login.sub, verdict.iat)
    if withdrawn([check], context) or not check.stands(await context.memory.get_many(check.ids)):
        raise page_expired("the verdict was revoked")
    session = await begin_session(context, browser_request, verdict.login, now, during=ticket.session)
    details = verdict.authorization_details
    await complete(context, decision, ticket, client, session, now, scope=verdict.scope, authorization_details=details)
