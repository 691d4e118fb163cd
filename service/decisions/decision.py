"""A decision: an action, the OAuth answer or error, and what is known of the request (for logs, hooks, renderings)."""

from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from service.decisions.issued_tokens import Issued
from service.protocol.errors import OAuthError


class Action(StrEnum):
    """What the caller is to do with a decision.

    LOCATION: send the browser to the URL in `answer`; FORM: have it post the `FormPost` there; INTERACTION: show the
    page there (service/decisions/pages.py); BAD_REQUEST in a browser: show the error, for nobody else can be told.
    """

    OK = "OK"
    CREATED = "CREATED"
    LOCATION = "LOCATION"
    FORM = "FORM"
    INTERACTION = "INTERACTION"
    BAD_REQUEST = "BAD_REQUEST"
    INVALID_CLIENT = "INVALID_CLIENT"
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR"
    TEMPORARILY_UNAVAILABLE = "TEMPORARILY_UNAVAILABLE"


_ACTIONS = {
    "invalid_client": Action.INVALID_CLIENT,
    "server_error": Action.INTERNAL_SERVER_ERROR,
    "temporarily_unavailable": Action.TEMPORARILY_UNAVAILABLE,
}


class FormPost(NamedTuple):
    """Parameters that a browser is to post (OAuth 2.0 Form Post Response Mode)."""

    url: str
    fields: dict[str, str]


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
    session: str | None = None
    """For the browser: the session cookie to set; empty: to drop; None: to leave alone."""
    browser: str | None = None
    """The same for the cookie that tells one browser from another."""
    issued: Issued | None = None
    """The tokens in the answer, and all that is known of them."""
    code: str = ""
    """The authorization code in the answer."""

    def refuse(self, error: OAuthError) -> "Decision":
        """Make this the decision to answer with `error`, keeping what is known; return it."""
        self.action = _ACTIONS.get(error.code, Action.BAD_REQUEST)
        self.error, self.answer = error, None
        return self
