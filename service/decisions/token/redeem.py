"""Redeeming: the single use of codes (RFC 6749 section 4.1.2) and of refresh tokens (RFC 9700 section 4.14).

A family of rotating refresh tokens has one entry in the memory, however often it rotates. The rank of the entry is the
highest generation that was used. Its value names the refresh token of that generation that was used first. Each refresh
token carries its generation. It is put under this rank, and the entry that stands then decides:

- The entry names this refresh token: a child of the next generation is minted. So a lost response locks nobody out: the
  client sends the same refresh token again and gets another child.
- The entry has the same generation and names another refresh token: two parties have each used a child of the same
  refresh token. The family is revoked.
- The entry has a later generation: this refresh token is used up. Within GRACE seconds after the first use of its child
  the request may be a late duplicate, and the response is 503. Nobody reads the response to a duplicate. A client whose
  refresh token was stolen tries again after these seconds, and then the family is revoked.

So every invalid_grant of this rule revokes the family: when a client gives up, a thief has nothing that works.
"""

from typing import NoReturn

import msgspec
import structlog

from service.bags.ids import fresh_id
from service.bags.kinds import AuthorizationCode, RefreshToken
from service.decisions.context import Context
from service.decisions.older_tokens import older_than_memory
from service.decisions.one_time import spend_all
from service.grants.plan import Plan
from service.grants.refresh_token import GRACE, uses_with
from service.memory import REVOKED, Entry, MemoryFull, MemoryUnavailable, owners
from service.protocol.errors import OAuthError
from service.protocol.revocation_check import all_ids, all_stand, state_id

log = structlog.get_logger("satchel")


class FamilyUse(msgspec.Struct, array_like=True):
    """The value of a family's entry: the `jti` of the refresh token that was used first in its generation.

    `uses` are instants in seconds since the epoch: the first use of this generation, then of the generations before it,
    back to GRACE seconds. They tell when each of the last refresh tokens was used up.
    """

    child: str
    uses: tuple[int, ...]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(FamilyUse).decode


async def redeem(plan: Plan, context: Context, now: float) -> None:
    """Check that nothing of `plan.revocation_checks` is revoked; spend one-time ids, then the code or refresh token.

    Raises:
        OAuthError: invalid_grant, `plan.void`, or the refusal of an id that was spent before; temporarily_unavailable
            for a late duplicate.
        MemoryUnavailable, MemoryFull
    """
    bag, ids = plan.redeems, all_ids(plan.revocation_checks)
    if isinstance(bag, RefreshToken):
        await _refresh(plan, bag, ids, context, now)
        return
    _check_revocation(plan, await context.memory.get_many(ids))
    if older_than_memory(plan.revocation_checks, context):
        description = "the code or token was revoked; request a new authorization"
        raise OAuthError(plan.void, description, reason="older than the memory")
    await spend_all(plan.one_time_ids, context.memory)
    if bag is not None:
        await _redeem_code(plan, bag, context)


async def _redeem_code(plan: Plan, code: AuthorizationCode, context: Context) -> None:
    id, value = f"code:{code.jti}", fresh_id().encode("ascii")
    _check_memory(code, context, id)
    until = code.exp + context.registry.config.keys.skew
    stands = await context.memory.put(id, value, until, use="code", owners=_owners(plan, code))
    if stands.value != value:
        await _revoke_family(plan, code, context, "code replayed")


