"""What a login application says of a request: who has logged in, and what they grant (OpenID Connect Core 3.1.2.4)."""

import re
from typing import Any

import msgspec

from satchel_jose.strict_json import load_object
from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import AuthorizationRequest, Login, LoginTicket, Verdict
from service.bags.sign import RESERVED_CLAIMS
from service.config import Client
from service.decisions.authorize.interaction import unmet_requirement
from service.decisions.authorize.wanted_scopes import claims_asked, wanted_scopes
from service.decisions.context import Context
from service.decisions.session.session import MAX_CLAIMS
from service.protocol.authorization_details import narrow_details
from service.protocol.errors import ErrorCode, OAuthError
from service.protocol.form import Form
from service.protocol.scopes import parse_scope

FAILURES: tuple[ErrorCode, ...] = (
    "access_denied",
    "login_required",
    "interaction_required",
    "consent_required",
    "account_selection_required",
    "unmet_authentication_requirements",
    "temporarily_unavailable",
    "server_error",
)
"""Errors that a login application may end a request with."""

_INSTANT = re.compile(r"[0-9]{1,10}")
_MAX_SUBJECT = 255


def failed(context: Context, ticket: LoginTicket, client: Client, form: Form, now: float) -> Verdict:
    """Return the verdict that the request ends with the `error` of `form`.

    Raises:
        OAuthError: invalid_request.
    """
    error = form.require("error")
    if error not in FAILURES:
        raise OAuthError("invalid_request", f"error must be one of {', '.join(FAILURES)}")
    return Verdict(ticket.iss, fresh_id(), int(now), ticket.exp, ticket, error=error)


def issued(context: Context, ticket: LoginTicket, client: Client, form: Form, now: float) -> Verdict:
    """Return the verdict that the `subject` of `form` has logged in, and grants `scope` (all of it, without one).

    Raises:
        OAuthError: invalid_request, also for a login that is not what the client wants; invalid_scope,
            invalid_authorization_details.
    """
    request, scope = ticket.request, form.get("scope")
    wanted = wanted_scopes(client, request)
    scopes = wanted if scope is None else parse_scope(scope)
    granted = [name for name in request.scope.split() if name in scopes]
    if not set(scopes) <= set(wanted) or (request.scope and not granted):
        raise OAuthError("invalid_scope", "scope exceeds what was asked for, or grants nothing of it")
    login = _login(context, form, now)
    lacks = unmet_requirement(context, ticket, login, client, context.registry.config.keys.skew)
    if lacks is not None:
        raise OAuthError("invalid_request", lacks.description)
    return Verdict(
        iss=ticket.iss,
        jti=fresh_id(),
        iat=int(now),
        exp=ticket.exp,
        ticket=msgspec.structs.replace(ticket, request=_without_denied(request, client, wanted, scopes)),
        login=login,
        scope=" ".join(granted),
        authorization_details=narrow_details(form.get("authorization_details"), request.authorization_details),
    )


def _without_denied(
    request: AuthorizationRequest, client: Client, wanted: tuple[str, ...], scopes: tuple[str, ...]
) -> AuthorizationRequest:
    """Return `request` without those of its `claims` that amount to a scope that is wanted and not granted."""
    every = msgspec.structs.replace(request, scope=" ".join(wanted))
    asked, kept = claims_asked(client, every, list(wanted)), claims_asked(client, every, list(scopes))
    denied = {name for before, after in zip(asked, kept, strict=False) for name in set(before).difference(after)}
    claims = {
        member: {name: claim for name, claim in named.items() if name not in denied}
        for member, named in request.claims.items()
    }
    return msgspec.structs.replace(request, claims=claims)


def _login(context: Context, form: Form, now: float) -> Login:
    """Return who has logged in.

    Raises:
        OAuthError: invalid_request.
    """
    config, subject, said = context.registry.config, form.require("subject"), form.get("auth_time")
    if len(subject) > _MAX_SUBJECT or context.registry.clients.find(subject) is not None:
        raise OAuthError("invalid_request", "subject is too long, or the id of a client")
    if said is not None and (_INSTANT.fullmatch(said) is None or int(said) > now + config.keys.skew):
        raise OAuthError("invalid_request", "auth_time is not in seconds since the epoch, or ahead of our clock")
    return Login(
        subject,
        int(now if said is None else said),
        form.get("acr") or "",
        tuple((form.get("amr") or "").split()),
        _claims(form.get("claims") or "{}"),
    )


def _claims(text: str) -> dict[str, Any]:
    """Return the claims in a JSON object.

    Raises:
        OAuthError: invalid_request.
    """
    raw = text.encode("utf-8")
    if len(raw) > MAX_CLAIMS:
        raise OAuthError("invalid_request", f"claims has more than {MAX_CLAIMS} bytes")
    try:
        claims = load_object(raw)
        msgspec.msgpack.encode(claims)  # a number beyond 64 bits fits into no bag
    except (BadBag, OverflowError) as fault:
        raise OAuthError("invalid_request", "claims is not a JSON object", reason=str(fault)) from None
    if not RESERVED_CLAIMS.isdisjoint(claims):
        raise OAuthError("invalid_request", "claims has a member that is for the service alone to set")
    return claims
