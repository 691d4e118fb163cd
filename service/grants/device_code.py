"""The device code grant (RFC 8628 section 3.4): a device polls until a person has answered."""

from functools import partial

from service.bags.errors import BadBag, ExpiredBag
from service.bags.kinds import AuthorizationCode, DeviceApproval, DeviceCode
from service.grants.plan import Awaiting, GrantRequest, Plan
from service.grants.plan_for_code import plan_for
from service.memory import Entry, owners
from service.protocol.errors import OAuthError
from service.protocol.one_time_id import OneTimeId

INTERVAL = 5
"""Seconds between two polls of a device."""


def approval_id(jti: str) -> str:
    """Return the memory id of the person's answer to the device code `jti`."""
    return f"approval:{jti}"


async def device_code(request: GrantRequest) -> Awaiting:
    """Check a device code; the plan follows once the person's answer is read from the memory.

    Raises:
        OAuthError: expired_token; invalid_grant if the device code is wrong or another client's; invalid_request.
    """
    expired = False
    try:
        device = request.snapshot.open(request.form.require("device_code"), (DeviceCode,), request.now)
    except ExpiredBag as fault:
        device, expired = fault.bag, True
    except BadBag as fault:
        raise _invalid_device_code(fault.reason) from None
    if device.client_id != request.client.id:
        raise _invalid_device_code("another client's device code")
    if expired:
        raise _expired("expired")
    slot = int(request.now) // INTERVAL
    refusal = OAuthError("slow_down", "polling too fast; wait 5 seconds longer from now on")
    by = owners(client=device.client_id)
    poll = OneTimeId(f"device:{device.jti}:{slot}", (slot + 1) * INTERVAL, "device", refusal, by)
    return Awaiting(poll, approval_id(device.jti), partial(_plan_for_answer, request, device.jti), device.memory)


def _plan_for_answer(request: GrantRequest, jti: str, entry: Entry | None) -> Plan:
    """Return the plan for what a person has approved; `entry` holds the answer, `jti` is the id of the device code.

    Raises:
        OAuthError: authorization_pending, access_denied, expired_token, and the errors of `plan_for`.
    """
    if entry is None:
        raise OAuthError("authorization_pending", "the person has not answered yet; keep polling")
    try:
        approval = request.snapshot.open(entry.value.decode("ascii", "replace"), (DeviceApproval,), request.now)
    except BadBag as fault:
        raise _expired(fault.reason) from None
    if approval.jti != jti:
        raise _expired("the answer to another device")
    if approval.grant is None:
        raise OAuthError("access_denied", "the person denied access")
    return plan_for(AuthorizationCode(approval.iss, approval.jti, approval.iat, approval.exp, approval.grant), request)


def _invalid_device_code(reason: str) -> OAuthError:
    return OAuthError("invalid_grant", "the device code is wrong or belongs to another client", reason=reason)


def _expired(reason: str) -> OAuthError:
    return OAuthError("expired_token", "the device code has expired; request a new one", reason=reason)
