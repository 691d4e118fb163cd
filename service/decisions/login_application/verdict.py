"""The verdict of a login application: who has logged in and what the person grants (OpenID Connect Core 3.1.2.4)."""

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
"""The error codes with which a login application may end a request."""

_INSTANT = re.compile(r"[0-9]{1,10}")
"""Maximum length of `subject`, in characters."""


def failed(context: Context, ticket: LoginTicket, client: Client, form: Form, now: float) -> Verdict:
    """Return the verdict that ends the request with the `error` of `form`.

    Raises:
        OAuthError: invalid_request.
    """
    error = form.require("error")
    if error not in FAILURES:
        raise OAuthError("invalid_request", f"error must be one of {', '.join(FAILURES)}")
    return Verdict(ticket.iss, fresh_id(), int(now), ticket.exp, ticket, error=error)


def issued(context: Context, ticket: LoginTicket, client: Client, form: Form, now: float) -> Verdict:
    """Return the verdict that the `subject` of `form` has logged in and grants `scope` (by default all that is wanted).

    Raises:
        OAuthError: invalid_request, also if the login does not meet the request; invalid_scope,
            invalid_authorization_details.
    """
    request, scope = ticket.request, form.get("scope")
    wanted = wanted_scopes(client, request)
    scopes = wanted if scope is None else parse_scope(scope)
    granted = [name for name in request.scope.split() if name in scopes]
    if not set(scopes) <= set(wanted) or (request.scope and not granted):
        raise OAuthError("invalid_scope", "scope must name one or more of the requested scopes and no other")
    login = _login(context, form, now)
    unmet = unmet_requirement(context, ticket, login, client, context.registry.config.keys.skew)
    if unmet is not None:
        raise OAuthError("invalid_request", unmet.description)
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
    """Return `request` without those of its `claims` that belong to a scope in `wanted` that is not in `scopes`."""
    complete = msgspec.structs.replace(request, scope=" ".join(wanted))
    before, after = claims_asked(client, complete, list(wanted)), claims_asked(client, complete, list(scopes))
    denied = {name for old, new in zip(before, after, strict=False) for name in set(old).difference(new)}
    claims = {
        member: {name: claim for name, claim in named.items() if name not in denied}
        for member, named in request.claims.items()
    }
    return msgspec.structs.replace(request, claims=claims)


def _login(context: Context, form: Form, now: float) -> Login:
    """Return the login that `form` describes.

    Raises:
        OAuthError: invalid_request.
    """
    config, subject, auth_time = context.registry.config, form.require("subject"), form.get("auth_time")
    if not context.registry.clients.can_be_user(subject):
        description = "subject must have at most 255 printable ASCII characters and must not be the id of a client"
        raise OAuthError("invalid_request", description)
    if auth_time is not None and (_INSTANT.fullmatch(auth_time) is None or int(auth_time) > now + config.keys.skew):
        raise OAuthError("invalid_request", "auth_time must be in seconds since the epoch and not in the future")
    return Login(
        subject,
        int(now if auth_time is None else auth_time),
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
        raise OAuthError("invalid_request", f"claims must have at most {MAX_CLAIMS} bytes")
    try:
        claims = load_object(raw)
        msgspec.msgpack.encode(claims)  # a number beyond 64 bits fits into no bag
    except (BadBag, OverflowError) as fault:
        raise OAuthError("invalid_request", "claims must be a JSON object", reason=str(fault)) from None
    if not RESERVED_CLAIMS.isdisjoint(claims):
        description = "claims must not have a claim that the service sets itself, such as iss, exp or scope"
        raise OAuthError("invalid_request", description)
    return claims
