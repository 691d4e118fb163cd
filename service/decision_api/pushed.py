"""/pushed_auth_req, for the caller's pushed authorization request endpoint (RFC 9126 section 2)."""

from service.decision_api.answers import action_of, content
from service.decision_api.tokens import AUTH_METHODS
from service.decision_api.wire import FromClient, Response
from service.decisions.authorize.push import decide_push
from service.decisions.context import Context
from service.decisions.decision import Decision


class PushedResponse(Response):
    """The request_uri of the pushed request."""

    client_auth_method: str | None = None
    request_uri: str | None = None
    dpop_nonce: str | None = None

    def __repr__(self) -> str:
        return f"PushedResponse({self.action})"


async def push(context: Context, request: FromClient, now: float) -> tuple[Decision, PushedResponse]:
    """Validate a pushed authorization request.

    Raises:
        CallersFault
    """
    decision = await decide_push(context, request.form_request(), now)
    return decision, PushedResponse(
        action=action_of(decision, "CREATED", "UNAUTHORIZED"),
        response_content=content(decision),
        client_auth_method=AUTH_METHODS.get(decision.auth_method),
        request_uri=None if decision.error is not None else decision.answer["request_uri"],
        dpop_nonce=decision.dpop_nonce or None,
    )
