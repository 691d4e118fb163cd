"""Settling a plan: the only place with an effect.

It reads (one round trip), spends (cheap ids first, the code or refresh token last), then mints. So nothing is burnt for
a request that fails for another reason, and of many equal requests exactly one is answered with tokens.
"""

from typing import Any

import msgspec

from service.bags.ids import fresh_id
from service.bags.kinds import AccessToken, RefreshToken
from service.bags.sign import RESERVED_CLAIMS
from service.bags.snapshot import MAX_CHARS
from service.decisions.desk import Desk
from service.decisions.spending import redeem, spend_all
from service.grants.plan import Plan, Renewal
from service.memory import MemoryUnavailable
from service.protocol.errors import OAuthError


class TokenAnswer(msgspec.Struct, omit_defaults=True):
    """A successful answer of the token endpoint (RFC 6749 section 5.1); `expires_in` is in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str = ""
    refresh_token: str = ""
    issued_token_type: str = ""


async def settle(plan: Plan, desk: Desk, now: float) -> tuple[TokenAnswer, AccessToken]:
    """Carry out `plan` and return the answer, with the access token in it.

    Raises:
        OAuthError: something has been spent or revoked before, or belongs to another memory.
        MemoryUnavailable, MemoryFull: nothing is known to have been spent.
        NoActiveKey: the ring cannot sign or seal now.
    """
    if plan.standing or plan.redeems is not None:
        await redeem(plan, desk, now)
    elif plan.spends:
        await spend_all(plan.spends, desk.memory)
    return _mint(plan, desk, int(now))


def _mint(plan: Plan, desk: Desk, now: int) -> tuple[TokenAnswer, AccessToken]:
    audiences, snapshot = plan.audiences, desk.snapshot
    first = audiences[0]
    exp = now + (first.lifetime if len(audiences) == 1 else min(audience.lifetime for audience in audiences))
    if plan.not_after:
        exp = min(exp, plan.not_after)
    token = AccessToken(
        iss=snapshot.issuer,
        jti=f"{plan.family}.{fresh_id()}" if plan.family else fresh_id(),
        iat=now,
        exp=exp,
        sub=plan.subject,
        client_id=plan.client_id,
        aud=tuple([audience.identifier for audience in audiences]),
        scope=" ".join(plan.scopes),
        auth_time=plan.auth_time,
        acr=plan.acr,
        amr=plan.amr,
        cnf=plan.cnf,
        act=plan.act,
        authorization_details=plan.authorization_details,
        claims=first.claims if not plan.claims and plan.may_act is None else _merged(first.claims, plan),
    )
    if first.format == "jwt":
        text = snapshot.sign(token, first.alg, now)
    elif first.format == "bag":
        text = snapshot.seal(token, now)
    elif first.recipient is not None:
        text = snapshot.sign_and_seal(token, first.alg, first.recipient, now)
    else:
        raise OAuthError("server_error", reason="a resource of format jwe without a key")
    if len(text) > MAX_CHARS:
        raise OAuthError("invalid_request", "the token would be too long")
    answer = TokenAnswer(
        text,
        "DPoP" if "jkt" in plan.cnf else "Bearer",
        exp - now,
        "" if plan.scopes == plan.requested else token.scope,
        "" if plan.renewal is None else _renew(plan.renewal, desk, now),
        plan.issued_token_type,
    )
    return answer, token


def _merged(claims: dict[str, Any], plan: Plan) -> dict[str, Any]:
    merged = {**claims, **{name: value for name, value in plan.claims.items() if name not in RESERVED_CLAIMS}}
    return merged if plan.may_act is None else {**merged, "may_act": plan.may_act}


def _renew(renewal: Renewal, desk: Desk, now: int) -> str:
    config = desk.registry.config
    idle = config.lifetimes.refresh_idle
    try:
        memory = desk.memory.identity
    except MemoryUnavailable:
        memory = renewal.grant.memory if "refresh" in config.without_memory else ""
        if not memory:
            raise
    token = RefreshToken(
        iss=desk.snapshot.issuer,
        jti=fresh_id(),
        iat=now,
        exp=min(now + idle, renewal.until),
        grant=msgspec.structs.replace(renewal.grant, memory=memory),
        parent=renewal.parent,
        until=renewal.until,
    )
    return desk.snapshot.seal(token, now)
