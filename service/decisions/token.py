"""The decision on a token request (RFC 6749 section 3.2): client, sender constraint, grant, plan, settle."""

from typing import NamedTuple

import msgspec

from keys import NoActiveKey
from service.client_auth import authenticate
from service.decisions.admit import unavailable
from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk, Incoming
from service.decisions.incoming import Judged
from service.decisions.sender import sender_constraint
from service.decisions.settle import settle
from service.decisions.spending import check_identity, spend_all
from service.decisions.throttle import throttled
from service.grants import GRANTS, GrantFunction, GrantRequest, Plan
from service.grants.plan import Awaiting
from service.memory import MemoryFull, MemoryUnavailable
from service.protocol.errors import OAuthError
from service.protocol.form import parse
from service.protocol.spend import Spend

_WITHOUT_PASSWORDS = frozenset(GRANTS) - {"password"}
"""Grants that ask nobody for a password; one of the operator's own may."""


async def decide_token(desk: Desk, incoming: Incoming, now: float) -> Decision:
    """Judge a token request at `now` (seconds since the epoch)."""
    decision = Decision(Action.OK)
    try:
        await _decide(decision, desk, incoming, now)
    except OAuthError as error:
        decision.refuse(error)
    except NoActiveKey as fault:
        decision.refuse(OAuthError("temporarily_unavailable", "no key is active", reason=str(fault)))
    except (MemoryUnavailable, MemoryFull) as fault:
        decision.refuse(unavailable(fault))
    if decision.error is not None and desk.ports.audit is not None:
        desk.ports.audit(decision, now)
    return decision


async def _decide(decision: Decision, desk: Desk, incoming: Incoming, now: float) -> None:
    digest = incoming.digest
    judged = None if digest is None else desk.repeats.find(digest, now)
    if judged is not None:
        decision.client_id, decision.auth_method, decision.grant_type, plan, _ = judged
    else:
        asked = await read_token_request(decision, desk, incoming, now)
        plan = await judge(asked, desk)
        if digest is not None and plan.repeatable and not plan.spends:
            judged = Judged(decision.client_id, decision.auth_method, decision.grant_type, plan, asked.until)
            desk.repeats.keep(digest, judged)
    await issue(decision, desk, plan, now)


async def issue(decision: Decision, desk: Desk, plan: Plan, now: float) -> None:
    """Carry out `plan`; `decision` takes what it leads to.

    Raises:
        OAuthError, MemoryUnavailable, MemoryFull, NoActiveKey
    """
    decision.token_format = plan.audiences[0].format
    issued = await settle(plan, desk, now)
    decision.issued, decision.answer = issued, issued.body
    decision.subject, decision.jti = issued.token.sub, issued.token.jti
    if desk.ports.audit is not None:
        desk.ports.audit(decision, now)


class Asked(NamedTuple):
    """A token request that its client may make, the grant that judges it, and what must be spent for its proofs.

    `until` is the instant (seconds since the epoch) until which the client's credentials are good.
    """

    request: GrantRequest
    grant: GrantFunction
    spends: tuple[Spend, ...]
    until: float


async def read_token_request(decision: Decision, desk: Desk, incoming: Incoming, now: float) -> Asked:
    """Return who asks for what; `decision` takes the client and the grant type.

    Raises:
        OAuthError
    """
    form = parse(incoming.body)
    registry = desk.registry
    credentials = incoming.credentials(form)
    client, decision.auth_method, spends, until = await authenticate(credentials, registry, desk.ports, now)
    decision.client_id = client.id
    cnf, proof_spends = sender_constraint(decision, desk, client, incoming, now)
    grant_type = form.require("grant_type")
    grant = desk.grants.get(grant_type)
    if grant is None:
        raise OAuthError("unsupported_grant_type", "the grant type is not supported")
    decision.grant_type = grant_type
    if grant_type not in client.grants:
        raise OAuthError("unauthorized_client", "the client may not use this grant type")
    ports = desk.ports
    if grant_type not in _WITHOUT_PASSWORDS:
        # All users of a confidential client come from its own address, which tells nothing of them.
        ports = ports._replace(users=throttled(desk, incoming.address if client.public else "", now))
    request = GrantRequest(form, client, cnf, registry, desk.snapshot, ports, now)
    return Asked(request, grant, (*proof_spends, *spends), until)


async def judge(asked: Asked, desk: Desk) -> Plan:
    """Return the plan for a request.

    Raises:
        OAuthError, MemoryUnavailable, MemoryFull
    """
    plan = await asked.grant(asked.request)
    if isinstance(plan, Awaiting):
        check_identity(plan.memory, desk)
        await spend_all((*asked.spends, plan.slot), desk.memory)
        return plan.plan((await desk.memory.get_many([plan.id]))[0])
    return msgspec.structs.replace(plan, spends=(*asked.spends, *plan.spends)) if asked.spends else plan
