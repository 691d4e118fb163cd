"""The device code grant (RFC 8628 section 3.4): a device asks again and again until a person has answered."""

from functools import partial

from service.bags.errors import BadBag, ExpiredBag
from service.bags.kinds import AuthorizationCode, DeviceApproval, DeviceCode
from service.grants.plan import Awaiting, GrantRequest, Plan
from service.grants.plan_for_code import plan_for
from service.protocol.errors import OAuthError
from service.protocol.one_time_id import OneTimeId

INTERVAL = 5
"""Seconds between two requests of a device."""


def approval_id(jti: str) -> str:
    """The entry of what a person has answered to the device whose code has the id `jti`."""
    return f"approval:{jti}"


async def device_code(request: GrantRequest) -> Awaiting:
    """Await the answer of a person.

    Raises:
        OAuthError: expired_token; invalid_grant for a code that is not good for this request; invalid_request.
    """
    expired = False
    try:
        device = request.snapshot.open(request.form.require("device_code"), (DeviceCode,), request.now)
    except ExpiredBag as fault:
        device, expired = fault.bag, True
    except BadBag as fault:
        raise OAuthError("invalid_grant", "the device code is not valid", reason=fault.reason) from None
    if device.client_id != request.client.id:
        raise OAuthError("invalid_grant", "the device code is not valid", reason="another client's device code")
    if expired:
        raise OAuthError("expired_token", "the device code has expired")
    slot = int(request.now) // INTERVAL
    refusal = OAuthError("slow_down", f"ask every {INTERVAL} seconds, and from now on 5 seconds less often")
    poll = OneTimeId(f"device:{device.jti}:{slot}", (slot + 1) * INTERVAL, "device", refusal)
    return Awaiting(poll, approval_id(device.jti), partial(_answered, request), device.memory)


def _answered(request: GrantRequest, value: bytes | None) -> Plan:
    """Plan the tokens that a person has granted, by what stands under the approval's id.

    Raises:
        OAuthError: authorization_pending, access_denied, expired_token, and those of any grant.
    """
    if value is None:
        raise OAuthError("authorization_pending", "nobody has answered yet")
    try:
        approval = request.snapshot.open(value.decode("ascii"), (DeviceApproval,), request.now)
    except BadBag as fault:
        raise OAuthError("expired_token", "the device code has expired", reason=fault.reason) from None
    if approval.grant is None:
        raise OAuthError("access_denied", "access was denied")
    return plan_for(AuthorizationCode(approval.iss, approval.jti, approval.iat, approval.exp, approval.grant), request)
