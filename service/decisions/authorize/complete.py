"""Responses to an authorization request (RFC 6749 sections 4.1.2 and 4.1.2.1, RFC 9207) or to a device (RFC 8628)."""

from typing import Any
from urllib.parse import urlencode

import msgspec

from service.bags.ids import fresh_id, single_use_id
from service.bags.kinds import SID_CHARS, AuthorizationRequest, Grant, LoginTicket, Session, Terms
from service.config import Client
from service.decisions.authorize.device_code import approval_for, approve, device_done
from service.decisions.authorize.login_ticket import TicketAnswer, answer_digest, spend_ticket
from service.decisions.authorize.request import Reply
from service.decisions.authorize.wanted_scopes import claims_asked, wanted_scopes
from service.decisions.context import Context
from service.decisions.decision import Action, Decision, FormPost
from service.decisions.session.session import record_grant, session_cookie
from service.decisions.token.code import code_for
from service.protocol.claims import of_scopes, select
from service.protocol.digests import client_digest
from service.protocol.errors import OAuthError
from service.protocol.limits import MAX_URL
from service.protocol.subject import session_id


async def complete(
    context: Context,
    decision: Decision,
    ticket: LoginTicket,
    client: Client,
    session: Session,
    now: float,
    *,
    scope: str | None = None,
    authorization_details: list[dict[str, Any]] | None = None,
    terms: Terms | None = None,
) -> Decision:
    """Spend `ticket` and answer its client with a code, or approve its device, for the person of `session`.

    The same answer within REPEATED seconds, such as that of a double click, gets the same code.

    The grant has `scope` and `authorization_details`; None means all that the client requested. `terms` are for the
    tokens of the grant.

    Raises:
        OAuthError: invalid_request if the ticket was answered before.
        MemoryUnavailable, MemoryFull, NoActiveKey
    """
    request, issuer = ticket.request, context.snapshot.issuer
    scopes = (request.scope if scope is None else scope).split()
    details = request.authorization_details if authorization_details is None else authorization_details
    reply = reply_to(request)

    def result(answer: TicketAnswer) -> tuple[Grant, str, tuple[Action, Any]]:
        grant = _grant(context, request, client, session, scopes, details, answer.family)
        grant = msgspec.structs.replace(grant, terms=terms)
        code = "" if ticket.device else _code(context, request, grant, answer)
        return grant, code, _answer(reply, {"code": code}, issuer)

    family = session_id(session.sid, client, context.registry.config) + fresh_id()[:SID_CHARS]
    mine = TicketAnswer(int(now), answer_digest("allow", session.login.sub, scopes, details), single_use_id(), family)
    grant, code, (action, answer) = result(mine)
    if action is Action.LOCATION and len(answer) > MAX_URL:
        description = "the response is too long for a URL; use response_mode=form_post"
        return refuse_to_client(decision, OAuthError("invalid_request", description), reply, issuer)
    implied = [name for name in wanted_scopes(client, request) if name not in request.scope.split()]
    session = record_grant(context.registry, session, client, [*scopes, *implied], request.resources)
    cookie = session_cookie(context, session, now)
    approval = await approval_for(context, ticket, client, grant, now) if ticket.device else None
    stands = await spend_ticket(context, ticket, mine)
    decision.client_id, decision.subject = client.id, session.login.sub
    if approval is not None:
        if stands is mine:
            await approve(context, approval)
        device_done(decision, client, approved=True)
    else:
        if stands is not mine:
            _, code, (action, answer) = result(stands)
        decision.action, decision.answer, decision.code = action, answer, code
    decision.session = cookie
    return decision


async def deny(
    context: Context, decision: Decision, ticket: LoginTicket, client: Client, error: OAuthError, now: float
) -> Decision:
    """Spend `ticket` and answer its client with `error`, or deny its device.

    Raises:
        OAuthError: `error` itself if it does not end the device's wait; invalid_request if the ticket was answered
            before.
        MemoryUnavailable, MemoryFull, NoActiveKey
    """
    mine = TicketAnswer(int(now), answer_digest(error.code), fresh_id())
    if not ticket.device:
        await spend_ticket(context, ticket, mine)
        return refuse_to_client(decision, error, reply_to(ticket.request), context.snapshot.issuer)
    if error.code != "access_denied":
        raise error
    approval = await approval_for(context, ticket, client, None, now)
    if await spend_ticket(context, ticket, mine) is mine:
        await approve(context, approval)
    return device_done(decision, client, approved=False)


def refuse_to_client(decision: Decision, error: OAuthError, reply: Reply, issuer: str) -> Decision:
    """Write `error` into `decision`, to be sent to the client through the browser."""
    decision.refuse(error)
    fields = {"error": error.code, "error_description": error.description}
    decision.action, decision.answer = _answer(reply, fields, issuer)
    return decision


def reply_to(request: AuthorizationRequest) -> Reply:
    """Return where and how `request` is answered."""
    return Reply(request.redirect_uri, request.response_mode, request.state)


def _answer(reply: Reply, fields: dict[str, str], issuer: str) -> tuple[Action, Any]:
    fields = {name: value for name, value in {**fields, "state": reply.state, "iss": issuer}.items() if value}
    if reply.response_mode == "form_post":
        return Action.FORM, FormPost(reply.redirect_uri, fields)
    if reply.response_mode == "fragment":
        return Action.LOCATION, f"{reply.redirect_uri}#{urlencode(fields)}"
    separator = "&" if "?" in reply.redirect_uri else "?"
    return Action.LOCATION, f"{reply.redirect_uri}{separator}{urlencode(fields)}"


def _code(context: Context, request: AuthorizationRequest, grant: Grant, answer: TicketAnswer) -> str:
    return code_for(
        context,
        answer.instant,
        grant,
        redirect_uri=request.redirect_uri if request.named else None,
        challenge=request.challenge,
        nonce=request.nonce,
        jti=answer.jti,
    )


def _grant(
    context: Context,
    request: AuthorizationRequest,
    client: Client,
    session: Session,
    scopes: list[str],
    details: list[dict[str, Any]],
    family: str,
) -> Grant:
    login, asked = session.login, claims_asked(client, request, scopes)
    names = of_scopes(scopes).union(*asked) if "openid" in scopes else ()
    return Grant(
        family=family,
        client=client_digest(client.id),
        sub=login.sub,
        scope=" ".join(scopes),
        resources=request.resources,
        resource_named=request.resource_named,
        memory=context.memory.identity,
        auth_time=login.auth_time,
        acr=login.acr,
        amr=login.amr,
        cnf={"jkt": request.dpop_jkt} if request.dpop_jkt else {},
        authorization_details=details,
        claims=select(login.claims, names),
        asked=asked,
    )
