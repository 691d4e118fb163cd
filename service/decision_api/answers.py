"""What the caller is to do with a decision, and the body that the client is to be answered (RFC 6749 section 5)."""

from service.decision_api.wire import text_of
from service.decisions.decision import Action, Decision

FAILURES = {
    Action.BAD_REQUEST: "BAD_REQUEST",
    Action.INVALID_CLIENT: "INVALID_CLIENT",
    Action.INTERNAL_SERVER_ERROR: "INTERNAL_SERVER_ERROR",
    Action.TEMPORARILY_UNAVAILABLE: "INTERNAL_SERVER_ERROR",
}
"""What a refusal is called; an endpoint that knows no INVALID_CLIENT says UNAUTHORIZED."""


def action_of(decision: Decision, success: str = "OK", unauthorized: str = "INVALID_CLIENT") -> str:
    """Return the action of `decision`, by the names of an endpoint."""
    if decision.error is None:
        return success
    return unauthorized if decision.action is Action.INVALID_CLIENT else FAILURES[decision.action]


def content(decision: Decision) -> str:
    """Return the body that the client is to be answered."""
    if decision.error is not None:
        return text_of(decision.error.body)
    return decision.answer if isinstance(decision.answer, str) else text_of(decision.answer)
