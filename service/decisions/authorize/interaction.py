"""What is still missing before a request can be answered: login, then consent (OpenID Connect Core section 3.1.2)."""

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

_ANEW = frozenset({"login", "select_account"})


async def advance(
    context: Context,
    decision: Decision,
    ticket: LoginTicket,
    client: Client,
    session: Session | None,
    browser_request: BrowserRequest,
    now: float,
) -> Decision:
    """Ask the person of `session` for what is missing, or complete. A session that `ticket` names was made for it.

    Raises:
        OAuthError: for the person.
        MemoryUnavailable, MemoryFull, NoActiveKey
    """
    decision.client_id = client.id
    silent = "none" in ticket.request.prompt
    known = session is not None and session.sid == ticket.session
    skew = context.registry.config.keys.skew if known else 0
    lacks = None if session is None else shortfall(context, ticket, session.login, client, skew)
    if session is None or (not known and (lacks or _anew(ticket))):
        if silent:
            return await deny(context, decision, ticket, client, OAuthError("login_required"), now)
        return ask_login(context, decision, ticket, client, browser_request, now)
    if lacks:
        return await deny(context, decision, ticket, client, lacks, now)
    preferred = not silent and _prefers_another(context, ticket.request, session)
    if not preferred and not _must_consent(context, ticket, client, session):
        return await complete(context, decision, ticket, client, session, now)
    if silent:
        return await deny(context, decision, ticket, client, OAuthError("consent_required"), now)
    ticket = msgspec.structs.replace(ticket, session=session.sid, sub=session.login.sub)
    return await _ask_consent(context, decision, ticket, client, session, browser_request, now)


def shortfall(context: Context, ticket: LoginTicket, login: Login, client: Client, skew: int) -> OAuthError | None:
    """Return the refusal of a login that is not what the request wants: too old, somebody else's, too weak.

    `skew` is in seconds: where the login came after the request, another node's clock may have timed it.
    """
    request, config = ticket.request, context.registry.config
    claims = request.claims.get("id_token", {})
    person, acr = claims.get("sub") or {}, claims.get("acr") or {}
    age = ticket.iat - login.auth_time - skew
    if (_anew(ticket) and age > 0) or 0 <= request.max_age < age:
        return OAuthError("login_required", "the login is too old")
    wanted = {request.hint_sub, person.get("value", "")} - {""}
    if wanted and wanted != {subject(login.sub, client, config)}:
        return OAuthError("login_required", "somebody else is logged in")
    if acr.get("essential") and login.acr not in _values(acr, login.acr):
        return OAuthError("unmet_authentication_requirements", "there is no such login here")
    return None


def ask_login(
    context: Context,
    decision: Decision,
    ticket: LoginTicket,
    client: Client,
    browser_request: BrowserRequest,
    now: float,
) -> Decision:
    """Have the person log in, whoever may be logged in already.

    Raises:
        OAuthError: invalid_request, for a request too long to be carried.
        MemoryUnavailable, NoActiveKey
    """
    ticket = msgspec.structs.replace(ticket, session="", sub="")
    text = seal_ticket(context, decision, ticket, browser_request, now)
    if context.registry.config.login.url:
        return _ask_application(context, decision, text)
    decision.action, decision.answer = Action.INTERACTION, LoginPage(text, client, ticket.request.login_hint)
    return decision


async def _ask_consent(
    context: Context,
    decision: Decision,
    ticket: LoginTicket,
    client: Client,
    session: Session,
    browser_request: BrowserRequest,
    now: float,
) -> Decision:
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
        raise OAuthError("invalid_request", "the request is too long: it does not fit into the URL of the login page")
    decision.action, decision.answer = Action.LOCATION, location
    return decision


def _must_consent(context: Context, ticket: LoginTicket, client: Client, session: Session) -> bool:
    request = ticket.request
    if "consent" in request.prompt:
        return True
    # A login application has its own mind about what each person may grant: it is asked until it has said so.
    if client.consent == "implicit" and not context.registry.config.login.url:
        return False
    # Anybody may pose as a public client, unless only it is reached at its redirect_uri (RFC 6749 section 10.2).
    recognised = not client.public or request.redirect_uri.startswith("https://")
    wanted = wanted_scopes(client, request)
    if not recognised or request.authorization_details or "offline_access" in wanted:
        return True
    return not wanted or not has_granted(context.registry, session, client, wanted, request.resources)


def _anew(ticket: LoginTicket) -> bool:
    return not _ANEW.isdisjoint(ticket.request.prompt) or ticket.request.max_age == 0


def _prefers_another(context: Context, request: AuthorizationRequest, session: Session) -> bool:
    """Tell whether the login application may know a login that the request prefers (OIDC Core section 5.5.1.1)."""
    acr = request.claims.get("id_token", {}).get("acr") or {}
    wanted = [*request.acr_values, *_values(acr, "")]
    return bool(context.registry.config.login.url) and any(wanted) and session.login.acr not in wanted


def _values(claim: dict[str, Any], default: str) -> list[Any]:
    """Return the values that one claim of the request may have; `default` where any will do."""
    values = claim.get("values") or ([claim["value"]] if "value" in claim else [default])
    return list(values)
