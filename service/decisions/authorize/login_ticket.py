"""Login tickets: an authorization request between login and consent, bound to its browser (RFC 9700 section 4.7)."""

import msgspec
import structlog

from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import AuthorizationRequest, LoginTicket
from service.bags.snapshot import MAX_CHARS
from service.clients.rights import may_request_today
from service.config import Client
from service.decisions.authorize.pushed_request import spent_id
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Decision
from service.decisions.one_time import spend_all
from service.decisions.session.browser import browser_of, other_browser
from service.decisions.throttle import network
from service.memory import owners
from service.protocol.errors import OAuthError
from service.protocol.one_time_id import OneTimeId

log = structlog.get_logger("satchel")


def ticket_for(context: Context, request: AuthorizationRequest, now: float, *, pushed: str = "") -> LoginTicket:
    """Return a ticket for `request`, which arrives at `now` (seconds since the epoch).

    The ticket gets its `jti` when it is first shown to a browser (`seal_ticket`). A request that is answered at once
    needs none, since nothing can be answered twice.
    """
    iat, config = int(now), context.registry.config
    return LoginTicket(context.snapshot.issuer, "", iat, iat + config.lifetimes.login, request, "", pushed=pushed)


def seal_ticket(
    context: Context, decision: Decision, ticket: LoginTicket, browser_request: BrowserRequest, now: float
) -> str:
    """Return the text of `ticket`, bound to the browser of `browser_request`.

    A ticket keeps its `jti` when it is sealed again, so all its copies are spent together.

    Raises:
        OAuthError: invalid_request if the text would be too long to be opened.
        MemoryUnavailable: the memory, which will record the use of the ticket, cannot be reached.
        NoActiveKey
    """
    ticket = msgspec.structs.replace(
        ticket,
        jti=ticket.jti or fresh_id(),
        memory=ticket.memory or context.memory.identity,
        browser=ticket.browser or browser_of(context, decision, browser_request, now).jti,
        address=ticket.address or network(browser_request.address),
    )
    text = context.snapshot.seal(ticket, now)
    if len(text) > MAX_CHARS:
        raise OAuthError("invalid_request", "the request is too long; shorten state, claims or authorization_details")
    return text


def open_ticket(context: Context, text: str, browser_request: BrowserRequest, now: float) -> tuple[LoginTicket, Client]:
    """Return the ticket that a built-in page has posted, and its client.

    Raises:
        OAuthError: invalid_request if the ticket cannot be used, or a login application replaces the built-in pages.
        MemoryUnavailable
    """
    if context.registry.config.login.url:
        description = "this page is not in use; go back to the app and start again"
        raise OAuthError("invalid_request", description, reason="login.url replaces the built-in pages")
    try:
        ticket = context.snapshot.open(text, (LoginTicket,), now)
    except BadBag as fault:
        raise page_expired(fault.reason) from None
    return ticket, check_ticket(context, ticket, browser_request, now)


def check_ticket(context: Context, ticket: LoginTicket, browser_request: BrowserRequest, now: float) -> Client:
    """Return the client of `ticket`, after checking that the ticket is for this browser and this memory.

    Raises:
        OAuthError: invalid_request.
        MemoryUnavailable
    """
    fault = other_browser(context, ticket.browser, browser_request, now)
    if fault is not None:
        raise page_expired(fault.reason)
    memory = context.memory.identity
    if ticket.memory != memory and ticket.memory not in context.registry.config.memory.accept_identity:
        log.error("bag belongs to another memory", bag=ticket.memory, memory=memory)
        raise page_expired("wrong memory")
    client = context.registry.clients.find(ticket.request.client_id)
    if client is None:
        raise page_expired("the client is gone")
    check_registration(context, ticket, client)
    return client


def check_registration(context: Context, ticket: LoginTicket, client: Client) -> None:
    """Check that `client` may still make the request of `ticket`.

    Raises:
        OAuthError: invalid_request.
    """
    if not may_request_today(ticket.request, client, context.registry, device=bool(ticket.device)):
        raise page_expired("the client's registration has changed")


async def spend_ticket(context: Context, ticket: LoginTicket) -> None:
    """Spend `ticket`, and the pushed request that it was made for.

    Raises:
        OAuthError: invalid_request if either was spent before, or the memory is younger than the ticket.
        MemoryUnavailable, MemoryFull
    """
    one_time_ids: list[OneTimeId] = []
    memory, config = context.memory, context.registry.config
    until, room = ticket.exp + config.keys.skew, owners(client=ticket.request.client_id, address=ticket.address)
    if ticket.jti:
        one_time_ids.append(OneTimeId(f"ticket:{ticket.jti}", until, "login", page_expired("ticket replayed"), room))
    if ticket.pushed:
        # A pushed request may have several tickets. The entry outlives the last of them.
        until += config.lifetimes.pushed_request
        refusal = page_expired("pushed request replayed")
        one_time_ids.append(OneTimeId(spent_id(ticket.pushed), until, "par", refusal, room))
    for one_time_id in one_time_ids:
        if ticket.memory == memory.identity and ticket.iat < memory.since([one_time_id.id]):
            raise page_expired("older than the memory")
    await spend_all(tuple(one_time_ids), memory)


def page_expired(reason: str) -> OAuthError:
    """Return the refusal of a page that cannot be used any more; `reason` is for the log."""
    return OAuthError("invalid_request", "this page has expired; start again from the app", reason=reason)
