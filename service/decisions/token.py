"""The decision on a token request (RFC 6749 section 3.2): client, sender constraint, grant, plan, settle."""

import msgspec

from keys import NoActiveKey
from service.client_auth import Credentials, authenticate
from service.decisions.admit import unavailable
from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk, Incoming
from service.decisions.incoming import Judged
from service.decisions.sender import sender_constraint
from service.decisions.settle import settle
from service.decisions.spending import spend_all
from service.grants import GrantRequest, Plan
from service.grants.plan import Awaiting
from service.memory import MemoryFull, MemoryUnavailable
from service.protocol.errors import OAuthError
from service.protocol.form import parse


async def decide_token(desk: Desk, incoming: Incoming, now: float) -> Decision:
    """Judge a token request at `now` (seconds since the epoch)."""
    decision = Decision(Action.OK)
    try:
        await _decide(decision, desk, incoming, now)
    except OAuthError as error:
        return decision.refuse(error)
    except NoActiveKey as fault:
        return decision.refuse(OAuthError("temporarily_unavailable", "no key is active", reason=str(fault)))
    except (MemoryUnavailable, MemoryFull) as fault:
        return decision.refuse(unavailable(fault))
    return decision


async def _decide(decision: Decision, desk: Desk, incoming: Incoming, now: float) -> None:
    digest = incoming.digest
    judged = None if digest is None else desk.repeats.find(digest, now)
    if judged is not None:
        decision.client_id, decision.auth_method, decision.grant_type, plan, _ = judged
    else:
        plan, until = await _plan(decision, desk, incoming, now)
        if digest is not None and plan.repeatable and not plan.spends:
            judged = Judged(decision.client_id, decision.auth_method, decision.grant_type, plan, until)
            desk.repeats.keep(digest, judged)
    decision.token_format = plan.audiences[0].format
    decision.answer, token = await settle(plan, desk, now)
    decision.subject, decision.jti = token.sub, token.jti


async def _plan(decision: Decision, desk: Desk, incoming: Incoming, now: float) -> tuple[Plan, float]:
    """Return the plan for a request, and the instant until which its client's credentials are good."""
    form = parse(incoming.body)
    registry = desk.registry
    credentials = Credentials(incoming.authorization, form, incoming.certificate)
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
    plan = await grant(GrantRequest(form, client, cnf, registry, desk.snapshot, desk.ports, now))
    if isinstance(plan, Awaiting):
        await spend_all((*proof_spends, *spends, plan.slot), desk.memory)
        return plan.plan((await desk.memory.get_many([plan.id]))[0]), until
    if spends or proof_spends:
        plan = msgspec.structs.replace(plan, spends=(*proof_spends, *spends, *plan.spends))
    return plan, until
