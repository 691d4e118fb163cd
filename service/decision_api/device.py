"""/device/authorization, /verification and /complete: the device flow (RFC 8628) with the caller's page."""

from typing import Any, cast

from service.bags.errors import BadBag, ExpiredBag
from service.bags.kinds import DeviceCode
from service.config import Client
from service.decision_api.answers import action_of, content
from service.decision_api.clients import ClientResponse, client_members
from service.decision_api.consent import LoginAndConsent, grant
from service.decision_api.terms import terms_of
from service.decision_api.wire import CallersFault, FromClient, Message, Response, Scope
from service.decisions.authorize.complete import deny
from service.decisions.authorize.device_code import open_device
from service.decisions.authorize.scope_titles import scope_titles
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.device.authorization import decide_device_authorization
from service.decisions.device.page import device_ticket
from service.decisions.refusing import refusing
from service.protocol.errors import OAuthError
from service.protocol.user_code import read_user_code

RESULTS = ("AUTHORIZED", "ACCESS_DENIED", "TRANSACTION_FAILED")


class DeviceAnswer(ClientResponse):
    """What a device requests; `expires_at` is in milliseconds since the epoch."""

    client_name: str | None = None
    scopes: list[Scope] | None = None
    resources: list[str] | None = None
    expires_at: int = 0


class DeviceAuthorizationResponse(DeviceAnswer):
    """The codes for a device; `expires_in` and `interval` are in seconds."""

    device_code: str | None = None
    user_code: str | None = None
    verification_uri: str | None = None
    verification_uri_complete: str | None = None
    expires_in: int = 0
    interval: int = 0

    def __repr__(self) -> str:
        return f"DeviceAuthorizationResponse({self.action})"


class DeviceVerificationRequest(Message):
    """A user code as the person entered it."""

    user_code: str | None = None


class DeviceCompleteRequest(LoginAndConsent):
    """The person's answer to the device of a user code."""

    user_code: str | None = None
    result: str | None = None


async def device_authorization(
    context: Context, request: FromClient, now: float
) -> tuple[Decision, DeviceAuthorizationResponse]:
    """Answer a device authorization request. The caller must limit the requests per address.

    Raises:
        CallersFault
    """
    decision = await decide_device_authorization(context, request.form_request(), now, counted=False)
    action = action_of(decision, unauthorized="UNAUTHORIZED")
    if decision.error is not None:
        return decision, DeviceAuthorizationResponse(action=action, response_content=content(decision))
    answer = decision.answer
    device = context.snapshot.open(answer.device_code, (DeviceCode,), now)
    return decision, DeviceAuthorizationResponse(
        **_members(context, device, cast(Client, context.registry.clients.find(device.client_id)), now),
        action=action,
        response_content=content(decision),
        device_code=answer.device_code,
        user_code=answer.user_code,
        verification_uri=answer.verification_uri,
        verification_uri_complete=answer.verification_uri_complete,
        expires_in=answer.expires_in,
        interval=answer.interval,
    )


async def device_verification(
    context: Context, request: DeviceVerificationRequest, now: float
) -> tuple[Decision, DeviceAnswer]:
    """Return what the device of a user code requests. The caller must limit guesses of user codes."""
    decision, action, members = Decision(Action.OK), "SERVER_ERROR", dict[str, Any]()
    with refusing(decision):
        try:
            device, client = await open_device(context, _code(request.user_code), now)
            decision.client_id, action = client.id, "VALID"
            members = _members(context, device, client, now)
        except ExpiredBag:
            action = "EXPIRED"
        except BadBag:
            action = "NOT_EXIST"
    return decision, DeviceAnswer(**members, action="SERVER_ERROR" if decision.error is not None else action)


async def device_complete(context: Context, request: DeviceCompleteRequest, now: float) -> tuple[Decision, Response]:
    """Record the person's answer for a device: what the person grants, or a refusal.

    Raises:
        CallersFault
    """
    decision = Decision(Action.OK)
    if request.result not in RESULTS:
        raise CallersFault(f"result must be one of {', '.join(RESULTS)}")
    terms = terms_of(request, context.registry.config)
    with refusing(decision):
        user_code = _code(request.user_code)
        try:
            device, client = await open_device(context, user_code, now)
        except ExpiredBag:
            return decision, Response(action="USER_CODE_EXPIRED")
        except BadBag:
            return decision, Response(action="USER_CODE_NOT_EXIST")
        decision.client_id = client.id
        ticket = device_ticket(context, device, user_code, now)
        if request.result == "AUTHORIZED":
            await grant(context, decision, ticket, client, request, terms, now)
        else:
            error = OAuthError("access_denied", "the person denied access", reason=f"the caller says {request.result}")
            await deny(context, decision, ticket, client, error, now)
    if decision.error is None:
        return decision, Response(action="SUCCESS")
    failed = decision.action in (Action.INTERNAL_SERVER_ERROR, Action.TEMPORARILY_UNAVAILABLE)
    return decision, Response(action="SERVER_ERROR" if failed else "INVALID_REQUEST")


def _code(text: str | None) -> str:
    """Return a user code in its canonical spelling; empty if `text` is no user code."""
    return read_user_code(text or "") or ""


def _members(context: Context, device: DeviceCode, client: Client, now: float) -> dict[str, Any]:
    request = device_ticket(context, device, "", now).request
    return {
        **client_members(client),
        "client_name": client.name,
        "scopes": [
            Scope(name=name, description=title) for name, title in scope_titles(context.registry, client, request)
        ],
        "resources": list(device.resources),
        "expires_at": device.exp * 1000,
    }
