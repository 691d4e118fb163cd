"""/auth/introspection, for the caller's resource server (RFC 6750 section 3.1), and /standard (RFC 7662)."""

from typing import Any

from service.bags.errors import BadBag
from service.bags.kinds import AccessToken
from service.decision_api.answers import FAILURES, content
from service.decision_api.clients import ClientResponse, client_members
from service.decision_api.presenting import PresentedToken
from service.decision_api.tokens import resources_of
from service.decision_api.wire import CallersFault, Details, Message, Pair, Response, on_wire, pairs
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.one_time import spend_all
from service.decisions.refusing import refusing
from service.decisions.resource_server.introspect import accepts_jwt, describe, find_token, sign_answer
from service.decisions.resource_server.userinfo import invalid_token
from service.decisions.token.sender_constraint import prove_possession
from service.protocol.challenge import challenge
from service.protocol.errors import OAuthError
from service.protocol.form import parse
from service.protocol.subject import owner, personal_claims


class IntrospectionRequest(PresentedToken):
    """A token that was presented to a resource server, and its requirements; `max_age` is in seconds."""

    scopes: list[str] | None = None
    subject: str | None = None
    resources: list[str] | None = None
    acr_values: list[str] | None = None
    max_age: int | None = None


class IntrospectionResponse(ClientResponse):
    """The content of the token; `expires_at` is in milliseconds since the epoch, `auth_time` in seconds.

    `response_content` is the WWW-Authenticate header of a refusal.
    """

    existent: bool = False
    usable: bool = False
    sufficient: bool = False
    refreshable: bool = False
    subject: str | None = None
    scopes: list[str] | None = None
    expires_at: int = 0
    properties: list[Pair] | None = None
    certificate_thumbprint: str | None = None
    resources: list[str] | None = None
    access_token_resources: list[str] | None = None
    authorization_details: Details | None = None
    acr: str | None = None
    auth_time: int = 0
    dpop_nonce: str | None = None


class StandardIntrospectionRequest(Message):
    """The form that the caller's introspection endpoint received; `rs_uri` is the resource that the sender serves.

    The caller authenticates the sender.
    """

    parameters: str | None = None
    with_hidden_properties: bool | None = None
    rs_uri: str | None = None
    http_accept_header: str | None = None


async def introspection(
    context: Context, request: IntrospectionRequest, now: float
) -> tuple[Decision, IntrospectionResponse]:
    """Return the decision on a token that was presented to a resource server.

    Raises:
        CallersFault
    """
    decision, form_request = Decision(Action.OK), request.form_request()
    members: dict[str, Any] = {}
    with refusing(decision):
        if not request.token:
            raise OAuthError("invalid_request", "the access token is missing; send it in the Authorization header")
        try:
            token = await find_token(request.token, request.resources or None, context, now)
            client = context.registry.clients.find(token.client_id)
            if client is None:
                raise BadBag("the client is gone")
            one_time_ids = prove_possession(decision, context, client, token, request.token, form_request, "", now)
        except BadBag as fault:
            raise invalid_token(fault.reason) from None
        decision.client_id, decision.jti = token.client_id, token.jti
        members = _members(token, context, now)
        _check(token, members["subject"], request, now)
        await spend_all(one_time_ids, context.memory)
        members["sufficient"] = True
    members["dpop_nonce"] = decision.dpop_nonce or None
    if decision.error is None:
        return decision, IntrospectionResponse(**members, action="OK")
    by_status = {401: "UNAUTHORIZED", 403: "FORBIDDEN"}
    proof = decision.error.code in ("invalid_dpop_proof", "use_dpop_nonce")
    action = "UNAUTHORIZED" if proof else by_status.get(decision.error.status, FAILURES[decision.action])
    header = challenge(decision.error, dpop=bool(request.dpop))
    if decision.error.code == "insufficient_user_authentication":  # RFC 9470 section 3
        header += f', acr_values="{" ".join(request.acr_values)}"' if request.acr_values else ""
        header += f', max_age="{request.max_age}"' if request.max_age else ""
    return decision, IntrospectionResponse(**members, action=action, response_content=header)


def _members(token: AccessToken, context: Context, now: float) -> dict[str, Any]:
    personal = personal_claims(token, context.snapshot, now)
    return {
        **client_members(context.registry.clients.find(token.client_id)),
        "existent": True,
        "usable": True,
        "subject": None if token.sub == token.client_id else owner(token, context.snapshot, now),
        "scopes": token.scope.split(),
        "expires_at": token.exp * 1000,
        "properties": None if personal is None else pairs(personal.properties),
        "certificate_thumbprint": token.cnf.get("x5t#S256"),
        "resources": resources_of(token),
        "access_token_resources": resources_of(token),
        "authorization_details": on_wire(token.authorization_details),
        "acr": token.acr or None,
        "auth_time": token.auth_time,
    }


def _check(token: AccessToken, subject: str | None, request: IntrospectionRequest, now: float) -> None:
    """Check that a token meets the requirements of `request`.

    Raises:
        OAuthError: insufficient_scope, insufficient_user_authentication.
    """
    if request.acr_values and token.acr not in request.acr_values:
        raise OAuthError("insufficient_user_authentication", "the login must have one of the acr_values")
    if request.max_age and now - token.auth_time > request.max_age:
        raise OAuthError("insufficient_user_authentication", "the login is too old; the person must log in again")
    if not set(request.scopes or ()) <= set(token.scope.split()):
        raise OAuthError("insufficient_scope", "the access token lacks a scope that is needed here")
    if request.subject and request.subject != subject:
        raise OAuthError("insufficient_scope", "the access token is for another person")


async def standard_introspection(
    context: Context, request: StandardIntrospectionRequest, now: float
) -> tuple[Decision, Response]:
    """Answer a request to the caller's introspection endpoint.

    Raises:
        CallersFault
    """
    decision, action = Decision(Action.OK), "OK"
    if request.parameters is None:
        raise CallersFault("parameters is missing")
    signed = accepts_jwt(request.http_accept_header)
    if signed and not request.rs_uri:
        raise CallersFault("rsUri is missing; a signed response needs an audience (RFC 9701 section 5)")
    with refusing(decision):
        text = parse(request.parameters.encode()).require("token")
        audiences = (request.rs_uri,) if request.rs_uri else None
        await describe(decision, context, text, audiences, now, hidden=bool(request.with_hidden_properties))
        if signed:
            sign_answer(decision, context, request.rs_uri or "", now)
            action = "JWT"
    return decision, Response(
        action=action if decision.error is None else FAILURES[decision.action], response_content=content(decision)
    )
