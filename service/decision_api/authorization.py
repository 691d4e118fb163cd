"""/auth/authorization validates an authorization request; the caller asks for login and consent (OIDC Core 3.1.2)."""

from typing import Any

from service.bags.ids import fresh_id
from service.bags.kinds import ApiTicket, AuthorizationRequest
from service.bags.snapshot import MAX_CHARS
from service.config import Client
from service.decision_api.answers import FAILURES, content
from service.decision_api.wire import CallersFault, Details, Message, Response, Scope, on_wire, text_of
from service.decisions.authorize.complete import refuse_to_client
from service.decisions.authorize.request import RefusedToClient, RefusedToPerson, read_request
from service.decisions.authorize.scope_titles import scope_titles
from service.decisions.authorize.wanted_scopes import claims_asked
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.refusing import refusing
from service.protocol.claims import of_scopes
from service.protocol.errors import OAuthError
from service.protocol.form import parse


class AuthorizationCall(Message):
    """The parameters of an authorization request, as a query or a form."""

    parameters: str | None = None


class ClientInfo(Message):
    """The client, for the caller's pages."""

    client_id: int | None = None
    client_id_alias: str | None = None
    client_id_alias_enabled: bool = False
    client_name: str | None = None
    client_type: str | None = None
    redirect_uris: list[str] | None = None


class ServiceInfo(Message):
    """This service, for the caller's pages."""

    service_name: str | None = None
    issuer: str | None = None


class AuthorizationResponse(Response):
    """The validated request. `max_age` is in seconds, 0 if absent; a max_age of 0 becomes the prompt LOGIN."""

    service: ServiceInfo | None = None
    client: ClientInfo | None = None
    client_id_alias_used: bool = False
    display: str | None = None
    max_age: int = 0
    scopes: list[Scope] | None = None
    ui_locales: list[str] | None = None
    claims: list[str] | None = None
    claims_at_user_info: list[str] | None = None
    acr_essential: bool = False
    acrs: list[str] | None = None
    subject: str | None = None
    login_hint: str | None = None
    prompts: list[str] | None = None
    id_token_claims: str | None = None
    user_info_claims: str | None = None
    resources: list[str] | None = None
    authorization_details: Details | None = None
    ticket: str | None = None


async def authorization(
    context: Context, request: AuthorizationCall, now: float
) -> tuple[Decision, AuthorizationResponse | Response]:
    """Validate an authorization request and return its description with a ticket, or the response to the browser.

    Raises:
        CallersFault
    """
    decision = Decision(Action.OK)
    if request.parameters is None:
        raise CallersFault("parameters is missing")
    with refusing(decision):
        try:
            client, authorization_request, pushed = await read_request(context, parse(request.parameters.encode()), now)
        except RefusedToPerson as fault:
            raise fault.error from None
        except RefusedToClient as fault:
            refuse_to_client(decision, fault.error, fault.reply, context.snapshot.issuer)
            return decision, redirection(decision)
        decision.client_id = client.id
        iat, jti, config = int(now), fresh_id(), context.registry.config
        ticket = ApiTicket(
            context.snapshot.issuer,
            jti,
            iat,
            iat + config.lifetimes.login,
            authorization_request,
            context.memory.identity,
            pushed,
        )
        text = context.snapshot.seal(ticket, now)
        if len(text) > MAX_CHARS:
            raise OAuthError(
                "invalid_request", "the request is too long; shorten state, claims or authorization_details"
            )
        decision.action = Action.INTERACTION
        return decision, _interaction(context, client, authorization_request, text)
    return decision, redirection(decision)


def redirection(decision: Decision) -> Response:
    """Return the caller's response to the browser: a redirect or a form post to the client, or an error."""
    if decision.action is Action.LOCATION:
        return Response(action="LOCATION", response_content=decision.answer)
    if decision.action is Action.FORM:  # service/web renders the page
        return Response(action="FORM")
    return Response(action=FAILURES[decision.action], response_content=content(decision))


def _interaction(context: Context, client: Client, request: AuthorizationRequest, ticket: str) -> AuthorizationResponse:
    config, scopes = context.registry.config, request.scope.split()
    in_id_token, at_userinfo = claims_asked(client, request, scopes) or ((), ())
    id_token_claims = request.claims.get("id_token", {})
    acr, person = id_token_claims.get("acr") or {}, id_token_claims.get("sub") or {}
    values = acr.get("values") or ([acr["value"]] if "value" in acr else [])
    prompts = request.prompt or (("login",) if request.max_age == 0 else ())
    return AuthorizationResponse(
        action="NO_INTERACTION" if "none" in prompts else "INTERACTION",
        service=ServiceInfo(service_name=config.pages.name, issuer=config.issuer),
        client=ClientInfo(
            client_id=client.number,
            client_id_alias=client.id,
            client_id_alias_enabled=True,
            client_name=client.name,
            client_type="PUBLIC" if client.public else "CONFIDENTIAL",
            redirect_uris=list(client.redirect_uris),
        ),
        client_id_alias_used=client.id != str(client.number),
        display="PAGE",
        max_age=max(0, request.max_age),
        scopes=[Scope(name=name, description=title) for name, title in scope_titles(context.registry, client, request)],
        ui_locales=request.ui_locales.split() or None,
        claims=sorted(of_scopes(scopes).union(in_id_token)) or None,
        claims_at_user_info=sorted(at_userinfo) or None,
        acr_essential=bool(acr.get("essential")),
        acrs=[str(value) for value in values or request.acr_values] or None,
        subject=request.hint_sub or person.get("value") or None,
        login_hint=request.login_hint or None,
        prompts=[prompt.upper() for prompt in prompts] or None,
        id_token_claims=_json(id_token_claims),
        user_info_claims=_json(request.claims.get("userinfo")),
        resources=list(request.resources),
        authorization_details=on_wire(request.authorization_details),
        ticket=ticket,
    )


def _json(value: Any) -> str | None:
    return text_of(value) if value else None
