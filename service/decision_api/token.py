"""/auth/token validates a token request and issues tokens, unless the caller must name the subject (RFC 6749 3.2)."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from service.bags.kinds import Terms
from service.decision_api.answers import action_of, content
from service.decision_api.exchange import defer_assertion, defer_exchange
from service.decision_api.password import defer_password
from service.decision_api.terms import apply_terms, terms_of
from service.decision_api.tokens import TokenResponse, request_members, token_members
from service.decision_api.wire import FromClient, Pair
from service.decisions.context import Context
from service.decisions.decision import Action, Decision
from service.decisions.refusing import refusing
from service.decisions.token.decide import CheckedTokenRequest, issue, make_plan, read_token_request

Defer = Callable[[Context, CheckedTokenRequest, Terms | None, float], Awaitable[dict[str, Any]]]

_DEFERRED: dict[str, Defer] = {
    "password": defer_password,
    "urn:ietf:params:oauth:grant-type:token-exchange": defer_exchange,
    "urn:ietf:params:oauth:grant-type:jwt-bearer": defer_assertion,
}
"""Grants whose subject the caller names, unless they are in `hooks.decides`. Each function returns the response members
that describe the request."""


class TokenDecisionRequest(FromClient):
    """A token request that the caller has received, and the caller's terms for the tokens."""

    properties: list[Pair] | None = None
    jwt_at_claims: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    access_token_duration: int | None = None
    refresh_token_duration: int | None = None


async def token(context: Context, request: TokenDecisionRequest, now: float) -> tuple[Decision, TokenResponse]:
    """Validate a token request; issue the tokens, or describe the request to the caller.

    Raises:
        CallersFault
    """
    decision = Decision(Action.OK)
    form_request, terms = request.form_request(), terms_of(request, context.registry.config)
    more: dict[str, Any] = {}
    decides = context.registry.config.hooks.decides
    with refusing(decision):
        checked = await read_token_request(decision, context, form_request, now)
        defer = None if decision.grant_type in decides else _DEFERRED.get(decision.grant_type)
        if defer is not None:
            more = await defer(context, checked, terms, now)
            decision.note = more.pop("note", "")
        else:
            await issue(decision, context, apply_terms(await make_plan(checked, context), terms), now)
            action = "ID_TOKEN_REISSUABLE" if _reissuable(decision, context) else "OK"
            more = {"action": action, "response_content": content(decision)}
    if decision.error is not None:
        more = {"action": action_of(decision), "response_content": content(decision)}
    return decision, TokenResponse(**{**token_members(decision, context), **request_members(decision), **more})


def _reissuable(decision: Decision, context: Context) -> bool:
    """Tell whether the ID token of a refresh comes from /idtoken/reissue; if so, remove it from the response."""
    issued = decision.issued
    if not context.registry.config.api.id_token_reissuable or decision.grant_type != "refresh_token" or issued is None:
        return False
    if not issued.answer.id_token:
        return False
    decision.issued = issued._replace(answer=msgspec.structs.replace(issued.answer, id_token=""))
    decision.answer = decision.issued.body
    return True
