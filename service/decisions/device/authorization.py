"""The decision on a device authorization request (RFC 8628 section 3.1): a device gets a device code and a user code.

The device code is a bag. The memory keeps it under the user code until the user code expires. The person's answer is a
bag too; the memory keeps it under the `jti` of the device code (authorize/device_code.py).
"""

import msgspec

from service.bags.ids import fresh_id
from service.bags.kinds import DeviceCode
from service.bags.snapshot import MAX_CHARS
from service.config import Client
from service.config.check_grants import DEVICE_CODE
from service.decisions.authorize.device_code import EXPIRED_FOR, user_code_id
from service.decisions.caller import authenticate_caller
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.form_request import FormRequest
from service.decisions.one_time import spend_all
from service.decisions.refusing import refusing
from service.decisions.throttle import PAUSE, Limit, Throttle, network
from service.decisions.token.sender_constraint import prove_key
from service.grants.device_code import INTERVAL
from service.memory import owners
from service.protocol.authorization_details import read_details
from service.protocol.errors import OAuthError
from service.protocol.form import Form
from service.protocol.user_code import fresh_user_code

_TRIES = 5
"""Attempts to find a user code that is not in use."""


class DeviceCodes(msgspec.Struct):
    """A response of the device authorization endpoint (section 3.2); times are in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


async def decide_device_authorization(
    context: Context, form_request: FormRequest, now: float, *, counted: bool = True
) -> Decision:
    """Return the decision on a device authorization request at `now` (seconds since the epoch).

    `counted`: limit the requests per address.
    """
    decision = Decision(Action.OK)
    with refusing(decision):
        client, form, one_time_ids = await authenticate_caller(decision, context, form_request, now)
        if DEVICE_CODE not in client.grants:
            raise OAuthError("unauthorized_client", "the client is not registered for the device_code grant")
        if context.memory.name == "none":
            description = "this server does not support the device flow"
            raise OAuthError("unauthorized_client", description, reason="memory.kind is none")
        if counted:
            await _check_address(context, form_request.address, now)
        cnf: dict[str, str] = {}
        if form_request.dpop is not None:
            path = context.registry.config.endpoints.device_authorization
            cnf, proof_ids = prove_key(decision, context, client, form_request, path, now)
            one_time_ids = (*one_time_ids, *proof_ids)
        device = _device(context, client, cnf, form, now)
        if len(context.snapshot.seal(device, now)) > MAX_CHARS:
            raise OAuthError("invalid_request", "the request is too long; shorten authorization_details")
        await spend_all(one_time_ids, context.memory)
        room = owners(client=client.id, address=network(form_request.address))
        decision.answer = await _begin(context, device, room, now)
    return decision


async def _check_address(context: Context, address: str, now: float) -> None:
    """Count a request from `address`.

    Raises:
        OAuthError: temporarily_unavailable after too many requests.
        MemoryUnavailable, MemoryFull
    """
    login = context.registry.config.login
    where = network(address)
    limit = Limit(f"device:{where}", login.failures_per_address, "device", owners(address=where))
    if not await Throttle(context.memory, login.window, now, limit).count():
        reason = "too many device requests from one address"
        description = f"too many device requests from this address; wait {PAUSE} seconds"
        raise OAuthError("temporarily_unavailable", description, reason=reason, retry_after=PAUSE)


def _device(context: Context, client: Client, cnf: dict[str, str], form: Form, now: float) -> DeviceCode:
    """Return the content of a device code for the request in `form`.

    Raises:
        OAuthError: invalid_scope, invalid_target, invalid_authorization_details.
        MemoryUnavailable
    """
    registry = context.registry
    audiences, scopes, _ = registry.entitlements.consentable(client, form.all("resource"), form.get("scope"))
    details = form.get("authorization_details")
    return DeviceCode(
        iss=context.snapshot.issuer,
        jti=fresh_id(),
        iat=int(now),
        exp=int(now) + registry.config.lifetimes.device_code,
        client_id=client.id,
        scope=" ".join(scopes),
        resources=tuple(audience.identifier for audience in audiences),
        resource_named=bool(form.all("resource")),
        memory=context.memory.identity,
        cnf=cnf,
        user_code="XXXX-XXXX",  # as long as the code that it gets
        authorization_details=(
            [] if details is None else read_details(details, registry.detail_types, client.authorization_details_types)
        ),
    )


async def _begin(context: Context, device: DeviceCode, room: tuple[str, ...], now: float) -> DeviceCodes:
    """Record `device` under a fresh user code and return the response.

    Raises:
        OAuthError: temporarily_unavailable if no free user code is found.
        MemoryUnavailable, MemoryFull
    """
    memory, config = context.memory, context.registry.config
    until, uri = device.exp + EXPIRED_FOR, config.issuer + config.endpoints.device
    for _ in range(_TRIES):
        user_code = fresh_user_code()
        device_code = context.snapshot.seal(msgspec.structs.replace(device, user_code=user_code), now)
        value = device_code.encode("ascii")
        stands = await memory.put(user_code_id(user_code), value, until, use="device", owners=room)
        if stands.value == value:
            complete = f"{uri}?user_code={user_code}"
            return DeviceCodes(device_code, user_code, uri, complete, config.lifetimes.device_code, INTERVAL)
    description = "no user code is free now; try again later"
    raise OAuthError("temporarily_unavailable", description, reason="no user code is free")
