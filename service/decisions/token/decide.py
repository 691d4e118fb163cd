"""The decision on a token request (RFC 6749 section 3.2): client, sender constraint, grant, plan, settle."""

from typing import NamedTuple

import msgspec

from service.client_auth import authenticate
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.form_request import FormRequest, Judged
from service.decisions.one_time import spend_all
from service.decisions.refusing import REFUSABLE, refusal_of
from service.decisions.throttle import throttled
from service.decisions.token.redeem import check_identity
from service.decisions.token.sender_constraint import sender_constraint
from service.decisions.token.settle import settle
from service.grants import GRANTS, GrantFunction, GrantRequest, Plan
from service.grants.plan import Awaiting
from service.protocol.errors import OAuthError
from service.protocol.form import parse
from service.protocol.one_time_id import OneTimeId

_WITHOUT_PASSWORDS = frozenset(GRANTS) - {"password"}
"""Grants that ask nobody for a password; one of the operator's own may."""


async def decide_token(context: Context, form_request: FormRequest, now: float) -> Decision:
    """Judge a token request at `now` (seconds since the epoch)."""
    decision = Decision(Action.OK)
    try:
        await _decide(decision, context, form_request, now)
    except REFUSABLE as fault:
        decision.refuse(refusal_of(fault))
    if decision.error is not None and context.ports.audit is not None:
        context.ports.audit(decision, now)
    return decision


async def _decide(decision: Decision, context: Context, form_request: FormRequest, now: float) -> None:
    digest = form_request.digest
    judged = None if digest is None else context.repeats.find(digest, now)
    if judged is not None:
        decision.client_id, decision.auth_method, decision.grant_type, plan, _ = judged
    else:
        asked = await read_token_request(decision, context, form_request, now)
        plan = await judge(asked, context)
        if digest is not None and plan.repeatable and not plan.one_time_ids:
            judged = Judged(decision.client_id, decision.auth_method, decision.grant_type, plan, asked.until)
            context.repeats.keep(digest, judged)
    await issue(decision, context, plan, now)


async def issue(decision: Decision, context: Context, plan: Plan, now: float) -> None:
    """Carry out `plan`; `decision` takes what it leads to.

    Raises:
        OAuthError, MemoryUnavailable, MemoryFull, NoActiveKey
    """
    decision.token_format = plan.audiences[0].format
    issued = await settle(plan, context, now)
    decision.issued, decision.answer = issued, issued.body
    decision.subject, decision.jti = issued.token.sub, issued.token.jti
    if context.ports.audit is not None:
        context.ports.audit(decision, now)


class Asked(NamedTuple):
    """A token request that its client may make, the grant that judges it, and what must be spent for its proofs.

    `until` is the instant (seconds since the epoch) until which the client's credentials are good.
    """

    request: GrantRequest
    grant: GrantFunction
    one_time_ids: tuple[OneTimeId, ...]
    until: float


async def read_token_request(decision: Decision, context: Context, form_request: FormRequest, now: float) -> Asked:
    """Return who asks for what; `decision` takes the client and the grant type.

    Raises:
        OAuthError
    """
    form = parse(form_request.body)
    registry = context.registry
    credentials = form_request.credentials(form)
    client, decision.auth_method, one_time_ids, until = await authenticate(credentials, registry, context.ports, now)
    decision.client_id = client.id
    cnf, proof_ids = sender_constraint(decision, context, client, form_request, now)
    grant_type = form.require("grant_type")
    grant = context.grants.get(grant_type)
    if grant is None:
        raise OAuthError("unsupported_grant_type", "the grant type is not supported")
    decision.grant_type = grant_type
    if grant_type not in client.grants:
        raise OAuthError("unauthorized_client", "the client may not use this grant type")
    ports = context.ports
    if grant_type not in _WITHOUT_PASSWORDS:
        # All users of a confidential client come from its own address, which tells nothing of them.
        ports = ports._replace(users=throttled(context, form_request.address if client.public else "", now))
    request = GrantRequest(form, client, cnf, registry, context.snapshot, ports, now)
    return Asked(request, grant, (*proof_ids, *one_time_ids), until)


async def judge(asked: Asked, context: Context) -> Plan:
    """Return the plan for a request.

    Raises:
        OAuthError, MemoryUnavailable, MemoryFull
    """
    plan = await asked.grant(asked.request)
    if isinstance(plan, Awaiting):
        check_identity(plan.memory, context)
        await spend_all((*asked.one_time_ids, plan.slot), context.memory)
        return plan.plan((await context.memory.get_many([plan.id]))[0])
    return (
        msgspec.structs.replace(plan, one_time_ids=(*asked.one_time_ids, *plan.one_time_ids))
        if asked.one_time_ids
        else plan
    )
