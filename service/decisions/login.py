"""Logging in with a password, on the built-in page."""

import msgspec

from service.bags.kinds import Login
from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk
from service.decisions.interaction import advance
from service.decisions.login_ticket import open_ticket
from service.decisions.page import LoginPage
from service.decisions.refusing import refusing
from service.decisions.session import new_session, session_cookie
from service.decisions.throttle import PAUSE, throttled
from service.decisions.visit import Visit
from service.protocol.errors import OAuthError
from service.protocol.form import parse
from service.protocol.ports import User

_WRONG = "The name or the password is wrong."
_TOO_MANY = f"There were too many attempts. Please wait for {PAUSE} seconds."


async def decide_login(desk: Desk, visit: Visit, now: float) -> Decision:
    """Judge a name and a password, at `now` (seconds since the epoch): go on, or show the page again."""
    decision = Decision(Action.OK)
    with refusing(decision):
        await _login(desk, decision, visit, now)
    return decision


async def _login(desk: Desk, decision: Decision, visit: Visit, now: float) -> None:
    form = parse(visit.parameters)
    text, username = form.require("ticket"), form.get("username") or ""
    ticket, client = open_ticket(desk, text, visit, now)
    decision.client_id = client.id
    user, decision.note = await _authenticate(desk, username, form.get("password") or "", visit.address, now)
    if user is None:
        decision.action, decision.answer = Action.INTERACTION, LoginPage(text, client, username, decision.note)
        return
    session = new_session(desk, Login(user.sub, int(now), user.acr, user.amr, user.claims), now)
    decision.subject, decision.session = user.sub, session_cookie(desk, session, now)
    ticket = msgspec.structs.replace(ticket, session=session.sid, sub=user.sub)
    await advance(desk, decision, ticket, client, session, visit, now)


async def _authenticate(desk: Desk, username: str, password: str, address: str, now: float) -> tuple[User | None, str]:
    """Return the user, or what to tell the person."""
    if not (username and password):
        return None, _WRONG
    try:
        user = await throttled(desk, address, now).authenticate(username, password)
    except OAuthError as error:
        if error.code != "slow_down":
            raise
        return None, _TOO_MANY
    return user, "" if user is not None else _WRONG
