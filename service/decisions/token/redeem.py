"""Spending what is good for one use: replayable ids, codes (RFC 6749 section 4.1.2), refresh tokens (RFC 9700 4.14).

The rule for a refresh token x that rotates, child of p (the family itself, for the first one):

1. If a successor of x is on record, x was used up: within GRACE seconds it is a late duplicate and only refused, later
   it is a thief or a victim of one, and the family is revoked.
2. x is written down as the successor of p. If another child of p stands there, the chain was forked: revoked.
3. A fresh child of x is minted, and nothing is recorded about it.

Where no proof has to be spent in between, the first two are asked at once.
So a lost answer locks nobody out (p, or x again, gives another child), a retry harms nobody, and of two branches the
second one to move betrays both.
"""

import msgspec
import structlog

from service.bags.ids import fresh_id
from service.bags.kinds import AuthorizationCode, RefreshToken
from service.decisions.context import Context
from service.decisions.one_time import spend_all
from service.grants.plan import Plan
from service.memory import MemoryFull, MemoryUnavailable
from service.protocol.errors import OAuthError
from service.protocol.revocation_check import all_ids, all_stand, revoked

log = structlog.get_logger("satchel")

GRACE = 30
"""Seconds in which a used refresh token counts as a late duplicate."""


class Succession(msgspec.Struct, array_like=True):
    """What is written under a parent: its one child, and when that was used. Who repeats a request writes the same.

    `request` has no meaning any more.
    """

    child: str
    instant: int
    request: str = ""


_encode = msgspec.msgpack.Encoder().encode
_succession = msgspec.msgpack.Decoder(Succession).decode


async def redeem(plan: Plan, context: Context, now: float) -> None:
    """Read what `plan` rests on, spend what it spends, and redeem its code or refresh token.

    Raises:
        OAuthError: invalid_grant, `plan.void`, or the refusal of a spent id.
        MemoryUnavailable, MemoryFull
    """
    bag, ids = plan.redeems, all_ids(plan.revocation_checks)
    if isinstance(bag, RefreshToken):
        await _refresh(plan, bag, ids, context, now)
        return
    _check_standing(plan, await context.memory.get_many(ids))
    await spend_all(plan.one_time_ids, context.memory)
    if bag is not None:
        await _redeem_code(bag, context)


async def _redeem_code(code: AuthorizationCode, context: Context) -> None:
    spent, mine = f"code:{code.jti}", fresh_id().encode("ascii")
    _check_memory(code, context, spent)
    if await context.memory.put(spent, mine, code.exp + context.registry.config.keys.skew, use="code") != mine:
        await _revoke_family(code, context, "code replayed")


async def _refresh(plan: Plan, token: RefreshToken, ids: list[str], context: Context, now: float) -> None:
    """Read and spend `token` in one round trip, unless something is to be done in between.

    A put that was sent and not answered may yet be done. That would cost a code; but a refresh token names the same
    child however often it is put, and of a family that turns out to be revoked there is nothing left to lose.
    """
    config, memory, used, stands = context.registry.config, context.memory, None, None
    blind = "refresh" in config.without_memory  # as long as nothing can be read, not where nothing can be written
    mine, parent = f"succ:{token.jti}", f"succ:{token.parent or token.grant.family}"
    record = _encode(Succession(token.jti, int(now)))
    until = token.until + config.keys.skew
    rests_on = () if config.refresh.survive_memory_loss else (mine, parent) if plan.rotates else (ids[0],)
    try:
        _check_memory(token, context, *rests_on)
        if not plan.rotates:
            values = await memory.get_many(ids)
        elif plan.one_time_ids or blind:
            *values, used = await memory.get_many([*ids, mine])
        else:
            stands, (*values, used) = await memory.put_and_get(parent, record, until, [*ids, mine], use="refresh")
    except MemoryUnavailable:
        if not blind:
            raise
        await spend_all(plan.one_time_ids, memory)  # a proof that cannot be spent proves nothing, configured or not
        return
    except MemoryFull:
        _check_standing(plan, await memory.get_many(ids))  # what was revoked need not come again
        raise
    _check_standing(plan, values)
    if used is not None and now - _succession(used).instant <= GRACE:
        raise OAuthError("invalid_grant", "the refresh token was used a moment ago", reason="late duplicate")
    await spend_all(plan.one_time_ids, memory)  # whoever repeats a whole request has not proved who they are
    if used is not None:
        await _revoke_family(token, context, "refresh token reused")
    if plan.rotates and stands is None:
        _check_memory(token, context, *rests_on)  # the memory may have changed in between
        stands = await memory.put(parent, record, until, use="refresh")
    if stands is not None and _succession(stands).child != token.jti:
        await _revoke_family(token, context, "refresh chain forked")


def _check_standing(plan: Plan, values: list[bytes | None]) -> None:
    if not all_stand(plan.revocation_checks, values):
        raise OAuthError(plan.void, "the grant is no longer valid", reason="revoked")


def _check_memory(bag: AuthorizationCode | RefreshToken, context: Context, *ids: str) -> None:
    """Refuse a bag whose use this memory would not remember, under `ids` if there are any.

    Called in the turn of the event loop in which a verb of the memory is asked or has answered: a verb answers only out
    of the contents that `identity` and `since` spoke of in those turns.

    Raises:
        OAuthError: invalid_grant.
        MemoryUnavailable
    """
    is_ours = check_identity(bag.grant.memory, context)
    if is_ours and ids and bag.iat < context.memory.since((*ids, revoked(bag.grant.family))):
        raise OAuthError("invalid_grant", "the grant is not known here", reason="older than the memory")


def check_identity(identity: str, context: Context) -> bool:
    """Tell whether a bag that carries `identity` is of this memory; if not, it is of a former one that is accepted.

    Raises:
        OAuthError: invalid_grant, for any other.
        MemoryUnavailable
    """
    memory = context.memory
    if identity == memory.identity:
        return True
    if identity in context.registry.config.memory.accept_identity:
        return False
    log.error("wrong memory", bag=identity, memory=memory.identity)
    raise OAuthError("invalid_grant", "the grant is not known here", reason="wrong memory")


async def _revoke_family(bag: AuthorizationCode | RefreshToken, context: Context, reason: str) -> None:
    """Revoke all that descends from the authorization behind `bag`.

    Raises:
        OAuthError: always invalid_grant.
        MemoryUnavailable, MemoryFull
    """
    config = context.registry.config
    until = bag.exp + config.lifetimes.refresh_absolute if isinstance(bag, AuthorizationCode) else bag.until
    await context.memory.put(revoked(bag.grant.family), b"1", until + config.keys.sig_life, use="revocation")
    log.warning("family revoked", family=bag.grant.family, reason=reason)
    raise OAuthError("invalid_grant", "the grant was used before", reason=reason)
