"""The `action` and `responseContent` of a response: what the caller does, and the body for the client (RFC 6749 5)."""

from service.decision_api.wire import text_of
from service.decisions.decision import Action, Decision

FAILURES = {
    Action.BAD_REQUEST: "BAD_REQUEST",
    Action.INVALID_CLIENT: "INVALID_CLIENT",
    Action.INTERNAL_SERVER_ERROR: "INTERNAL_SERVER_ERROR",
    Action.TEMPORARILY_UNAVAILABLE: "INTERNAL_SERVER_ERROR",
}
"""The API's action for each kind of refusal. Some calls use UNAUTHORIZED instead of INVALID_CLIENT."""


def action_of(decision: Decision, success: str = "OK", unauthorized: str = "INVALID_CLIENT") -> str:
    """Return the action of `decision`; `success` and `unauthorized` are the names that the call uses."""
    if decision.error is None:
        return success
    return unauthorized if decision.action is Action.INVALID_CLIENT else FAILURES[decision.action]


def content(decision: Decision) -> str:
    """Return the response body for the client."""
    if decision.error is not None:
        return text_of(decision.error.body)
    return decision.answer if isinstance(decision.answer, str) else text_of(decision.answer)
