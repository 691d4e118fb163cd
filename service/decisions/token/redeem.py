"""Redeeming: the single use of codes (RFC 6749 section 4.1.2) and of refresh tokens (RFC 9700 section 4.14).

The rule for a rotating refresh token x whose parent is p (for the first token of a family, p is the family):

1. If the memory has a successor of x, x was used before. Within GRACE seconds the request counts as a late duplicate
   and is only refused. Later it means that x was stolen, and the family is revoked.
2. x is recorded as the successor of p. If p already has another successor, the chain was forked, and the family is
   revoked.
3. A new child of x is minted. Nothing is recorded for it.

Steps 1 and 2 take one round trip unless a proof must be spent between them.

If a response is lost, the client can send p or x again and gets another child. A retry does no harm. If a thief and the
client both use the chain, the second one to send a token triggers the revocation of the family.
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
"""Seconds after its use in which a used refresh token counts as a late duplicate."""


class Succession(msgspec.Struct, array_like=True):
    """The memory's entry for a parent token: its only child, and the instant of the child's use.

    `instant` is in seconds since the epoch. `request` is unused; earlier versions wrote it.
    """

    child: str
    instant: int
    request: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Succession).decode


async def redeem(plan: Plan, context: Context, now: float) -> None:
    """Check that nothing of `plan.revocation_checks` is revoked; spend one-time ids, then the code or refresh token.

    Raises:
        OAuthError: invalid_grant, `plan.void`, or the refusal of an id that was spent before.
        MemoryUnavailable, MemoryFull
    """
    bag, ids = plan.redeems, all_ids(plan.revocation_checks)
    if isinstance(bag, RefreshToken):
        await _refresh(plan, bag, ids, context, now)
        return
    _check_revocation(plan, await context.memory.get_many(ids))
    await spend_all(plan.one_time_ids, context.memory)
    if bag is not None:
        await _redeem_code(bag, context)


async def _redeem_code(code: AuthorizationCode, context: Context) -> None:
    id, value = f"code:{code.jti}", fresh_id().encode("ascii")
    _check_memory(code, context, id)
    if await context.memory.put(id, value, code.exp + context.registry.config.keys.skew, use="code") != value:
        await _revoke_family(code, context, "code replayed")


async def _refresh(plan: Plan, token: RefreshToken, ids: list[str], context: Context, now: float) -> None:
    """Check and spend `token`, in one round trip if no proof must be spent in between.

    The memory may carry out a put although its answer was lost. For a code that would be a loss: the code counts as
    used. A refresh token loses nothing: each put of the same token records the same child, and a put into a revoked
    family changes nothing.
    """
    config, memory, used, recorded = context.registry.config, context.memory, None, None
    # Applies while the memory cannot be reached, not while the memory is full.
    without_memory = "refresh" in config.without_memory
    own_id, parent_id = f"succ:{token.jti}", f"succ:{token.parent or token.grant.family}"
    record = _encode(Succession(token.jti, int(now)))
    until = token.until + config.keys.skew
    needed = () if config.refresh.survive_memory_loss else (own_id, parent_id) if plan.rotates else (ids[0],)
    try:
        _check_memory(token, context, *needed)
        if not plan.rotates:
            values = await memory.get_many(ids)
        elif plan.one_time_ids or without_memory:
            *values, used = await memory.get_many([*ids, own_id])
        else:
            recorded, (*values, used) = await memory.put_and_get(
                parent_id, record, until, [*ids, own_id], use="refresh"
            )
    except MemoryUnavailable:
        if not without_memory:
            raise
        # Raises if there is a proof: without the memory it could be a replay.
        await spend_all(plan.one_time_ids, memory)
        return
    except MemoryFull:
        # A client whose grant is revoked gets the final error, so that it does not retry.
        _check_revocation(plan, await memory.get_many(ids))
        raise
    _check_revocation(plan, values)
    if used is not None and now - _decode(used).instant <= GRACE:
        raise OAuthError(
            "invalid_grant",
            "the refresh token was used a moment ago; use the refresh token of that response",
            reason="late duplicate",
        )
    # Before any revocation: somebody who replays a whole request has not proved possession of the key.
    await spend_all(plan.one_time_ids, memory)
    if used is not None:
        await _revoke_family(token, context, "refresh token reused")
    if plan.rotates and recorded is None:
        _check_memory(token, context, *needed)  # the memory may have been replaced since the read
        recorded = await memory.put(parent_id, record, until, use="refresh")
    if recorded is not None and _decode(recorded).child != token.jti:
        await _revoke_family(token, context, "refresh chain forked")


def _check_revocation(plan: Plan, values: list[bytes | None]) -> None:
    if not all_stand(plan.revocation_checks, values):
        raise OAuthError(plan.void, "the code or token was revoked; request a new authorization", reason="revoked")


def _check_memory(bag: AuthorizationCode | RefreshToken, context: Context, *ids: str) -> None:
    """Refuse a bag that belongs to another memory, or is older than this memory's entries `ids`.

    This memory could not tell whether such a bag was used. Call it with no `await` before the next verb of the memory,
    or right after one has answered: `identity` and `since` then describe the contents that answer.

    Raises:
        OAuthError: invalid_grant.
        MemoryUnavailable
    """
    is_ours = check_identity(bag.grant.memory, context)
    if is_ours and ids and bag.iat < context.memory.since((*ids, revoked(bag.grant.family))):
        raise _unknown_grant("older than the memory")


def check_identity(identity: str, context: Context) -> bool:
    """Tell whether `identity`, from a bag, is this memory's; False for one of `memory.accept_identity`.

    Raises:
        OAuthError: invalid_grant for the identity of any other memory.
        MemoryUnavailable
    """
    memory = context.memory
    if identity == memory.identity:
        return True
    if identity in context.registry.config.memory.accept_identity:
        return False
    log.error("bag belongs to another memory", bag=identity, memory=memory.identity)
    raise _unknown_grant("wrong memory")


def _unknown_grant(reason: str) -> OAuthError:
    description = "this server does not know the code or token; request a new authorization"
    return OAuthError("invalid_grant", description, reason=reason)


async def _revoke_family(bag: AuthorizationCode | RefreshToken, context: Context, reason: str) -> None:
    """Revoke all tokens of the authorization that `bag` belongs to.

    Raises:
        OAuthError: always invalid_grant.
        MemoryUnavailable, MemoryFull
    """
    config = context.registry.config
    until = bag.exp + config.lifetimes.refresh_absolute if isinstance(bag, AuthorizationCode) else bag.until
    await context.memory.put(revoked(bag.grant.family), b"1", until + config.keys.sig_life, use="revocation")
    log.warning("family revoked", family=bag.grant.family, reason=reason)
    description = "the code or refresh token was used before; its tokens are revoked; request a new authorization"
    raise OAuthError("invalid_grant", description, reason=reason)
