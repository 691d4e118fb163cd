"""Settling a plan: mint, read, spend. A token request changes nothing before this.

Everything that can be refused is refused before anything is spent. So the tokens are minted first, which shows that
each of them fits and has a key. Then settling reads the memory in one round trip, and spends the one-time ids first and
the code or refresh token last. `settle` returns the tokens only after everything was spent, so of many equal requests
exactly one gets tokens.
"""

from math import ceil
from typing import Any

import msgspec

from service.bags.ids import fresh_id
from service.bags.kinds import AccessToken, PersonalClaims, RefreshToken
from service.bags.sign import RESERVED_CLAIMS
from service.bags.snapshot import MAX_CHARS
from service.decisions.context import Context
from service.decisions.issued_tokens import Issued, TokenAnswer
from service.decisions.one_time import spend_all
from service.decisions.token.id_token import id_token
from service.decisions.token.person import Person, find_person
from service.decisions.token.redeem import redeem
from service.decisions.withdrawn import withdrawn
from service.grants.plan import Plan, Renewal
from service.memory import MemoryUnavailable
from service.protocol.errors import OAuthError
from service.protocol.token_checks import ORIGIN


async def settle(plan: Plan, context: Context, now: float) -> Issued:
    """Carry out `plan` and return the issued tokens.

    Raises:
        OAuthError: something was used or revoked before, or belongs to another memory.
        MemoryUnavailable, MemoryFull: nothing was issued; ids may have been spent (redeem.py).
        NoActiveKey: the key ring has no active key to sign or seal with; nothing was spent.
    """
    if withdrawn(plan.revocation_checks, context):
        description = "the code or token was revoked; request a new authorization"
        raise OAuthError(plan.void, description, reason="the client or the user is gone")
    _check_age(context, now)
    if context.ports.customize is not None:
        plan = await context.ports.customize.tokens(plan)
    person = None if plan.person is None else await find_person(plan.person, plan.client_id, context)
    issued = _mint(plan, person, context, int(now))
    if plan.revocation_checks or plan.redeems is not None:
        await redeem(plan, context, now)
    elif plan.one_time_ids:
        await spend_all(plan.one_time_ids, context.memory)
    return issued


def _check_age(context: Context, now: float) -> None:
    """Refuse to issue what would be older than the memory: for some seconds after a loss, its `since` is to come.

    Raises:
        MemoryUnavailable
    """
    try:
        since = context.memory.since()
    except MemoryUnavailable:
        return  # without the memory, some requests can be answered
    if now < since:
        raise MemoryUnavailable("the memory has just begun", retry_after=ceil(since - now))


def _mint(plan: Plan, person: Person | None, context: Context, now: int) -> Issued:
    audiences, snapshot, terms = plan.audiences, context.snapshot, plan.terms
    first = audiences[0]
    exp = now + (first.lifetime if len(audiences) == 1 else min(audience.lifetime for audience in audiences))
    if terms is not None and terms.access_life:
        exp = now + terms.access_life
    if plan.not_after:
        exp = min(exp, plan.not_after)
    jti = f"{plan.family}.{fresh_id()}" if plan.family else fresh_id()
    if person is not None:
        personal = person.sealed(plan.scopes, context, jti, now, exp, () if terms is None else terms.properties)
    elif terms is not None and terms.properties:
        bag = PersonalClaims(snapshot.issuer, jti, now, exp, plan.subject, properties=terms.properties)
        personal = snapshot.seal(bag, now)
    else:
        personal = plan.personal
    token = AccessToken(
        iss=snapshot.issuer,
        jti=jti,
        iat=now,
        exp=exp,
        sub=plan.subject if person is None else person.sub,
        client_id=plan.client_id,
        aud=(*(audience.identifier for audience in audiences), *((snapshot.issuer,) if plan.userinfo else ())),
        scope=" ".join(plan.scopes),
        auth_time=plan.auth_time,
        acr=plan.acr,
        amr=plan.amr,
        cnf=plan.cnf,
        act=plan.act,
        authorization_details=plan.authorization_details,
        claims=_merged(first.claims, plan, personal)
        if plan.claims or plan.may_act is not None or personal or plan.origin or terms is not None
        else first.claims,
    )
    if first.format == "jwt":
        text = snapshot.sign(token, first.alg, now)
    elif first.format == "bag":
        text = snapshot.seal(token, now)
    elif first.recipient is not None:
        text = snapshot.sign_and_seal(token, first.alg, first.recipient, now)
    else:
        raise OAuthError("server_error", reason="a resource of format jwe without a key")
    refresh_token, refresh = ("", None) if plan.renewal is None else _renew(plan.renewal, context, now)
    if len(text) > MAX_CHARS or len(refresh_token) > MAX_CHARS:
        raise OAuthError(
            "invalid_request", f"a token would have more than {MAX_CHARS} characters; request fewer scopes or details"
        )
    answer = TokenAnswer(
        text,
        "DPoP" if "jkt" in plan.cnf else "Bearer",
        exp - now,
        "" if plan.scopes == plan.requested else token.scope,
        refresh_token,
        plan.issued_token_type,
        authorization_details=plan.authorization_details,
    )
    if person is not None and "openid" in plan.scopes:
        answer.id_token = id_token(context, person, now, nonce=plan.nonce, access_token=text, more=plan.id_claims)
    return Issued(plan, answer, token, refresh)


def _merged(claims: dict[str, Any], plan: Plan, personal: str) -> dict[str, Any]:
    more = plan.claims if plan.terms is None else {**plan.claims, **plan.terms.claims}
    merged = {**claims, **{name: value for name, value in more.items() if name not in RESERVED_CLAIMS}}
    if plan.may_act is not None:
        merged["may_act"] = plan.may_act
    if personal:
        merged["personal"] = personal
    if plan.origin:
        merged[ORIGIN] = plan.origin
    return merged


def _renew(renewal: Renewal, context: Context, now: int) -> tuple[str, RefreshToken]:
    config, grant = context.registry.config, renewal.grant
    terms = grant.terms
    idle = config.lifetimes.refresh_idle if terms is None or not terms.refresh_life else terms.refresh_life
    try:
        memory = context.memory.identity
    except MemoryUnavailable:
        memory = grant.memory if "refresh" in config.without_memory else ""
        if not memory:
            raise
    token = RefreshToken(
        iss=context.snapshot.issuer,
        jti=fresh_id(),
        iat=now,
        exp=min(now + idle, renewal.until),
        grant=grant if grant.memory == memory else msgspec.structs.replace(grant, memory=memory),
        until=renewal.until,
        generation=renewal.generation,
        uses=renewal.uses,
    )
    return context.snapshot.seal(token, now), token
