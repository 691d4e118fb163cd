"""The decision on a revocation request (RFC 7009)."""

from collections.abc import Iterable
from hmac import compare_digest

from keys import Key
from service.bags.errors import BadBag
from service.bags.kinds import AccessToken, Bag, RefreshToken
from service.config import Client, Config
from service.decisions.caller import authenticate_caller
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.form_request import FormRequest
from service.decisions.one_time import spend_all
from service.decisions.refusing import REFUSABLE, refusal_of
from service.memory import OPERATOR, REVOKED, Memory, owners
from service.protocol.digests import client_digest
from service.protocol.errors import OAuthError
from service.protocol.revocation_check import NOT_BEFORE_ALL, not_before_client, not_before_subject, state_id


async def decide_revocation(context: Context, form_request: FormRequest, now: float) -> Decision:
    """Return the decision on a revocation request at `now` (seconds since the epoch).

    With memory `none` nothing can be revoked, and every token is refused with `unsupported_token_type` (section 2.2.1).
    Revoking a refresh token revokes its family. A token that is unknown, expired or another client's is not revoked,
    and the response is the same as for success (section 2.2).
    """
    decision = Decision(Action.OK, answer={})
    try:
        client, form, one_time_ids = await authenticate_caller(decision, context, form_request, now)
        require_memory(context.memory)
        token = _find(decision, form.require("token"), client, context, now)
        await spend_all(one_time_ids, context.memory)
        if token is not None:
            await revoke(token, context, client.id)
            decision.jti = token.jti
    except REFUSABLE as fault:
        return decision.refuse(refusal_of(fault))
    return decision


def require_memory(memory: Memory) -> None:
    """Refuse a revocation that the memory cannot record.

    Raises:
        OAuthError: unsupported_token_type.
    """
    if memory.name == "none":
        raise OAuthError("unsupported_token_type", "this server cannot revoke tokens", reason="memory.kind is none")


def _find(decision: Decision, text: str, client: Client, context: Context, now: float) -> Bag | None:
    """Return the token `text` if it belongs to `client`; else None, with the reason in `decision.note`."""
    is_own = False
    try:
        token: Bag = context.snapshot.open(text, (AccessToken, RefreshToken), now)
    except BadBag as fault:
        decision.note = fault.reason
        return None
    if isinstance(token, RefreshToken):
        is_own = compare_digest(token.grant.client, client_digest(client.id))
    elif isinstance(token, AccessToken):
        is_own = token.client_id == client.id
    if not is_own:
        decision.note = "another client's token"
    return token if is_own else None


async def revoke(token: Bag, context: Context, client_id: str = "") -> None:
    """Revoke an access token, or a refresh token with its family, for its client; for the operator if there is none.

    Raises:
        OAuthError: unsupported_token_type.
        MemoryUnavailable, MemoryFull
    """
    require_memory(context.memory)
    config = context.registry.config
    if isinstance(token, RefreshToken):
        id, until, sub = state_id(token.grant.family), token.until + config.keys.sig_life, token.grant.sub
    else:
        id, until, sub = state_id(token.jti), token.exp, token.sub if isinstance(token, AccessToken) else ""
    room = owners(client=client_id, subject="" if sub == client_id else sub)
    use = "revocation" if client_id else OPERATOR
    await context.memory.put(id, b"", until + config.keys.skew, REVOKED, use=use, owners=room)


async def revoke_issued(
    memory: Memory,
    config: Config,
    now: float,
    *,
    client: str = "",
    subject: str = "",
    family: str = "",
    keys: Iterable[Key] = (),
) -> None:
    """Revoke what was issued until `now` (seconds since the epoch) to a client, for a subject or in a family, else all.

    A not-before can be raised any number of times. The memory keeps it as long as any of `keys`, those of the ring, can
    open or verify what was issued.

    Raises:
        OAuthError: unsupported_token_type.
        MemoryUnavailable, MemoryFull
    """
    require_memory(memory)
    longest = max(config.lifetimes.refresh_absolute, config.keys.sig_life, config.keys.bag_life)
    # The lifetimes may have been longer when the tokens were issued; nothing outlives the keys that open it.
    until = max([int(now) + longest, *(key.expires for key in keys)]) + config.keys.skew
    entries = []
    if family:
        entries.append((state_id(family), REVOKED))
    if client:
        entries.append((not_before_client(client), int(now)))
    if subject:
        entries.append((not_before_subject(subject), int(now)))
    for id, rank in entries or [(NOT_BEFORE_ALL, int(now))]:
        await memory.put(id, b"", until, rank, use=OPERATOR)
