"""The decision on a pushed authorization request (RFC 9126 section 2)."""

from typing import Any
from urllib.parse import urlencode

import msgspec

from service.decisions.authorize.pushed_request import seal_pushed
from service.decisions.authorize.request import RefusedToClient, RefusedToPerson, validate
from service.decisions.caller import authenticate_caller
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.form_request import FormRequest
from service.decisions.one_time import spend_all
from service.decisions.refusing import refusing
from service.decisions.token.sender_constraint import prove_key
from service.protocol.errors import OAuthError
from service.protocol.limits import MAX_URL


async def decide_push(context: Context, form_request: FormRequest, now: float) -> Decision:
    """Return the decision on a pushed request at `now` (seconds since the epoch)."""
    decision = Decision(Action.CREATED)
    with refusing(decision):
        try:
            decision.answer = await _push(decision, context, form_request, now)
        except (RefusedToPerson, RefusedToClient) as refusal:
            raise refusal.error from None
    return decision


async def _push(decision: Decision, context: Context, form_request: FormRequest, now: float) -> dict[str, Any]:
    config = context.registry.config
    client, form, one_time_ids = await authenticate_caller(decision, context, form_request, now)
    if form.get("request_uri") is not None:
        raise OAuthError("invalid_request", "a pushed request must not have request_uri; send the parameters")
    request = await validate(context, client, form, now, pushed=True)
    if form_request.dpop is not None:  # RFC 9449 section 10.1
        cnf, proof_ids = prove_key(decision, context, client, form_request, config.endpoints.par, now)
        one_time_ids = (*one_time_ids, *proof_ids)
        if request.dpop_jkt not in ("", cnf["jkt"]):
            raise OAuthError("invalid_request", "dpop_jkt must be the thumbprint of the DPoP proof's key")
        request = msgspec.structs.replace(request, dpop_jkt=cnf["jkt"])
    request_uri = seal_pushed(context, request, now)
    query = urlencode({"client_id": client.id, "request_uri": request_uri})
    chars = len(config.issuer + config.endpoints.authorize) + 1 + len(query)
    if chars > MAX_URL:
        raise OAuthError(
            "invalid_request",
            f"the authorization URL would have {chars} characters, more than {MAX_URL}: shorten state, claims, "
            "authorization_details or login_hint",
        )
    await spend_all(one_time_ids, context.memory)
    return {"request_uri": request_uri, "expires_in": config.lifetimes.pushed_request}
