"""Login tickets: an authorization request between login and consent, bound to its browser (RFC 9700 section 4.7)."""

from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
import structlog

from satchel_jose.base64url import encode
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
from service.decisions.session.browser import browser_of, check_browser
from service.decisions.throttle import network
from service.memory import owners
from service.protocol.errors import OAuthError
from service.protocol.form import parse
from service.protocol.one_time_id import OneTimeId

log = structlog.get_logger("satchel")

REPEATED = 10
"""Seconds for which the same answer to a ticket is answered alike."""


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


async def open_ticket(
    context: Context, text: str, browser_request: BrowserRequest, now: float, *, repeated: int = REPEATED
) -> tuple[LoginTicket, Client]:
    """Return the ticket of a built-in page, and its client.

    A ticket that was answered is accepted for another `repeated` seconds, for the same answer.

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
    client = check_ticket(context, ticket, browser_request, now)
    (entry,) = await context.memory.get_many([_ticket_id(ticket)])
    if entry is not None and now > _answer(entry.value).instant + repeated:
        raise page_expired("ticket replayed")
    return ticket, client


def page_ticket(browser_request: BrowserRequest) -> str:
    """Return the text of the ticket in the address of a page.

    Raises:
        OAuthError: invalid_request if there is none.
    """
    text = parse(browser_request.parameters).get("ticket")
    if text is None:
        raise OAuthError("invalid_request", "this page cannot be opened by its address; start again from the app")
    return text


def check_ticket(context: Context, ticket: LoginTicket, browser_request: BrowserRequest, now: float) -> Client:
    """Return the client of `ticket`, after checking that the ticket is for this browser and this memory.

    Raises:
        OAuthError: invalid_request.
        MemoryUnavailable
    """
    try:
        check_browser(context, ticket.browser, browser_request, now)
    except BadBag as fault:
        raise page_expired(fault.reason) from None
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


class TicketAnswer(NamedTuple):
    """The answer to a ticket: when (seconds since the epoch), a digest of what, and the ids of the code in it.

    The memory keeps it, so that the same answer of a double click gets the same code.
    """

    instant: int
    digest: str
    jti: str
    family: str = ""


def answer_digest(*answer: Any) -> str:
    """Return a digest of an answer, to tell whether another answer is the same."""
    return encode(sha256(msgspec.json.encode(answer)).digest()[:16]).decode("ascii")


async def spend_ticket(context: Context, ticket: LoginTicket, answer: TicketAnswer) -> TicketAnswer:
    """Spend `ticket`, and the pushed request that it was made for; return the answer that counts.

    It is `answer`, or the same answer of the same browser from at most REPEATED seconds before.

    Raises:
        OAuthError: invalid_request if either was spent before, or the memory is younger than the ticket.
        MemoryUnavailable, MemoryFull
    """
    memory, config = context.memory, context.registry.config
    until, room = ticket.exp + config.keys.skew, owners(client=ticket.request.client_id, address=ticket.address)
    # A pushed request may have several tickets. Its entry outlives the last of them.
    ids = ([_ticket_id(ticket)] if ticket.jti else []) + ([spent_id(ticket.pushed)] if ticket.pushed else [])
    if ids and ticket.memory == memory.identity and any(ticket.iat < memory.since([id]) for id in ids):
        raise page_expired("older than the memory")
    if ticket.jti:
        value = " ".join(map(str, answer)).encode("ascii")
        stands = (await memory.put(_ticket_id(ticket), value, until, use="login", owners=room)).value
        if stands != value:
            former = _answer(stands)
            if not ticket.browser or former.digest != answer.digest or answer.instant > former.instant + REPEATED:
                raise page_expired("ticket replayed")
            return former
    if ticket.pushed:
        until += config.lifetimes.pushed_request
        refusal = page_expired("pushed request replayed")
        await spend_all((OneTimeId(spent_id(ticket.pushed), until, "par", refusal, room),), memory)
    return answer


def _ticket_id(ticket: LoginTicket) -> str:
    return f"ticket:{ticket.jti}"


def _answer(value: bytes) -> TicketAnswer:
    instant, digest, jti, family = value.decode("ascii").split(" ")
    return TicketAnswer(int(instant), digest, jti, family)


def page_expired(reason: str) -> OAuthError:
    """Return the refusal of a page that cannot be used any more; `reason` is for the log."""
    return OAuthError("invalid_request", "this page has expired; start again from the app", reason=reason)
