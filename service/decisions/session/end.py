"""The end of a session: no node accepts its cookie any more."""

from service.decisions.context import Context
from service.decisions.throttle import network
from service.memory import REVOKED, owners
from service.protocol.revocation_check import state_id


async def revoke_session(context: Context, sid: str, until: int, subject: str, address: str) -> None:
    """End the session `sid`, which would have ended at `until` (seconds since the epoch).

    Raises:
        MemoryUnavailable, MemoryFull
    """
    by = owners(subject=subject, address=network(address))
    until += context.registry.config.keys.skew
    await context.memory.put(state_id(sid), b"", until, REVOKED, use="revocation", owners=by)
