"""The device flow (RFC 8628): a device asks for codes, and is told what a person has answered.

The device code is a bag. The memory holds it under the user code for as long as that may be entered, and then the
answer, sealed, under the device code's id. What people see of it is in device_page.py.
"""

import msgspec

from service.bags.errors import BadBag
from service.bags.ids import fresh_id
from service.bags.kinds import DeviceApproval, DeviceCode, Grant, LoginTicket
from service.config import Client
from service.config.check_grants import DEVICE_CODE
from service.decisions.admit import admit
from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk, Incoming
from service.decisions.page import DeviceDonePage
from service.decisions.refusing import refusing
from service.decisions.sender import prove_key
from service.decisions.spending import spend_all
from service.decisions.throttle import PAUSE, Limit, Throttle, network
from service.grants.device_code import INTERVAL, approval_id
from service.protocol.authorization_details import read_details
from service.protocol.errors import OAuthError
from service.protocol.form import Form
from service.protocol.user_code import fresh_user_code

EXPIRED_FOR = 300
"""Seconds in which a user code is known to have expired; then it is as one that never was."""

_TRIES = 5


class DeviceAnswer(msgspec.Struct):
    """An answer of the device authorization endpoint (section 3.2); times are in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


async def decide_device_authorization(desk: Desk, incoming: Incoming, now: float, *, counted: bool = True) -> Decision:
    """Judge a device's request for codes, at `now` (seconds since the epoch); `counted` by its address."""
    decision = Decision(Action.OK)
    with refusing(decision):
        client, form = await admit(decision, desk, incoming, now)
        if DEVICE_CODE not in client.grants:
            raise OAuthError("unauthorized_client", "the client may not use the device flow")
        if desk.memory.name == "none":
            raise OAuthError("unauthorized_client", "there is no device flow here", reason="it needs a memory")
        if counted:
            await _check_address(desk, incoming.address, now)
        cnf: dict[str, str] = {}
        if incoming.dpop is not None:
            cnf, spends = prove_key(
                decision, desk, client, incoming, desk.registry.config.endpoints.device_authorization, now
            )
            await spend_all(spends, desk.memory)
        decision.answer = await _begin(desk, client, cnf, form, now)
    return decision


async def _check_address(desk: Desk, address: str, now: float) -> None:
    """Count a request of `address`.

    Raises:
        OAuthError: temporarily_unavailable, where there were too many.
        MemoryUnavailable, MemoryFull
    """
    login = desk.registry.config.login
    limit = Limit(f"device:{network(address)}", login.failures_per_address, "device")
    if not await Throttle(desk.memory, login.window, now, limit).count():
        reason = "too many device requests from one address"
        raise OAuthError("temporarily_unavailable", "try again later", reason=reason, retry_after=PAUSE)


async def _begin(desk: Desk, client: Client, cnf: dict[str, str], form: Form, now: float) -> DeviceAnswer:
    registry, memory = desk.registry, desk.memory
    config = registry.config
    audiences, scopes, _ = registry.consentable(client, form.all("resource"), form.get("scope"))
    details = form.get("authorization_details")
    device = DeviceCode(
        iss=desk.snapshot.issuer,
        jti=fresh_id(),
        iat=int(now),
        exp=int(now) + config.lifetimes.device_code,
        client_id=client.id,
        scope=" ".join(scopes),
        resources=tuple(audience.identifier for audience in audiences),
        memory=memory.identity,
        cnf=cnf,
        authorization_details=(
            [] if details is None else read_details(details, registry.detail_types, client.authorization_details_types)
        ),
    )
    device_code = desk.snapshot.seal(device, now)
    value, uri = device_code.encode("ascii"), config.issuer + config.endpoints.device
    for _ in range(_TRIES):
        user_code = fresh_user_code()
        if await memory.put(user_code_id(user_code), value, device.exp + EXPIRED_FOR, use="device") == value:
            complete = f"{uri}?user_code={user_code}"
            return DeviceAnswer(device_code, user_code, uri, complete, config.lifetimes.device_code, INTERVAL)
    raise OAuthError("temporarily_unavailable", "try again later", reason="no user code is free")


async def device_of(desk: Desk, user_code: str, now: float) -> tuple[DeviceCode, Client] | None:
    """Return the device code behind a user code, and its client; None if there is none, or no more.

    Raises:
        MemoryUnavailable
    """
    try:
        return await open_device(desk, user_code, now)
    except BadBag:
        return None


async def open_device(desk: Desk, user_code: str, now: float) -> tuple[DeviceCode, Client]:
    """Return the device code behind a user code, and its client.

    Raises:
        ExpiredBag: it has expired, not long ago.
        BadBag: there is none.
        MemoryUnavailable
    """
    value = (await desk.memory.get_many([user_code_id(user_code)]))[0]
    device = desk.snapshot.open((value or b"").decode("ascii"), (DeviceCode,), now)
    client = desk.registry.client(device.client_id)
    if client is None or DEVICE_CODE not in client.grants:
        raise BadBag("its client is gone")
    return device, client


def user_code_id(user_code: str) -> str:
    """The entry of a user code."""
    return f"user_code:{user_code}"


async def approve(
    desk: Desk, decision: Decision, ticket: LoginTicket, client: Client, grant: Grant | None, now: float
) -> Decision:
    """Tell the device behind `ticket` what the person has granted it; None: nothing.

    Raises:
        OAuthError: invalid_request, where its code has expired or was answered before.
        MemoryUnavailable, MemoryFull, NoActiveKey
    """
    found = await device_of(desk, ticket.device, now)
    if found is None or found[0].client_id != client.id:
        raise OAuthError("invalid_request", "the code has expired: begin again on the device")
    device, _ = found
    if grant is not None:
        grant = msgspec.structs.replace(grant, memory=desk.memory.identity, cnf=device.cnf)
    approval = DeviceApproval(desk.snapshot.issuer, device.jti, int(now), device.exp, grant)
    value = desk.snapshot.seal(approval, now).encode("ascii")
    if await desk.memory.put(approval_id(device.jti), value, device.exp, use="device") != value:
        raise OAuthError("invalid_request", "the code was used before: begin again on the device")
    decision.action, decision.answer = Action.INTERACTION, DeviceDonePage(grant is not None, client)
    return decision
