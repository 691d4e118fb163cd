"""OAuth errors (RFC 6749 sections 4.1.2.1 and 5.2). Codes of other documents have a comment with their source."""

import re
from typing import Literal

import msgspec

ErrorCode = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",  # RFC 8707 section 2
    "invalid_dpop_proof",  # RFC 9449 section 5
    "use_dpop_nonce",  # RFC 9449 section 8
    "server_error",
    "temporarily_unavailable",
    "access_denied",
    "unsupported_response_type",
    "login_required",  # OpenID Connect Core section 3.1.2.6, with the next six
    "consent_required",
    "interaction_required",
    "account_selection_required",
    "invalid_request_uri",
    "invalid_request_object",
    "request_not_supported",
    "unmet_authentication_requirements",  # OpenID Connect Unmet Authentication Requirements section 2
    "invalid_authorization_details",  # RFC 9396 section 5
    "authorization_pending",  # RFC 8628 section 3.5, with the next two
    "slow_down",
    "expired_token",
    "unsupported_token_type",  # RFC 7009 section 2.2.1
    "invalid_token",  # RFC 6750 section 3.1, with the next
    "insufficient_scope",
    "insufficient_user_authentication",  # RFC 9470 section 3
]

_STATUS: dict[str, int] = {
    "invalid_client": 401,
    "invalid_token": 401,
    "insufficient_scope": 403,
    "insufficient_user_authentication": 401,
    "server_error": 500,
    "temporarily_unavailable": 503,
}
_LEGAL = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]*")


class ErrorBody(msgspec.Struct, omit_defaults=True):
    """An error body (RFC 6749 section 5.2)."""

    error: str
    error_description: str = ""


class OAuthError(Exception):
    """An error response. The client gets `code` and `description`; only the log gets `reason`.

    Descriptions never contain text from the request. `retry_after` (seconds) is used with temporarily_unavailable.

    Raises:
        ValueError: `description` has a character that RFC 6749 section 5.2 forbids.
    """

    def __init__(self, code: ErrorCode, description: str = "", *, reason: str = "", retry_after: int = 5) -> None:
        if _LEGAL.fullmatch(description) is None:
            raise ValueError("error_description has an illegal character")
        super().__init__(code)
        self.code = code
        self.description = description
        self.reason = reason or description
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """The HTTP status code."""
        return _STATUS.get(self.code, 400)

    @property
    def body(self) -> "ErrorBody":
        """The JSON body of the response."""
        return ErrorBody(self.code, self.description)
