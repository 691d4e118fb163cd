"""The decision on a token request (RFC 6749 section 3.2): client, sender constraint, grant, plan, settle."""

from typing import NamedTuple

import msgspec

from service.client_auth import authenticate
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.form_request import CachedPlan, FormRequest
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
"""Grants that check no password. A grant of the operator's own may check one."""


async def decide_token(context: Context, form_request: FormRequest, now: float) -> Decision:
    """Return the decision on a token request at `now` (seconds since the epoch)."""
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
    cached = None if digest is None else context.repeats.find(digest, now)
    if cached is not None:
        decision.client_id, decision.auth_method, decision.grant_type, plan, _ = cached
    else:
        checked = await read_token_request(decision, context, form_request, now)
        plan = await make_plan(checked, context)
        if digest is not None and plan.repeatable and not plan.one_time_ids:
            cached = CachedPlan(decision.client_id, decision.auth_method, decision.grant_type, plan, checked.until)
            context.repeats.keep(digest, cached)
    await issue(decision, context, plan, now)


async def issue(decision: Decision, context: Context, plan: Plan, now: float) -> None:
    """Settle `plan` and write the result into `decision`.

    Raises:
        OAuthError, MemoryUnavailable, MemoryFull, NoActiveKey
    """
    decision.token_format = plan.audiences[0].format
    issued = await settle(plan, context, now)
    decision.issued, decision.answer = issued, issued.body
    decision.subject, decision.jti = issued.token.sub, issued.token.jti
    if context.ports.audit is not None:
        context.ports.audit(decision, now)


class CheckedTokenRequest(NamedTuple):
    """A token request whose client is authenticated and may use its grant type.

    one_time_ids: the ids to spend for the proofs of the request (client assertion, DPoP).
    until: the instant until which the client's credentials are valid, in seconds since the epoch.
    """

    request: GrantRequest
    grant: GrantFunction
    one_time_ids: tuple[OneTimeId, ...]
    until: float


async def read_token_request(
    decision: Decision, context: Context, form_request: FormRequest, now: float
) -> CheckedTokenRequest:
    """Authenticate the client and check its grant type; write both into `decision`.

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
        raise OAuthError("unsupported_grant_type", "grant_type is unknown; see grant_types_supported in the metadata")
    decision.grant_type = grant_type
    if grant_type not in client.grants:
        raise OAuthError("unauthorized_client", "the client is not registered for this grant_type")
    ports = context.ports
    if grant_type not in _WITHOUT_PASSWORDS:
        # All users of a confidential client come from the client's own address, so only the user name is counted.
        ports = ports._replace(users=throttled(context, form_request.address if client.public else "", now))
    request = GrantRequest(form, client, cnf, registry, context.snapshot, ports, now)
    return CheckedTokenRequest(request, grant, (*proof_ids, *one_time_ids), until)


async def make_plan(checked: CheckedTokenRequest, context: Context) -> Plan:
    """Return the grant's plan for a token request; for a device, spend its polling slot and read the person's answer.

    Raises:
        OAuthError, MemoryUnavailable, MemoryFull
    """
    plan = await checked.grant(checked.request)
    one_time_ids = checked.one_time_ids
    if isinstance(plan, Awaiting):
        one_time_ids = (*one_time_ids, plan.slot)
        plan = await _answered(plan, one_time_ids, context)
    if not one_time_ids:
        return plan
    return msgspec.structs.replace(plan, one_time_ids=(*one_time_ids, *plan.one_time_ids))


async def _answered(awaiting: Awaiting, one_time_ids: tuple[OneTimeId, ...], context: Context) -> Plan:
    """Return the plan that `awaiting` makes of the answer in the memory; while there is none, spend `one_time_ids`.

    Raises:
        OAuthError: authorization_pending, or slow_down for a request that came too early; the refusals of the plan.
        MemoryUnavailable, MemoryFull
    """
    check_identity(awaiting.memory, context)
    (value,) = await context.memory.get_many([awaiting.id])
    if value is None:
        await spend_all(one_time_ids, context.memory)
    return awaiting.plan(value)
