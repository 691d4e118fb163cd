"""The page on which a person enters the user code of a device (RFC 8628 section 3.3)."""

import msgspec

from service.bags.errors import BadBag
from service.bags.kinds import AuthorizationRequest, DeviceCode, LoginTicket
from service.config import Client
from service.decisions.authorize.device_code import device_of
from service.decisions.authorize.interaction import advance
from service.decisions.authorize.login_ticket import ticket_for
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.pages import DevicePage
from service.decisions.refusing import refusing
from service.decisions.session.browser import browser_of, check_browser
from service.decisions.session.session import open_session
from service.decisions.throttle import PAUSE, Limit, Throttle, network
from service.grants.device_code import approval_id
from service.memory import owners
from service.protocol.errors import OAuthError
from service.protocol.form import parse
from service.protocol.user_code import read_user_code

_WRONG = "This code is wrong or has expired. Compare it with the code on your device."
_USED = "This code was used before. Start again on your device to get a new code."
_TOO_MANY = f"Too many codes were entered. Wait {PAUSE} seconds, then try again."


async def decide_device(context: Context, browser_request: BrowserRequest, now: float) -> Decision:
    """Show the page at `now` (seconds since the epoch), with the user code of the URL (verification_uri_complete)."""
    decision = Decision(Action.INTERACTION)
    with refusing(decision):
        user_code = read_user_code(parse(browser_request.parameters).get("user_code") or "")
        decision.answer = DevicePage(browser_of(context, decision, browser_request, now).jti, user_code or "")
    return decision


async def decide_device_code(context: Context, browser_request: BrowserRequest, now: float) -> Decision:
    """Check an entered user code at `now` (seconds since the epoch): continue with login, or show the page again."""
    decision = Decision(Action.INTERACTION)
    with refusing(decision):
        form = parse(browser_request.parameters)
        check = form.get("check") or ""
        try:
            check_browser(context, check, browser_request, now)
        except BadBag as fault:
            description = "this page has expired or belongs to another browser; open it again"
            raise OAuthError("invalid_request", description, reason=fault.reason) from None
        user_code = read_user_code(form.get("user_code") or "") or ""
        found, decision.note = await _found(context, user_code, browser_request.address, now)
        if found is None:
            decision.answer = DevicePage(check, user_code, decision.note)
        else:
            device, client = found
            ticket, session = (
                device_ticket(context, device, user_code, now),
                await open_session(context, browser_request, now),
            )
            await advance(context, decision, ticket, client, session, browser_request, now)
    return decision


async def _found(
    context: Context, user_code: str, address: str, now: float
) -> tuple[tuple[DeviceCode, Client] | None, str]:
    """Return the device code of `user_code` and its client, or None and the message for the person."""
    login = context.registry.config.login
    where = network(address)
    limit = Limit(f"user_code:{where}", login.failures_per_address, "device", owners(address=where))
    throttle = Throttle(context.memory, login.window, now, limit)
    # Every code is counted before the look-up, so that concurrent guesses do not pass the limit.
    if not (await throttle.count() or await throttle.may_begin()):
        return None, _TOO_MANY
    found = await device_of(context, user_code, now)
    if found is None:
        return None, _WRONG
    (answered,) = await context.memory.get_many([approval_id(found[0].jti)])
    return (found, "") if answered is None else (None, _USED)


def device_ticket(context: Context, device: DeviceCode, user_code: str, now: float) -> LoginTicket:
    """Return the login ticket for a device's request.

    The consent page is always shown: the user code may come from an attacker's device (section 5.4).
    """
    request = AuthorizationRequest(
        device.client_id,
        redirect_uri="",
        scope=device.scope,
        resources=device.resources,
        resource_named=device.resource_named,
        prompt=("consent",),
        authorization_details=device.authorization_details,
    )
    ticket = ticket_for(context, request, now)
    return msgspec.structs.replace(ticket, exp=min(ticket.exp, device.exp), device=user_code)
