"""The person's answer on the consent page (OpenID Connect Core section 3.1.2.4)."""

from service.bags.kinds import LoginTicket, Session
from service.config import Client
from service.decisions.authorize.complete import complete, deny
from service.decisions.authorize.interaction import ask_login, unmet_requirement
from service.decisions.authorize.login_ticket import open_ticket, page_expired
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.refusing import refusing
from service.decisions.session.session import open_session
from service.protocol.errors import OAuthError
from service.protocol.form import parse


async def decide_consent(context: Context, browser_request: BrowserRequest, now: float) -> Decision:
    """Carry out an answer at `now` (seconds since the epoch): `allow`, `deny` or `switch` (log in as somebody else)."""
    decision = Decision(Action.OK)
    with refusing(decision):
        await _consent(context, decision, browser_request, now)
    return decision


async def _consent(context: Context, decision: Decision, browser_request: BrowserRequest, now: float) -> None:
    form = parse(browser_request.parameters)
    ticket, client = open_ticket(context, form.require("ticket"), browser_request, now)
    decision.client_id = client.id
    session = await open_session(context, browser_request, now)
    # Logins of two tabs at the same time may have made two sessions. The one that is left must meet the request too.
    if session is None or session.login.sub != ticket.sub or _unmet(context, ticket, client, session):
        raise page_expired("the page was not made for this session")
    decision.subject = session.login.sub
    match form.require("answer"):
        case "allow":
            await complete(context, decision, ticket, client, session, now)
        case "deny":
            error = OAuthError("access_denied", "the person denied access")
            await deny(context, decision, ticket, client, error, now)
        case "switch":
            ask_login(context, decision, ticket, client, browser_request, now)
        case _:
            raise OAuthError("invalid_request", "answer must be allow, deny or switch")


def _unmet(context: Context, ticket: LoginTicket, client: Client, session: Session) -> bool:
    """Tell whether `session` is another one than the page was made for and does not meet the request."""
    if session.sid == ticket.session:
        return False
    return unmet_requirement(context, ticket, session.login, client, context.registry.config.keys.skew) is not None
