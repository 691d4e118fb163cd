"""Spending one-time ids: whatever is good for a single use, such as a proof's `jti` (RFC 9449 section 11.1)."""

from service.bags.ids import fresh_id
from service.memory import Memory
from service.protocol.one_time_id import OneTimeId


async def spend_all(one_time_ids: tuple[OneTimeId, ...], memory: Memory) -> None:
    """OneTimeId ids in order.

    Raises:
        OAuthError: the refusal of the first that was spent before.
        MemoryUnavailable, MemoryFull
    """
    for one_time_id in one_time_ids:
        mine = fresh_id().encode("ascii")
        if await memory.put(one_time_id.id, mine, one_time_id.until, use=one_time_id.use) != mine:
            raise one_time_id.refusal.with_traceback(None)  # one that is made once must not grow with each raise
