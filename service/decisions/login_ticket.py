"""Tickets: a request on its way through login and consent, bound to the browser that it came with (RFC 9700 4.7)."""

import msgspec
import structlog

from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import AuthorizationRequest, Browser, LoginTicket
from service.bags.snapshot import MAX_CHARS
from service.config import Client
from service.decisions.decision import Decision
from service.decisions.desk import Desk
from service.decisions.pushed_request import spent_id
from service.decisions.session import browser_of
from service.decisions.spending import spend_all
from service.decisions.visit import Visit
from service.protocol.errors import OAuthError
from service.protocol.redirect_uri import is_registered
from service.protocol.spend import Spend

log = structlog.get_logger("satchel")


def ticket_for(desk: Desk, request: AuthorizationRequest, now: float, *, pushed: str = "") -> LoginTicket:
    """Return the ticket of a request that comes now.

    It has no id while nobody has been given it: a request that is answered at once has nothing to be spent.
    """
    iat, config = int(now), desk.registry.config
    return LoginTicket(desk.snapshot.issuer, "", iat, iat + config.lifetimes.login, request, "", pushed=pushed)


def seal_ticket(desk: Desk, decision: Decision, ticket: LoginTicket, visit: Visit, now: float) -> str:
    """Return `ticket` for the browser of `visit`; it keeps its id as it is sealed again, so all are spent at once.

    Raises:
        OAuthError: invalid_request, where it would be longer than what we open.
        MemoryUnavailable: the memory that is to know whether it was used cannot be asked.
        NoActiveKey
    """
    ticket = msgspec.structs.replace(
        ticket,
        jti=ticket.jti or fresh_id(),
        memory=ticket.memory or desk.memory.identity,
        browser=ticket.browser or browser_of(desk, decision, visit, now).jti,
    )
    text = desk.snapshot.seal(ticket, now)
    if len(text) > MAX_CHARS:
        raise OAuthError("invalid_request", "the request is too long")
    return text


def open_ticket(desk: Desk, text: str, visit: Visit, now: float) -> tuple[LoginTicket, Client]:
    """Return the ticket that a page of ours has posted, and its client.

    Raises:
        OAuthError: invalid_request, for a ticket that is not good here; also where a login application has the say.
        MemoryUnavailable
    """
    if desk.registry.config.login.url:
        raise OAuthError("invalid_request", "there is no such page here", reason="a login application has the say")
    try:
        ticket = desk.snapshot.open(text, (LoginTicket,), now)
    except BadBag as fault:
        raise begin_again(fault.reason) from None
    return ticket, check_ticket(desk, ticket, visit, now)


def check_ticket(desk: Desk, ticket: LoginTicket, visit: Visit, now: float) -> Client:
    """Return the client of `ticket`, which must be from this browser and for this memory.

    Raises:
        OAuthError: invalid_request.
        MemoryUnavailable
    """
    try:
        browser = desk.snapshot.open(visit.browser, (Browser,), now)
    except BadBag as fault:
        raise begin_again(f"browser: {fault.reason}") from None
    if browser.jti != ticket.browser:
        raise begin_again("another browser's ticket")
    memory = desk.memory.identity
    if ticket.memory != memory and ticket.memory not in desk.registry.config.memory.accept_identity:
        log.error("wrong memory", bag=ticket.memory, memory=memory)
        raise begin_again("wrong memory")
    client = desk.registry.client(ticket.request.client_id)
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


async def spend_ticket(desk: Desk, ticket: LoginTicket) -> None:
    """Spend `ticket`, and the pushed request behind it.

    Raises:
        OAuthError: invalid_request, where either was spent before, or the memory would not know.
        MemoryUnavailable, MemoryFull
    """
    spends, memory, config = [], desk.memory, desk.registry.config
    until = ticket.exp + config.keys.skew
    if ticket.jti:
        spends.append(Spend(f"ticket:{ticket.jti}", until, "login", begin_again("ticket replayed")))
    if ticket.pushed:
        # Kept for as long as the last ticket that the same pushed request may have begun.
        until += config.lifetimes.pushed_request
        spends.append(Spend(spent_id(ticket.pushed), until, "par", begin_again("pushed request replayed")))
    for spend in spends:
        if ticket.memory == memory.identity and ticket.iat < memory.since([spend.id]):
            raise begin_again("older than the memory")
    await spend_all(tuple(spends), memory)


def begin_again(reason: str) -> OAuthError:
    """Return the refusal of a page that cannot go on; `reason` is for the log."""
    description = "the page is too old, was used before, or is from another browser: go back to where you began"
    return OAuthError("invalid_request", description, reason=reason)
