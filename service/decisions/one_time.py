"""Spending one-time ids, such as the `jti` of a DPoP proof (RFC 9449 section 11.1)."""

from service.bags.ids import fresh_id
from service.memory import Memory
from service.protocol.one_time_id import OneTimeId


async def spend_all(one_time_ids: tuple[OneTimeId, ...], memory: Memory) -> None:
    """Spend the ids in order.

    Raises:
        OAuthError: the refusal of the first id that was spent before.
        MemoryUnavailable, MemoryFull
    """
    for one_time_id in one_time_ids:
        value = fresh_id().encode("ascii")
        stands = await memory.put(
            one_time_id.id, value, one_time_id.until, use=one_time_id.use, owners=one_time_id.owners
        )
        if stands.value != value:
            # A refusal may be raised more than once; each raise would add to its traceback.
            raise one_time_id.refusal.with_traceback(None)
