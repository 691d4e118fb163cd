"""What is still missing before a request can be answered: login, then consent (OpenID Connect Core section 3.1.2)."""

from typing import Any

import msgspec

from service.bags.kinds import AuthorizationRequest, Login, LoginTicket, Session
from service.config import Client
from service.decisions.authorization_request import MAX_URL
from service.decisions.complete import complete, deny
from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk
from service.decisions.login_ticket import seal_ticket
from service.decisions.page import ConsentPage, LoginPage
from service.decisions.session import has_granted
from service.decisions.titles import detail_titles, scope_titles, wanted_scopes
from service.decisions.visit import Visit
from service.protocol.errors import OAuthError
from service.protocol.subject import subject

_ANEW = frozenset({"login", "select_account"})


async def advance(
    desk: Desk,
    decision: Decision,
    ticket: LoginTicket,
    client: Client,
    session: Session | None,
    visit: Visit,
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
    skew = desk.registry.config.keys.skew if known else 0
    lacks = None if session is None else shortfall(desk, ticket, session.login, client, skew)
    if session is None or (not known and (lacks or _anew(ticket))):
        if silent:
            return await deny(desk, decision, ticket, client, OAuthError("login_required"), now)
        return ask_login(desk, decision, ticket, client, visit, now)
    if lacks:
        return await deny(desk, decision, ticket, client, lacks, now)
    preferred = not silent and _prefers_another(desk, ticket.request, session)
    if not preferred and not _must_consent(desk, ticket, client, session):
        return await complete(desk, decision, ticket, client, session, now)
    if silent:
        return await deny(desk, decision, ticket, client, OAuthError("consent_required"), now)
    ticket = msgspec.structs.replace(ticket, session=session.sid, sub=session.login.sub)
    return await _ask_consent(desk, decision, ticket, client, session, visit, now)


def shortfall(desk: Desk, ticket: LoginTicket, login: Login, client: Client, skew: int) -> OAuthError | None:
    """Return the refusal of a login that is not what the request wants: too old, somebody else's, too weak.

    `skew` is in seconds: where the login came after the request, another node's clock may have timed it.
    """
    request, config = ticket.request, desk.registry.config
    claims = request.claims.get("id_token", {})
    person, context = claims.get("sub") or {}, claims.get("acr") or {}
    age = ticket.iat - login.auth_time - skew
    if (_anew(ticket) and age > 0) or 0 <= request.max_age < age:
        return OAuthError("login_required", "the login is too old")
    wanted = {request.hint_sub, person.get("value", "")} - {""}
    if wanted and wanted != {subject(login.sub, client, config)}:
        return OAuthError("login_required", "somebody else is logged in")
    if context.get("essential") and login.acr not in _values(context, login.acr):
        return OAuthError("unmet_authentication_requirements", "there is no such login here")
    return None


def ask_login(
    desk: Desk, decision: Decision, ticket: LoginTicket, client: Client, visit: Visit, now: float
) -> Decision:
    """Have the person log in, whoever may be logged in already.

    Raises:
        OAuthError: invalid_request, for a request too long to be carried.
        MemoryUnavailable, NoActiveKey
    """
    ticket = msgspec.structs.replace(ticket, session="", sub="")
    text = seal_ticket(desk, decision, ticket, visit, now)
    if desk.registry.config.login.url:
        return _ask_application(desk, decision, text)
    decision.action, decision.answer = Action.INTERACTION, LoginPage(text, client, ticket.request.login_hint)
    return decision


async def _ask_consent(
    desk: Desk, decision: Decision, ticket: LoginTicket, client: Client, session: Session, visit: Visit, now: float
) -> Decision:
    text, request = seal_ticket(desk, decision, ticket, visit, now), ticket.request
    if desk.registry.config.login.url:
        return _ask_application(desk, decision, text)
    known = await desk.ports.users.claims(session.login.sub)
    decision.action, decision.answer = (
        Action.INTERACTION,
        ConsentPage(
            text,
            client,
            str((session.login.claims if known is None else known).get("name") or session.login.sub),
            scope_titles(desk.registry, client, request),
            detail_titles(desk.registry, request.authorization_details),
            ticket.device,
        ),
    )
    return decision


def _ask_application(desk: Desk, decision: Decision, text: str) -> Decision:
    """Send the browser to the operator's own login application."""
    location = f"{desk.registry.config.login.url}?ticket={text}"
    if len(location) > MAX_URL:
        raise OAuthError("invalid_request", "the request is too long: it does not fit into the URL of the login page")
    decision.action, decision.answer = Action.LOCATION, location
    return decision


def _must_consent(desk: Desk, ticket: LoginTicket, client: Client, session: Session) -> bool:
    request = ticket.request
    if "consent" in request.prompt:
        return True
    # A login application has its own mind about what each person may grant: it is asked until it has said so.
    if client.consent == "implicit" and not desk.registry.config.login.url:
        return False
    # Anybody may pose as a public client, unless only it is reached at its redirect_uri (RFC 6749 section 10.2).
    recognised = not client.public or request.redirect_uri.startswith("https://")
    wanted = wanted_scopes(client, request)
    if not recognised or request.authorization_details or "offline_access" in wanted:
        return True
    return not wanted or not has_granted(desk.registry, session, client, wanted, request.resources)


def _anew(ticket: LoginTicket) -> bool:
    return not _ANEW.isdisjoint(ticket.request.prompt) or ticket.request.max_age == 0


def _prefers_another(desk: Desk, request: AuthorizationRequest, session: Session) -> bool:
    """Tell whether the login application may know a login that the request prefers (OIDC Core section 5.5.1.1)."""
    context = request.claims.get("id_token", {}).get("acr") or {}
    wanted = [*request.acr_values, *_values(context, "")]
    return bool(desk.registry.config.login.url) and any(wanted) and session.login.acr not in wanted


def _values(claim: dict[str, Any], default: str) -> list[Any]:
    """Return the values that one claim of the request may have; `default` where any will do."""
    values = claim.get("values") or ([claim["value"]] if "value" in claim else [default])
    return list(values)
