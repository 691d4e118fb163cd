"""The decision on a pushed authorization request (RFC 9126 section 2): judged before a browser ever sees it."""

from typing import Any
from urllib.parse import urlencode

import msgspec

from service.decisions.admit import admit
from service.decisions.authorization_request import MAX_URL, Refused, Unproved, validate
from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk, Incoming
from service.decisions.pushed_request import seal_pushed
from service.decisions.refusing import refusing
from service.decisions.sender import prove_key
from service.decisions.spending import spend_all
from service.protocol.errors import OAuthError


async def decide_push(desk: Desk, incoming: Incoming, now: float) -> Decision:
    """Judge a pushed request at `now` (seconds since the epoch)."""
    decision = Decision(Action.CREATED)
    with refusing(decision):
        try:
            decision.answer = await _push(decision, desk, incoming, now)
        except (Unproved, Refused) as refusal:
            raise refusal.error from None
    return decision


async def _push(decision: Decision, desk: Desk, incoming: Incoming, now: float) -> dict[str, Any]:
    config = desk.registry.config
    client, form = await admit(decision, desk, incoming, now)
    if form.get("request_uri") is not None:
        raise OAuthError("invalid_request", "request_uri is what the answer has")
    request = await validate(desk, client, form, now, pushed=True)
    if incoming.dpop is not None:  # RFC 9449 section 10.1
        cnf, spends = prove_key(decision, desk, client, incoming, config.endpoints.par, now)
        if request.dpop_jkt not in ("", cnf["jkt"]):
            raise OAuthError("invalid_request", "dpop_jkt is not the key of the DPoP proof")
        await spend_all(spends, desk.memory)
        request = msgspec.structs.replace(request, dpop_jkt=cnf["jkt"])
    request_uri = seal_pushed(desk, request, now)
    query = urlencode({"client_id": client.id, "request_uri": request_uri})
    chars = len(config.issuer + config.endpoints.authorize) + 1 + len(query)
    if chars > MAX_URL:
        raise OAuthError(
            "invalid_request",
            f"the request would make a URL of {chars} characters, more than {MAX_URL}: shorten state, claims, "
            "authorization_details or login_hint",
        )
    return {"request_uri": request_uri, "expires_in": config.lifetimes.pushed_request}
