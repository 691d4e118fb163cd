"""The next step of an authorization request: login, consent or the response (OpenID Connect Core section 3.1.2)."""

from typing import Any

import msgspec

from service.bags.kinds import AuthorizationRequest, Login, LoginTicket, Session
from service.config import Client
from service.decisions.authorize.complete import complete, deny
from service.decisions.authorize.login_ticket import seal_ticket
from service.decisions.authorize.scope_titles import detail_titles, scope_titles
from service.decisions.authorize.wanted_scopes import wanted_scopes
from service.decisions.browser_request import BrowserRequest
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.pages import ConsentPage, LoginPage
from service.decisions.session.session import has_granted
from service.protocol.errors import OAuthError
from service.protocol.limits import MAX_URL
from service.protocol.subject import subject

_NEW_LOGIN = frozenset({"login", "select_account"})
"""Values of `prompt` that require a login after the request."""


async def advance(
    context: Context,
    decision: Decision,
    ticket: LoginTicket,
    client: Client,
    session: Session | None,
    browser_request: BrowserRequest,
    now: float,
) -> Decision:
    """Ask the person to log in or to consent, or complete the request.

    If `ticket` names the session, the person has logged in for this request.

    Raises:
        OAuthError: an error to show to the person.
        MemoryUnavailable, MemoryFull, NoActiveKey
    """
    decision.client_id = client.id
    silent = "none" in ticket.request.prompt
    just_logged_in = session is not None and session.sid == ticket.session
    skew = context.registry.config.keys.skew if just_logged_in else 0
    unmet = None if session is None else unmet_requirement(context, ticket, session.login, client, skew)
    if session is None or (not just_logged_in and (unmet or _wants_new_login(ticket))):
        if silent:
            error = OAuthError("login_required", "the person must log in, which prompt=none forbids")
            return await deny(context, decision, ticket, client, error, now)
        return ask_login(context, decision, ticket, client, browser_request, now)
    if unmet:
        return await deny(context, decision, ticket, client, unmet, now)
    preferred = not silent and _prefers_another(context, ticket.request, session)
    if not preferred and not _must_consent(context, ticket, client, session):
        return await complete(context, decision, ticket, client, session, now)
    if silent:
        error = OAuthError("consent_required", "the person must consent, which prompt=none forbids")
        return await deny(context, decision, ticket, client, error, now)
    ticket = msgspec.structs.replace(ticket, session=session.sid, sub=session.login.sub)
    return await ask_consent(context, decision, ticket, client, session, browser_request, now)


def unmet_requirement(
    context: Context, ticket: LoginTicket, login: Login, client: Client, skew: int
) -> OAuthError | None:
    """Return the refusal if `login` is older than the request allows, another person's or too weak; else None.

    `skew` is the tolerance in seconds for a login after the request: another node's clock may have set its time.
    """
    request, config = ticket.request, context.registry.config
    claims = request.claims.get("id_token", {})
    person, acr = claims.get("sub") or {}, claims.get("acr") or {}
    age = ticket.iat - login.auth_time - skew
    if (_wants_new_login(ticket) and age > 0) or 0 <= request.max_age < age:
        return OAuthError("login_required", "the login is too old for max_age or prompt; the person must log in again")
    wanted = {request.hint_sub, person.get("value", "")} - {""}
    if wanted and wanted != {subject(login.sub, client, config)}:
        return OAuthError("login_required", "the person who logged in is not the one that the request names")
    if acr.get("essential") and login.acr not in _values(acr, login.acr):
        return OAuthError("unmet_authentication_requirements", "the login does not have the essential acr")
    return None


def ask_login(
    context: Context,
    decision: Decision,
    ticket: LoginTicket,
    client: Client,
    browser_request: BrowserRequest,
    now: float,
) -> Decision:
    """Ask for a login, even if somebody is logged in already.

    Raises:
        OAuthError: invalid_request if the request is too long for a ticket.
        MemoryUnavailable, NoActiveKey
    """
    ticket = msgspec.structs.replace(ticket, session="", sub="")
    text = seal_ticket(context, decision, ticket, browser_request, now)
    if context.registry.config.login.url:
        return _ask_application(context, decision, text)
    decision.action, decision.answer = Action.INTERACTION, LoginPage(text, client, ticket.request.login_hint)
    return decision


async def ask_consent(
    context: Context,
    decision: Decision,
    ticket: LoginTicket,
    client: Client,
    session: Session,
    browser_request: BrowserRequest,
    now: float,
) -> Decision:
    """Ask the person of `session` for consent.

    Raises:
        OAuthError: invalid_request if the request is too long for a ticket.
        MemoryUnavailable, NoActiveKey
    """
    text, request = seal_ticket(context, decision, ticket, browser_request, now), ticket.request
    if context.registry.config.login.url:
        return _ask_application(context, decision, text)
    known = await context.ports.users.claims(session.login.sub)
    decision.action, decision.answer = (
        Action.INTERACTION,
        ConsentPage(
            text,
            client,
            str((session.login.claims if known is None else known).get("name") or session.login.sub),
            scope_titles(context.registry, client, request),
            detail_titles(context.registry, request.authorization_details),
            ticket.device,
        ),
    )
    return decision


def _ask_application(context: Context, decision: Decision, text: str) -> Decision:
    """Send the browser to the operator's own login application."""
    location = f"{context.registry.config.login.url}?ticket={text}"
    if len(location) > MAX_URL:
        raise OAuthError(
            "invalid_request",
            "the request is too long for the login application's URL; shorten state, claims or authorization_details",
        )
    decision.action, decision.answer = Action.LOCATION, location
    return decision


def _must_consent(context: Context, ticket: LoginTicket, client: Client, session: Session) -> bool:
    request = ticket.request
    if "consent" in request.prompt:
        return True
    # A login application decides for itself when to ask for consent, so it is always consulted.
    if client.consent == "implicit" and not context.registry.config.login.url:
        return False
    # Another program can pose as a public client, unless only the client receives its redirect_uri (RFC 6749 10.2).
    recognised = not client.public or request.redirect_uri.startswith("https://")
    wanted = wanted_scopes(client, request)
    if not recognised or request.authorization_details or "offline_access" in wanted:
        return True
    return not wanted or not has_granted(context.registry, session, client, wanted, request.resources)


def _wants_new_login(ticket: LoginTicket) -> bool:
    return not _NEW_LOGIN.isdisjoint(ticket.request.prompt) or ticket.request.max_age == 0


def _prefers_another(context: Context, request: AuthorizationRequest, session: Session) -> bool:
    """Tell whether the request prefers another `acr` that the login application may offer (OIDC Core 5.5.1.1)."""
    acr = request.claims.get("id_token", {}).get("acr") or {}
    wanted = [*request.acr_values, *_values(acr, "")]
    return bool(context.registry.config.login.url) and any(wanted) and session.login.acr not in wanted


def _values(claim: dict[str, Any], default: str) -> list[Any]:
    """Return the values that the request accepts for a claim; only `default` if it accepts any."""
    values = claim.get("values") or ([claim["value"]] if "value" in claim else [default])
    return list(values)
