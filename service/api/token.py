"""/auth/token: a token request is judged, and answered unless the caller must be asked first (RFC 6749 section 3.2)."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from service.api.answers import action_of, content
from service.api.exchange import defer_assertion, defer_exchange
from service.api.password import defer_password
from service.api.terms import terms_of, under
from service.api.tokens import TokenResponse, request_members, token_members
from service.api.wire import FromClient, Pair
from service.bags.kinds import Terms
from service.decisions.decision import Action, Decision
from service.decisions.desk import Desk
from service.decisions.refusing import refusing
from service.decisions.token import Asked, issue, judge, read_token_request

Defer = Callable[[Desk, Asked, Terms | None, float], Awaitable[dict[str, Any]]]

_DEFERRED: dict[str, Defer] = {
    "password": defer_password,
    "urn:ietf:params:oauth:grant-type:token-exchange": defer_exchange,
    "urn:ietf:params:oauth:grant-type:jwt-bearer": defer_assertion,
}
"""Grants whose subject is for the caller to say, unless code of the operator's decides: each gives the members that
tell of the request."""


class TokenRequest(FromClient):
    """A token request that the caller has received, and what it says of the tokens."""

    properties: list[Pair] | None = None
    jwt_at_claims: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    access_token_duration: int | None = None
    refresh_token_duration: int | None = None


async def token(desk: Desk, request: TokenRequest, now: float) -> tuple[Decision, TokenResponse]:
    """Judge a token request.

    Raises:
        CallersFault
    """
    decision = Decision(Action.OK)
    incoming, terms = request.incoming(), terms_of(request, desk.registry.config)
    more: dict[str, Any] = {}
    decides = desk.registry.config.hooks.decides
    with refusing(decision):
        asked = await read_token_request(decision, desk, incoming, now)
        defer = None if decision.grant_type in decides else _DEFERRED.get(decision.grant_type)
        if defer is not None:
            more = await defer(desk, asked, terms, now)
            decision.note = more.pop("note", "")
        else:
            await issue(decision, desk, under(await judge(asked, desk), terms), now)
            action = "ID_TOKEN_REISSUABLE" if _reissuable(decision, desk) else "OK"
            more = {"action": action, "response_content": content(decision)}
    if decision.error is not None:
        more = {"action": action_of(decision), "response_content": content(decision)}
    return decision, TokenResponse(**{**token_members(decision, desk), **request_members(decision), **more})


def _reissuable(decision: Decision, desk: Desk) -> bool:
    """Tell whether the ID token of a refresh is left to another request; if so, it is taken out of the answer."""
    issued = decision.issued
    if not desk.registry.config.api.id_token_reissuable or decision.grant_type != "refresh_token" or issued is None:
        return False
    if not issued.answer.id_token:
        return False
    decision.issued = issued._replace(answer=msgspec.structs.replace(issued.answer, id_token=""))
    decision.answer = decision.issued.body
    return True
