"""Device codes at login and consent (RFC 8628 section 3.3): look-up by user code, approval, denial."""

from typing import NamedTuple

import msgspec

from service.bags.errors import BadBag
from service.bags.kinds import DeviceApproval, DeviceCode, Grant, LoginTicket
from service.bags.snapshot import MAX_CHARS
from service.config import Client
from service.config.check_grants import DEVICE_CODE
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.pages import DeviceDonePage
from service.grants.device_code import approval_id
from service.memory import owners
from service.protocol.errors import OAuthError

EXPIRED_FOR = 300
"""Seconds for which an expired user code is reported as expired. Later it is reported as unknown."""


async def device_of(context: Context, user_code: str, now: float) -> tuple[DeviceCode, Client] | None:
    """Return the device code of a user code, and its client; None if the user code is unknown or expired.

    Raises:
        MemoryUnavailable
    """
    try:
        return await open_device(context, user_code, now)
    except BadBag:
        return None


async def open_device(context: Context, user_code: str, now: float) -> tuple[DeviceCode, Client]:
    """Return the device code of a user code, and its client.

    Raises:
        ExpiredBag: the user code expired less than EXPIRED_FOR seconds ago.
        BadBag: the user code is unknown.
        MemoryUnavailable
    """
    (entry,) = await context.memory.get_many([user_code_id(user_code)])
    device = context.snapshot.open("" if entry is None else entry.value.decode("ascii", "replace"), (DeviceCode,), now)
    if device.user_code != user_code:
        raise BadBag("the entry of another user code")
    client = context.registry.clients.find(device.client_id)
    if client is None or DEVICE_CODE not in client.grants:
        raise BadBag("the client is gone, or may not use device codes any more")
    return device, client


def user_code_id(user_code: str) -> str:
    """Return the memory id of a user code."""
    return f"user_code:{user_code}"


class Approval(NamedTuple):
    """A sealed answer to a device. The memory keeps `value` under `id` until `until` (seconds since the epoch).

    `owners` are those whose share of the memory it takes.
    """

    id: str
    value: bytes
    until: int
    owners: tuple[str, ...]


async def approval_for(
    context: Context, ticket: LoginTicket, client: Client, grant: Grant | None, now: float
) -> Approval:
    """Return the person's answer for the device of `ticket`; a `grant` of None denies access.

    Raises:
        OAuthError: invalid_request if the device code has expired, or the grant is too long.
        MemoryUnavailable, NoActiveKey
    """
    found = await device_of(context, ticket.device, now)
    if found is None or found[0].client_id != client.id:
        raise OAuthError("invalid_request", "the code has expired; start again on the device")
    device, _ = found
    if grant is not None:
        grant = msgspec.structs.replace(grant, memory=context.memory.identity, cnf=device.cnf)
    bag = DeviceApproval(context.snapshot.issuer, device.jti, int(now), device.exp, grant)
    value = context.snapshot.seal(bag, now)
    if len(value) > MAX_CHARS:
        raise OAuthError("invalid_request", "the grant is too long; grant fewer claims or authorization_details")
    room = owners(client=client.id, subject="" if grant is None else grant.sub)
    return Approval(approval_id(device.jti), value.encode("ascii"), device.exp, room)


async def approve(context: Context, approval: Approval) -> None:
    """Record `approval`, which the device gets with its next poll.

    Raises:
        OAuthError: invalid_request if the device was answered before.
        MemoryUnavailable, MemoryFull
    """
    id, value, until, room = approval
    if (await context.memory.put(id, value, until, use="device", owners=room)).value != value:
        raise _answered_before()


def device_done(decision: Decision, client: Client, *, approved: bool) -> Decision:
    """Write into `decision` the page that sends the person back to the device."""
    decision.action, decision.answer = Action.INTERACTION, DeviceDonePage(approved, client)
    return decision


def _answered_before() -> OAuthError:
    return OAuthError("invalid_request", "the code was used before; start again on the device")
