"""Spending what is good for one use: replayable ids, codes (RFC 6749 section 4.1.2), refresh tokens (RFC 9700 4.14).

The rule for a refresh token x that rotates, child of p (the family itself, for the first one):

1. If a successor of x is on record, x was used up: within GRACE seconds it is a late duplicate and only refused, later
   it is a thief or a victim of one, and the family is revoked.
2. x is written down as the successor of p. If another child of p stands there, the chain was forked: revoked.
3. A fresh child of x is minted, and nothing is recorded about it.

So a lost answer locks nobody out (p, or x again, gives another child), a retry harms nobody, and of two branches the
second one to move betrays both.
"""

import msgspec
import structlog

from service.bags.ids import fresh_id
from service.bags.kinds import AuthorizationCode, RefreshToken
from service.decisions.desk import Desk
from service.grants.plan import Plan
from service.memory import Memory, MemoryUnavailable
from service.protocol.errors import OAuthError
from service.protocol.spend import Spend
from service.protocol.standing import all_ids, all_stand, revoked

log = structlog.get_logger("satchel")

GRACE = 30
"""Seconds in which a used refresh token counts as a late duplicate."""


class Succession(msgspec.Struct, array_like=True):
    """What is written under a parent: its one child, when that was used, and by which request."""

    child: str
    instant: int
    request: str


async def spend_all(spends: tuple[Spend, ...], memory: Memory) -> None:
    """Spend ids in order.

    Raises:
        OAuthError: the refusal of the first that was spent before.
        MemoryUnavailable, MemoryFull
    """
    for spend in spends:
        mine = fresh_id().encode("ascii")
        if await memory.put(spend.id, mine, spend.until, use=spend.use) != mine:
            raise spend.refusal.with_traceback(None)  # one that is made once must not grow with each raise


async def redeem(plan: Plan, desk: Desk, now: float) -> None:
    """Read what `plan` rests on, spend what it spends, and redeem its code or refresh token.

    Raises:
        OAuthError: invalid_grant, `plan.void`, or the refusal of a spent id.
        MemoryUnavailable, MemoryFull
    """
    bag, memory = plan.redeems, desk.memory
    succession = f"succ:{bag.jti}" if plan.rotates and bag is not None else None
    ids = all_ids(plan.standing)
    if succession is not None:
        ids.append(succession)
    try:
        values = await memory.get_many(ids)
    except MemoryUnavailable:
        if not (isinstance(bag, RefreshToken) and "refresh" in desk.registry.config.without_memory):
            raise
        await spend_all(plan.spends, memory)  # a proof that cannot be spent proves nothing, configured or not
        return
    spent = values.pop() if succession is not None else None
    if not all_stand(plan.standing, values):
        raise OAuthError(plan.void, "the grant is no longer valid", reason="revoked")
    if bag is None:
        await spend_all(plan.spends, memory)
        return
    if spent is not None:
        _check_memory(bag, desk)
        used = msgspec.msgpack.decode(spent, type=Succession)
        if now - used.instant <= GRACE:
            raise OAuthError("invalid_grant", "the refresh token was used a moment ago", reason="late duplicate")
        await spend_all(plan.spends, memory)  # whoever repeats a whole request has not proved who they are
        await _revoke_family(bag, desk, "refresh token reused")
    await spend_all(plan.spends, memory)
    if isinstance(bag, AuthorizationCode):
        await _redeem_code(bag, desk)
    elif plan.rotates:
        await _succeed(bag, desk, now)
    else:
        _check_memory(bag, desk, *_unless_survives(desk, revoked(bag.grant.family)))


async def _redeem_code(code: AuthorizationCode, desk: Desk) -> None:
    spent, mine = f"code:{code.jti}", fresh_id().encode("ascii")
    _check_memory(code, desk, spent)
    if await desk.memory.put(spent, mine, code.exp + desk.registry.config.keys.skew, use="code") != mine:
        await _revoke_family(code, desk, "code replayed")


async def _succeed(token: RefreshToken, desk: Desk, now: float) -> None:
    parent = f"succ:{token.parent or token.grant.family}"
    record = msgspec.msgpack.encode(Succession(token.jti, int(now), fresh_id()))
    _check_memory(token, desk, *_unless_survives(desk, f"succ:{token.jti}", parent))
    stands = await desk.memory.put(parent, record, token.until + desk.registry.config.keys.skew, use="refresh")
    if msgspec.msgpack.decode(stands, type=Succession).child != token.jti:
        await _revoke_family(token, desk, "refresh chain forked")


def _unless_survives(desk: Desk, *ids: str) -> tuple[str, ...]:
    """Return `ids`, or none where refresh tokens are to survive that the memory has forgotten them."""
    return () if desk.registry.config.refresh.survive_memory_loss else ids


def _check_memory(bag: AuthorizationCode | RefreshToken, desk: Desk, *ids: str) -> None:
    """Refuse a bag whose use this memory would not remember, under `ids` if there are any.

    Called in the turn of the event loop in which a verb of the memory is asked or has answered: a verb answers only out
    of the contents that `identity` and `since` spoke of in those turns.

    Raises:
        OAuthError: invalid_grant.
        MemoryUnavailable
    """
    is_ours = check_identity(bag.grant.memory, desk)
    if is_ours and ids and bag.iat < desk.memory.since((*ids, revoked(bag.grant.family))):
        raise OAuthError("invalid_grant", "the grant is not known here", reason="older than the memory")


def check_identity(identity: str, desk: Desk) -> bool:
    """Tell whether a bag that carries `identity` is of this memory; if not, it is of a former one that is accepted.

    Raises:
        OAuthError: invalid_grant, for any other.
        MemoryUnavailable
    """
    memory = desk.memory
    if identity == memory.identity:
        return True
    if identity in desk.registry.config.memory.accept_identity:
        return False
    log.error("wrong memory", bag=identity, memory=memory.identity)
    raise OAuthError("invalid_grant", "the grant is not known here", reason="wrong memory")


async def _revoke_family(bag: AuthorizationCode | RefreshToken, desk: Desk, reason: str) -> None:
    """Revoke all that descends from the authorization behind `bag`.

    Raises:
        OAuthError: always invalid_grant.
        MemoryUnavailable, MemoryFull
    """
    config = desk.registry.config
    until = bag.exp + config.lifetimes.refresh_absolute if isinstance(bag, AuthorizationCode) else bag.until
    await desk.memory.put(revoked(bag.grant.family), b"1", until + config.keys.sig_life, use="revocation")
    log.warning("family revoked", family=bag.grant.family, reason=reason)
    raise OAuthError("invalid_grant", "the grant was used before", reason=reason)