async def _refresh(plan: Plan, token: RefreshToken, ids: list[str], context: Context, now: float) -> None:
    """Check and spend `token`, in one round trip if no proof must be spent in between.

    The memory may carry out a put although its answer was lost. For a code that would be a loss: the code counts as
    used. A refresh token loses nothing: each put of the same token records the same use, and a put into a revoked
    family changes nothing.
    """
    config, memory = context.registry.config, context.memory
    # Applies while the memory cannot be reached, not while the memory is full.
    without_memory = "refresh" in config.without_memory
    family, until = state_id(token.grant.family), token.until + config.keys.skew
    use, room = _encode(FamilyUse(token.jti, uses_with(token, now))), _owners(plan, token)
    stands: Entry | None = None
    try:
        _check_memory(token, context, family)
        if plan.rotates and not plan.one_time_ids and not without_memory:
            stands, entries = await memory.put_and_get(
                family, use, until, ids, token.generation, use="refresh", owners=room
            )
            _check_revocation(plan, entries)
        else:
            *entries, before = await memory.get_many([*ids, family])
            _check_revocation(plan, entries)
            if plan.rotates and before is not None:
                _check_late(token, before, now)
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
    if stands is None:
        # Before any revocation: somebody who replays a whole request has not proved possession of the key.
        await spend_all(plan.one_time_ids, memory)
        if not plan.rotates:
            return
        _check_memory(token, context, family)  # the memory may have been replaced since the read
        stands = await memory.put(family, use, until, token.generation, use="refresh", owners=room)
    _check_late(token, stands, now)
    if stands.rank > token.generation:
        await _revoke_family(plan, token, context, "refresh token reused")
    if _decode(stands.value).child != token.jti:
        await _revoke_family(plan, token, context, "refresh chain forked")


def _check_late(token: RefreshToken, stands: Entry, now: float) -> None:
    """Refuse a late duplicate.

    Raises:
        OAuthError: temporarily_unavailable.
    """
    later = stands.rank - token.generation
    if later < 1 or stands.rank == REVOKED:
        return
    uses = _decode(stands.value).uses
    if later <= len(uses) and (left := uses[later - 1] + GRACE - int(now)) >= 0:
        raise OAuthError(
            "temporarily_unavailable",
            "the refresh token was used a moment ago; use the refresh token of that response",
            reason="late duplicate",
            retry_after=left + 1,
        )


def _owners(plan: Plan, bag: AuthorizationCode | RefreshToken) -> tuple[str, ...]:
    return owners(client=plan.client_id, subject=bag.grant.sub)


def _check_revocation(plan: Plan, entries: list[Entry | None]) -> None:
    if not all_stand(plan.revocation_checks, entries):
        raise OAuthError(plan.void, "the code or token was revoked; request a new authorization", reason="revoked")


def _check_memory(bag: AuthorizationCode | RefreshToken, context: Context, id: str) -> None:
    """Refuse a bag that belongs to another memory, or is older than what this memory knows of the entry `id`.

    This memory could not tell whether such a bag was used. Call it with no `await` before the next verb of the memory,
    or right after one has answered: `identity` and `since` then describe the contents that answer.

    Raises:
        OAuthError: invalid_grant; never for a refresh token if refresh.survive_memory_loss is set.
        MemoryUnavailable
    """
    try:
        is_ours = check_identity(bag.grant.memory, context)
        if is_ours and bag.iat < context.memory.since((id, state_id(bag.grant.family))):
            raise _unknown_grant("older than the memory")
    except OAuthError as loss:
        if isinstance(bag, AuthorizationCode) or not context.registry.config.refresh.survive_memory_loss:
            raise
        log.warning("refresh token from before a loss of memory accepted", family=bag.grant.family, reason=loss.reason)


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


async def _revoke_family(plan: Plan, bag: AuthorizationCode | RefreshToken, context: Context, reason: str) -> NoReturn:
    """Revoke all tokens of the authorization that `bag` belongs to.

    Raises:
        OAuthError: always invalid_grant.
        MemoryUnavailable, MemoryFull
    """
    config, family = context.registry.config, bag.grant.family
    until = bag.exp + config.lifetimes.refresh_absolute if isinstance(bag, AuthorizationCode) else bag.until
    until += config.keys.sig_life
    await context.memory.put(state_id(family), b"", until, REVOKED, use="revocation", owners=_owners(plan, bag))
    log.warning("family revoked", family=family, reason=reason)
    description = "the code or refresh token was used before; its tokens are revoked; request a new authorization"
    raise OAuthError("invalid_grant", description, reason=reason)
