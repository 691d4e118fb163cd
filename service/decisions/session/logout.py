"""The decision on a logout (OpenID Connect RP-Initiated Logout section 2).

No mere link logs anybody out: unless an ID token comes along that fits the session, the person is asked first. A form
that another site has posted comes without cookies, so there the ID token's own session is ended, and no cookie is
touched: it may be somebody else's.
"""

from contextlib import suppress
from hmac import compare_digest
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
from service.decisions.session.backchannel import logout_tokens, tell
from service.decisions.session.session import browser_of, open_session
from service.protocol.errors import OAuthError
from service.protocol.form import Form, parse
from service.protocol.limits import MAX_URL
from service.protocol.redirect_uri import is_registered
from service.protocol.revocation_check import revoked
from service.protocol.subject import session_id


class _Wish(NamedTuple):
    """What a request asks for: on whose word (the claims of an ID token), and where the browser is to go then."""

    client: Client | None
    hint: dict[str, Any]
    redirect_uri: str = ""
    state: str = ""


async def decide_logout(context: Context, browser_request: BrowserRequest, now: float) -> Decision:
    """Judge a request to log out, at `now` (seconds since the epoch): it is done, or a page asks."""
    decision = Decision(Action.INTERACTION)
    with refusing(decision):
        wish = _read(parse(browser_request.parameters), context, now)
        decision.client_id = "" if wish.client is None else wish.client.id
        session = await open_session(context, browser_request, now, to_end=True)
        if _unasked(wish, session, browser_request, context):
            sid = "" if browser_request.session else wish.hint.get("sid", "")
            await _log_out(decision, context, browser_request, session, sid, now)
            _send_on(decision, wish.redirect_uri, wish.state)
        else:
            decision.answer = LogoutPage(_ticket(decision, context, browser_request, session, wish, now))
    return decision


async def decide_logout_confirmed(context: Context, browser_request: BrowserRequest, now: float) -> Decision:
    """Judge the answer to the page, at `now` (seconds since the epoch): the session of this browser is over."""
    decision = Decision(Action.INTERACTION)
    with refusing(decision):
        text = parse(browser_request.parameters).require("ticket")
        try:
            ticket = context.snapshot.open(text, (LogoutTicket,), now)
        except BadBag as fault:
            raise OAuthError("invalid_request", "the page is too old", reason=fault.reason) from None
        if not compare_digest(ticket.browser, browser_of(context, decision, browser_request, now).jti):
            raise OAuthError("invalid_request", "the page is from another browser")
        session = await open_session(context, browser_request, now, to_end=True)
        if session is not None and ticket.sid not in ("", session.sid):
            raise OAuthError("invalid_request", "somebody has logged in since the page was shown")
        await _log_out(decision, context, browser_request, session, "", now)
        _send_on(decision, ticket.redirect_uri, ticket.state)
    return decision


def _read(form: Form, context: Context, now: float) -> _Wish:
    """Return the wish in a request; an ID token that is none of ours (any more) counts for nothing.

    Raises:
        OAuthError: invalid_request, for clients that are unknown or two, or a URI that is not the client's.
    """
    hint: dict[str, Any] = {}
    with suppress(BadBag):
        hint = context.snapshot.open_id_token(form.get("id_token_hint") or "", now)
    client_id = form.get("client_id")
    if client_id is not None and client_id != hint.get("aud", client_id):
        raise OAuthError("invalid_request", "client_id is not the client of the id_token_hint")
    client = context.registry.clients.find(client_id or hint.get("aud", ""))
    if client is None and client_id is not None:
        raise OAuthError("invalid_request", "client_id is not known")
    uri, state = form.get("post_logout_redirect_uri"), form.get("state") or ""
    if client is None or uri is None:
        return _Wish(client, hint)
    if not is_registered(uri, client.post_logout_redirect_uris):
        raise OAuthError("invalid_request", "post_logout_redirect_uri is not registered for the client")
    if len(_location(uri, state)) > MAX_URL:
        raise OAuthError("invalid_request", f"state makes a URL of more than {MAX_URL} characters")
    return _Wish(client, hint, uri, state)


def _unasked(wish: _Wish, session: Session | None, browser_request: BrowserRequest, context: Context) -> bool:
    """Tell whether the ID token in `wish` is word enough to end `session`, or the one that it names."""
    client, hint, config = wish.client, wish.hint, context.registry.config
    if client is None or not hint or not wish.redirect_uri:
        return False
    if session is not None:
        # One of another session is suspect, if it is the same person's (Back-Channel Logout section 2.1).
        return bool(hint.get("sid") == session_id(session.sid, client, config))
    # A pseudonym of a session says not which it is: without a cookie the page comes first, whose answer has one.
    return bool(browser_request.session) or client.subject_type == "public"


def _ticket(
    decision: Decision,
    context: Context,
    browser_request: BrowserRequest,
    session: Session | None,
    wish: _Wish,
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
        redirect_uri=wish.redirect_uri,
        state=wish.state,
    )
    return context.snapshot.seal(ticket, now)


async def _log_out(
    decision: Decision, context: Context, browser_request: BrowserRequest, session: Session | None, sid: str, now: float
) -> None:
    """End `session`, or where there is none the one of `sid` if that is given, and tell the clients.

    Raises:
        NoActiveKey: before anything has happened.
        OAuthError: invalid_request, where there is no cookie to delete and no memory to write to.
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
        await context.memory.put(revoked(sid), b"1", until + config.keys.skew, use="revocation")
    if browser_request.session:
        decision.session = ""
    decision.answer = SignedOutPage(await tell(context, tokens))


def _send_on(decision: Decision, redirect_uri: str, state: str) -> None:
    if redirect_uri:
        decision.action, decision.answer = Action.LOCATION, _location(redirect_uri, state)


def _location(redirect_uri: str, state: str) -> str:
    if not state:
        return redirect_uri
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode({'state': state})}"
