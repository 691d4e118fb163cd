"""The person's answer on the consent page (OpenID Connect Core section 3.1.2.4)."""

from service.decisions.complete import complete, deny
from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk
from service.decisions.interaction import ask_login
from service.decisions.login_ticket import begin_again, open_ticket
from service.decisions.refusing import refusing
from service.decisions.session import open_session
from service.decisions.visit import Visit
from service.protocol.errors import OAuthError
from service.protocol.form import parse


async def decide_consent(desk: Desk, visit: Visit, now: float) -> Decision:
    """Judge an answer, at `now` (seconds since the epoch): `allow`, `deny`, or `switch` to log in as somebody else."""
    decision = Decision(Action.OK)
    with refusing(decision):
        await _consent(desk, decision, visit, now)
    return decision


async def _consent(desk: Desk, decision: Decision, visit: Visit, now: float) -> None:
    form = parse(visit.parameters)
    ticket, client = open_ticket(desk, form.require("ticket"), visit, now)
    decision.client_id = client.id
    session = await open_session(desk, visit, now)
    if session is None or (session.sid, session.login.sub) != (ticket.session, ticket.sub):
        raise begin_again("the page was not made for this session")
    decision.subject = session.login.sub
    match form.require("answer"):
        case "allow":
            await complete(desk, decision, ticket, client, session, now)
        case "deny":
            error = OAuthError("access_denied", "the person said no")
            await deny(desk, decision, ticket, client, error, now)
        case "switch":
            ask_login(desk, decision, ticket, client, visit, now)
        case _:
            raise OAuthError("invalid_request", "the answer is none of allow, deny and switch")
