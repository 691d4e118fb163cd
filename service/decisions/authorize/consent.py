"""The person's answer on the consent page (OpenID Connect Core section 3.1.2.4)."""

from service.bags.kinds import LoginTicket, Session
from service.config import Client
from service.decisions.authorize.complete import complete, deny
from service.decisions.authorize.interaction import ask_consent, ask_login, unmet_requirement
from service.decisions.authorize.login_ticket import open_ticket, page_expired, page_ticket
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


async def decide_consent_page(context: Context, browser_request: BrowserRequest, now: float) -> Decision:
    """Show the consent page of the `ticket` in the query, at `now` (seconds since the epoch)."""
    decision = Decision(Action.INTERACTION)
    with refusing(decision):
        ticket, client = await open_ticket(context, page_ticket(browser_request), browser_request, now, repeated=-1)
        decision.client_id = client.id
        session = await _session(context, ticket, client, browser_request, now)
        await ask_consent(context, decision, ticket, client, session, browser_request, now)
    return decision


async def _consent(context: Context, decision: Decision, browser_request: BrowserRequest, now: float) -> None:
    form = parse(browser_request.parameters)
    ticket, client = await open_ticket(context, form.require("ticket"), browser_request, now)
    decision.client_id = client.id
    session = await _session(context, ticket, client, browser_request, now)
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


async def _session(
    context: Context, ticket: LoginTicket, client: Client, browser_request: BrowserRequest, now: float
) -> Session:
    """Return the session of the person that the page was made for.

    Logins in two tabs at the same time may have made two sessions. The one that is left must meet the request too.

    Raises:
        OAuthError: invalid_request.
        MemoryUnavailable
    """
    session, skew = await open_session(context, browser_request, now), context.registry.config.keys.skew
    if session is None or session.login.sub != ticket.sub:
        raise page_expired("the page was not made for this session")
    if session.sid != ticket.session and unmet_requirement(context, ticket, session.login, client, skew):
        raise page_expired("the page was not made for this session")
    return session
