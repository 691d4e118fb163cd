"""The decision on a logout request (OpenID Connect RP-Initiated Logout section 2).

A link alone logs nobody out: without an ID token of the browser's session, the person must confirm the logout.

A form that another site posts arrives without cookies. Such a request ends the session of the ID token and changes no
cookie, since the browser may have the session of another person.
"""

import asyncio
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlencode

from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import LogoutTicket, Session
from service.config import Client
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.pages import LogoutPage, SignedOutPage
from service.decisions.refusing import refusing
from service.decisions.session.backchannel import logout_tokens, send_logout_tokens
from service.decisions.session.browser import browser_of, check_browser
from service.decisions.session.end import revoke_session
from service.decisions.session.session import open_session
from service.protocol.errors import OAuthError
from service.protocol.form import Form, parse
from service.protocol.limits import MAX_URL
from service.protocol.redirect_uri import is_registered
from service.protocol.subject import session_id


class _LogoutRequest(NamedTuple):
    """A validated logout request: the client, the claims of the id_token_hint, and where the browser goes next."""

    client: Client | None
    hint: dict[str, Any]
    redirect_uri: str = ""
    state: str = ""


async def decide_logout(context: Context, browser_request: BrowserRequest, now: float) -> Decision:
    """Return the decision on a logout request at `now` (seconds since the epoch): log out, or ask the person."""
    decision = Decision(Action.INTERACTION)
    with refusing(decision):
        request = _read(parse(browser_request.parameters), context, now)
        decision.client_id = "" if request.client is None else request.client.id
        session = await open_session(context, browser_request, now, to_end=True)
        if _hint_suffices(request, session, browser_request, context):
            sid = "" if browser_request.session else request.hint.get("sid", "")
            await _log_out(decision, context, browser_request, session, sid, now)
            _redirect(decision, request.redirect_uri, request.state)
        else:
            decision.answer = LogoutPage(_ticket(decision, context, browser_request, session, request, now))
    return decision


async def decide_logout_confirmed(context: Context, browser_request: BrowserRequest, now: float) -> Decision:
    """End the session of this browser at `now` (seconds since the epoch): the person has confirmed on the page."""
    decision = Decision(Action.INTERACTION)
    with refusing(decision):
        text = parse(browser_request.parameters).require("ticket")
        try:
            ticket = context.snapshot.open(text, (LogoutTicket,), now)
        except BadBag as fault:
            raise OAuthError("invalid_request", "this page has expired; log out again", reason=fault.reason) from None
        try:
            check_browser(context, ticket.browser, browser_request, now)
        except BadBag as fault:
            description = "this page belongs to another browser; log out again"
            raise OAuthError("invalid_request", description, reason=fault.reason) from None
        session = await open_session(context, browser_request, now, to_end=True)
        if session is not None and ticket.sid not in ("", session.sid):
            raise OAuthError("invalid_request", "somebody has logged in since this page was shown; log out again")
        await _log_out(decision, context, browser_request, session, "", now)
        client = context.registry.clients.find(ticket.client_id)
        if client is not None and is_registered(ticket.redirect_uri, client.post_logout_redirect_uris):
            _redirect(decision, ticket.redirect_uri, ticket.state)
    return decision


def _read(form: Form, context: Context, now: float) -> _LogoutRequest:
    """Return the validated request. An id_token_hint that this service cannot verify is ignored.

    Raises:
        OAuthError: invalid_request for an unknown client, two different clients or an unregistered URI.
    """
    hint: dict[str, Any] = {}
    with suppress(BadBag):
        hint = context.snapshot.open_id_token(form.get("id_token_hint") or "", now)
    client_id = form.get("client_id")
    if client_id is not None and client_id != hint.get("aud", client_id):
        raise OAuthError("invalid_request", "client_id must be the client of the id_token_hint")
    client = context.registry.clients.find(client_id or hint.get("aud", ""))
    if client is None and client_id is not None:
        raise OAuthError("invalid_request", "client_id is unknown")
    uri, state = form.get("post_logout_redirect_uri"), form.get("state") or ""
    if client is None or uri is None:
        return _LogoutRequest(client, hint)
    if not is_registered(uri, client.post_logout_redirect_uris):
        raise OAuthError("invalid_request", "post_logout_redirect_uri is not registered for the client")
    if len(_location(uri, state)) > MAX_URL:
        raise OAuthError("invalid_request", f"shorten state: the URL would have more than {MAX_URL} characters")
    return _LogoutRequest(client, hint, uri, state)


def _hint_suffices(
    request: _LogoutRequest, session: Session | None, browser_request: BrowserRequest, context: Context
) -> bool:
    """Tell whether the id_token_hint suffices to log out without asking the person."""
    client, hint, config = request.client, request.hint, context.registry.config
    if client is None or not hint or not request.redirect_uri:
        return False
    if session is not None:
        # An ID token of another session is suspect, even if it is the same person's (Back-Channel Logout section 2.1).
        return bool(hint.get("sid") == session_id(session.sid, client, config))
    # A pairwise `sid` does not tell which session it names. Without a cookie the page is shown: its form sends one.
    return bool(browser_request.session) or client.subject_type == "public"


def _ticket(
    decision: Decision,
    context: Context,
    browser_request: BrowserRequest,
    session: Session | None,
    request: _LogoutRequest,
    now: float,
) -> str:
    iat = int(now)
    ticket = LogoutTicket(
        context.snapshot.issuer,
        fresh_id(),
        iat,
        iat + context.registry.config.lifetimes.login,
        browser=browser_of(context, decision, browser_request, now).jti,
        sid="" if session is None else session.sid,
        redirect_uri=request.redirect_uri,
        state=request.state,
        client_id="" if request.client is None else request.client.id,
    )
    return context.snapshot.seal(ticket, now)


async def _log_out(
    decision: Decision, context: Context, browser_request: BrowserRequest, session: Session | None, sid: str, now: float
) -> None:
    """End `session` (without one, the session `sid` if given) and send the logout tokens.

    Raises:
        NoActiveKey: nothing has happened.
        OAuthError: invalid_request if there is neither a cookie to delete nor a memory to write to.
        MemoryUnavailable, MemoryFull
    """
    config = context.registry.config
    tokens = [] if session is None else logout_tokens(context, session, now)
    until = int(now) + config.lifetimes.session
    if session is not None:
        sid, until = session.sid, session.exp
        decision.subject = session.login.sub
    elif sid and context.memory.name == "none":
        raise OAuthError("invalid_request", "log out in the browser that you logged in with")
    if sid:
        await revoke_session(context, sid, until, decision.subject, browser_request.address)
    if browser_request.session:
        decision.session = ""
    accepted = await asyncio.shield(send_logout_tokens(context, tokens))
    unreached = [client.name or client.id for (client, _), told in zip(tokens, accepted, strict=True) if not told]
    decision.answer = SignedOutPage(tuple(unreached))


def _redirect(decision: Decision, redirect_uri: str, state: str) -> None:
    if redirect_uri:
        decision.action, decision.answer = Action.LOCATION, _location(redirect_uri, state)


def _location(redirect_uri: str, state: str) -> str:
    if not state:
        return redirect_uri
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode({'state': state})}"
