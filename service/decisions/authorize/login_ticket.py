"""Tickets: a request on its way through login and consent, bound to the browser that it came with (RFC 9700 4.7)."""

import msgspec
import structlog

from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import AuthorizationRequest, Browser, LoginTicket
from service.bags.snapshot import MAX_CHARS
from service.config import Client
from service.decisions.authorize.pushed_request import spent_id
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Decision
from service.decisions.one_time import spend_all
from service.decisions.session.session import browser_of
from service.protocol.errors import OAuthError
from service.protocol.one_time_id import OneTimeId
from service.protocol.redirect_uri import is_registered

log = structlog.get_logger("satchel")


def ticket_for(context: Context, request: AuthorizationRequest, now: float, *, pushed: str = "") -> LoginTicket:
    """Return the ticket of a request that comes now.

    It has no id while nobody has been given it: a request that is answered at once has nothing to be spent.
    """
    iat, config = int(now), context.registry.config
    return LoginTicket(context.snapshot.issuer, "", iat, iat + config.lifetimes.login, request, "", pushed=pushed)


def seal_ticket(
    context: Context, decision: Decision, ticket: LoginTicket, browser_request: BrowserRequest, now: float
) -> str:
    """Return `ticket` for the browser of `browser_request`; sealing it again keeps its
    id, so that all copies are spent at once.

    Raises:
        OAuthError: invalid_request, where it would be longer than what we open.
        MemoryUnavailable: the memory that is to know whether it was used cannot be asked.
        NoActiveKey
    """
    ticket = msgspec.structs.replace(
        ticket,
        jti=ticket.jti or fresh_id(),
        memory=ticket.memory or context.memory.identity,
        browser=ticket.browser or browser_of(context, decision, browser_request, now).jti,
    )
    text = context.snapshot.seal(ticket, now)
    if len(text) > MAX_CHARS:
        raise OAuthError("invalid_request", "the request is too long")
    return text


def open_ticket(context: Context, text: str, browser_request: BrowserRequest, now: float) -> tuple[LoginTicket, Client]:
    """Return the ticket that a page of ours has posted, and its client.

    Raises:
        OAuthError: invalid_request, for a ticket that is not good here; also where a login application has the say.
        MemoryUnavailable
    """
    if context.registry.config.login.url:
        raise OAuthError("invalid_request", "there is no such page here", reason="a login application has the say")
    try:
        ticket = context.snapshot.open(text, (LoginTicket,), now)
    except BadBag as fault:
        raise begin_again(fault.reason) from None
    return ticket, check_ticket(context, ticket, browser_request, now)


def check_ticket(context: Context, ticket: LoginTicket, browser_request: BrowserRequest, now: float) -> Client:
    """Return the client of `ticket`, which must be from this browser and for this memory.

    Raises:
        OAuthError: invalid_request.
        MemoryUnavailable
    """
    try:
        browser = context.snapshot.open(browser_request.browser, (Browser,), now)
    except BadBag as fault:
        raise begin_again(f"browser: {fault.reason}") from None
    if browser.jti != ticket.browser:
        raise begin_again("another browser's ticket")
    memory = context.memory.identity
    if ticket.memory != memory and ticket.memory not in context.registry.config.memory.accept_identity:
        log.error("wrong memory", bag=ticket.memory, memory=memory)
        raise begin_again("wrong memory")
    client = context.registry.clients.find(ticket.request.client_id)
    if client is None:
        raise begin_again("the client is gone")
    if not ticket.device and not _may_ask_still(client, ticket.request):
        raise begin_again("the client's registration has changed")
    return client


def _may_ask_still(client: Client, request: AuthorizationRequest) -> bool:
    return (
        "authorization_code" in client.grants
        and is_registered(request.redirect_uri, client.redirect_uris)
        and set(request.scope.split()) <= set(client.scopes)
    )


async def spend_ticket(context: Context, ticket: LoginTicket) -> None:
    """OneTimeId `ticket`, and the pushed request behind it.

    Raises:
        OAuthError: invalid_request, where either was spent before, or the memory would not know.
        MemoryUnavailable, MemoryFull
    """
    one_time_ids: list[OneTimeId] = []
    memory, config = context.memory, context.registry.config
    until = ticket.exp + config.keys.skew
    if ticket.jti:
        one_time_ids.append(OneTimeId(f"ticket:{ticket.jti}", until, "login", begin_again("ticket replayed")))
    if ticket.pushed:
        # Kept for as long as the last ticket that the same pushed request may have begun.
        until += config.lifetimes.pushed_request
        one_time_ids.append(OneTimeId(spent_id(ticket.pushed), until, "par", begin_again("pushed request replayed")))
    for one_time_id in one_time_ids:
        if ticket.memory == memory.identity and ticket.iat < memory.since([one_time_id.id]):
            raise begin_again("older than the memory")
    await spend_all(tuple(one_time_ids), memory)


def begin_again(reason: str) -> OAuthError:
    """Return the refusal of a page that cannot go on; `reason` is for the log."""
    description = "the page is too old, was used before, or is from another browser: go back to where you began"
    return OAuthError("invalid_request", description, reason=reason)
