"""A decision: the action, the OAuth response or error, and facts about the request for logs, hooks and renderers."""

from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from service.decisions.issued_tokens import Issued
from service.protocol.errors import OAuthError


class Action(StrEnum):
    """What the caller does with a decision.

    LOCATION: redirect the browser to the URL in `answer`.
    FORM: send a page that posts the `FormPost` in `answer`.
    INTERACTION: show the page in `answer` (service/decisions/pages.py).
    BAD_REQUEST, in a browser: show the error to the person; it must not be redirected.
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
    """Parameters that the browser posts to `url` (OAuth 2.0 Form Post Response Mode)."""

    url: str
    fields: dict[str, str]


class Decision(msgspec.Struct):
    """The result of one request: either `answer` (the body of a success) or `error` (a refusal)."""

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
    """The media type of `answer`. A text is sent as it is, anything else as JSON."""
    username: str = ""
    """For the log: the user name of a login with a password."""
    failure: str = ""
    """For log and metrics: the error code of a failure that is answered with a page, such as a wrong password."""
    note: str = ""
    """For the log: the reason of a negative answer, such as why a token is not active."""
    session: str | None = None
    """The value of the session cookie to set; empty: delete the cookie; None: do not change it."""
    browser: str | None = None
    """The value of the browser id cookie to set; None: do not change it."""
    page: str = ""
    """The value of a new page cookie; empty: none."""
    dropped_pages: tuple[str, ...] = ()
    """The values of the page cookies to delete."""
    issued: Issued | None = None
    """The tokens in `answer`, with their content."""
    code: str = ""
    """The authorization code in `answer`."""

    def refuse(self, error: OAuthError) -> "Decision":
        """Make this decision a refusal with `error`, keep the facts about the request, and return the decision."""
        self.action = _ACTIONS.get(error.code, Action.BAD_REQUEST)
        self.error, self.answer = error, None
        return self
