"""The decision on an authorization request (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2)."""

from typing import cast

import msgspec

from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import Login, LoginTicket, Session, Verdict
from service.decisions.admit import unavailable
from service.decisions.authorization_request import Refused, Unproved, read_request
from service.decisions.complete import complete, deny, refuse_to_client, reply_to
from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk
from service.decisions.interaction import advance
from service.decisions.login_ticket import begin_again, check_ticket, ticket_for
from service.decisions.refusing import refusing
from service.decisions.session import new_session, open_session
from service.decisions.visit import Visit
from service.memory import MemoryFull, MemoryUnavailable
from service.protocol.errors import ErrorCode, OAuthError
from service.protocol.form import Form, parse
from service.protocol.standing import Standing


async def decide_authorization(desk: Desk, visit: Visit, now: float) -> Decision:
    """Judge a request at `now` (seconds since the epoch), or go on with one that a login application has answered."""
    decision = Decision(Action.OK)
    with refusing(decision):
        form = parse(visit.parameters)
        verdict = form.get("resume") if form.get("client_id") is None else None
        if verdict is not None:
            await _resume(desk, decision, verdict, visit, now)
        else:
            await _begin(desk, decision, form, visit, now)
    return decision


async def _begin(desk: Desk, decision: Decision, form: Form, visit: Visit, now: float) -> None:
    try:
        client, request, pushed = await read_request(desk, form, now)
    except Unproved as fault:
        raise fault.error from None
    except Refused as fault:
        decision.client_id = form.get("client_id") or ""
        refuse_to_client(decision, fault.error, fault.reply, desk.snapshot.issuer)
        return
    try:
        session = await open_session(desk, visit, now)
        ticket = ticket_for(desk, request, now, pushed=pushed)
        await advance(desk, decision, ticket, client, session, visit, now)
    except (MemoryUnavailable, MemoryFull) as fault:
        refuse_to_client(decision, unavailable(fault), reply_to(request), desk.snapshot.issuer)


async def _resume(desk: Desk, decision: Decision, text: str, visit: Visit, now: float) -> None:
    try:
        verdict = desk.snapshot.open(text, (Verdict,), now)
    except BadBag as fault:
        raise begin_again(fault.reason) from None
    ticket = verdict.ticket
    client = check_ticket(desk, ticket, visit, now)
    decision.client_id = client.id
    if verdict.login is None:
        error = OAuthError(cast(ErrorCode, verdict.error), "the login application said no")
        await deny(desk, decision, ticket, client, error, now)
        return
    # The session that follows is younger than any not-before; what the application has said need not be.
    said = Standing(verdict.jti, "", client.id, verdict.login.sub, verdict.iat)
    if not said.stands(await desk.memory.get_many(said.ids)):
        raise begin_again("called back")
    session = await _session(desk, ticket, verdict.login, visit, now)
    details = verdict.authorization_details
    await complete(desk, decision, ticket, client, session, now, scope=verdict.scope, authorization_details=details)


async def _session(desk: Desk, ticket: LoginTicket, login: Login, visit: Visit, now: float) -> Session:
    """Return the session of `login`: the one that the application was asked about if it is the same person's.

    Raises:
        OAuthError: server_error.
        MemoryUnavailable
    """
    session = await open_session(desk, visit, now)
    fresh = new_session(desk, login, now)
    if session is None or (session.sid, session.login.sub) != (ticket.session, login.sub):
        return fresh
    return msgspec.structs.replace(session, jti=fresh_id(), login=login)
