"""Login with a password on the built-in page (OpenID Connect Core section 3.1.2.3)."""

import msgspec

from service.bags.kinds import SID_CHARS, Login
from service.decisions.authorize.interaction import advance
from service.decisions.authorize.login_ticket import answer_digest, open_ticket, page_ticket
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.pages import LoginPage
from service.decisions.refusing import refusing
from service.decisions.session.begin import begin_session
from service.decisions.session.session import session_cookie
from service.decisions.throttle import PAUSE, throttled
from service.protocol.errors import OAuthError
from service.protocol.form import parse
from service.protocol.ports import User

MAX_USERNAME = 100
"""Characters of a user name that the log gets."""
_WRONG = "The user name or the password is wrong."
_TOO_MANY = f"Too many failed attempts. Wait {PAUSE} seconds, then try again."


async def decide_login(context: Context, browser_request: BrowserRequest, now: float) -> Decision:
    """Check a user name and password at `now` (seconds since the epoch): continue, or show the page again."""
    decision = Decision(Action.OK)
    with refusing(decision):
        await _login(context, decision, browser_request, now)
    return decision


async def decide_login_page(context: Context, browser_request: BrowserRequest, now: float) -> Decision:
    """Show the login page of the `ticket` in the query, at `now` (seconds since the epoch)."""
    decision = Decision(Action.INTERACTION)
    with refusing(decision):
        text = page_ticket(browser_request)
        ticket, client = await open_ticket(context, text, browser_request, now, repeated=-1)
        decision.client_id = client.id
        decision.answer = LoginPage(text, client, ticket.request.login_hint)
    return decision


async def _login(context: Context, decision: Decision, browser_request: BrowserRequest, now: float) -> None:
    form = parse(browser_request.parameters)
    text, username = form.require("ticket"), form.get("username") or ""
    ticket, client = await open_ticket(context, text, browser_request, now)
    decision.client_id, decision.username = client.id, username[:MAX_USERNAME]
    user, decision.note = await _authenticate(
        context, username, form.get("password") or "", browser_request.address, now
    )
    if user is None:
        decision.failure = "login_failed"
        decision.action, decision.answer = Action.INTERACTION, LoginPage(text, client, username, decision.note)
        return
    login = Login(user.sub, int(now), user.acr, user.amr, user.claims)
    # The second click of a double click logs in again, without the cookie of the first: the session must be the same.
    sid = answer_digest(ticket.jti, user.sub)[:SID_CHARS]
    session = await begin_session(context, browser_request, login, now, sid=sid)
    decision.subject, decision.session = user.sub, session_cookie(context, session, now)
    ticket = msgspec.structs.replace(ticket, session=session.sid, sub=user.sub)
    await advance(context, decision, ticket, client, session, browser_request, now)


async def _authenticate(
    context: Context, username: str, password: str, address: str, now: float
) -> tuple[User | None, str]:
    """Return the user, or None and the message for the person."""
    if not (username and password):
        return None, _WRONG
    try:
        user = await throttled(context, address, now).authenticate(username, password)
    except OAuthError as error:
        if error.code != "slow_down":
            raise
        return None, _TOO_MANY
    return user, "" if user is not None else _WRONG
