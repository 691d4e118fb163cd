"""A decision: an action, the OAuth answer or error, and what is known of the request (for logs, hooks, renderings)."""

from enum import StrEnum
from typing import Any

import msgspec

from service.protocol.errors import OAuthError


class Action(StrEnum):
    """What the caller is to do with a decision."""

    OK = "OK"
    BAD_REQUEST = "BAD_REQUEST"
    INVALID_CLIENT = "INVALID_CLIENT"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
    TEMPORARILY_UNAVAILABLE = "TEMPORARILY_UNAVAILABLE"


_ACTIONS = {
    "invalid_client": Action.INVALID_CLIENT,
    "server_error": Action.INTERNAL_SERVER_ERROR,
    "temporarily_unavailable": Action.TEMPORARILY_UNAVAILABLE,
}


class Decision(msgspec.Struct):
    """The judgement on one request; `answer` is the body of a success, `error` a refusal: one of the two is there."""

    action: Action
    answer: Any = None
    error: OAuthError | None = None
    client_id: str = ""
    auth_method: str = ""
    grant_type: str = ""
    token_format: str = ""
    subject: str = ""
    jti: str = ""
    dpop_nonce: str = ""
    media_type: str = "application/json"
    """Of the answer; a text answer goes out as it is."""
    note: str = ""
    """For the log: why an answer is not what it might be."""

    def refuse(self, error: OAuthError) -> "Decision":
        """Make this the decision to answer with `error`, keeping what is known; return it."""
        self.action = _ACTIONS.get(error.code, Action.BAD_REQUEST)
        self.error = error
        return self
