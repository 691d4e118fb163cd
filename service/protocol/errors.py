"""OAuth errors (RFC 6749 section 5.2, RFC 8707 section 2, RFC 9449 sections 5 and 8)."""

import re
from typing import Literal

ErrorCode = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
    "invalid_dpop_proof",
    "use_dpop_nonce",
    "server_error",
    "temporarily_unavailable",
]

_STATUS: dict[str, int] = {"invalid_client": 401, "server_error": 500, "temporarily_unavailable": 503}
_LEGAL = re.compile(r"[\x20\x21\x23-\x5B\x5D-\x7E]*")


class OAuthError(Exception):
    """A refusal: `code` and `description` are for the client, `reason` is for the log only.

    `retry_after` is in seconds and goes with temporarily_unavailable.

    Raises:
        ValueError: `description` has a character that RFC 6749 section 5.2 forbids; descriptions are written by us,
            never copied from a request.
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
        """HTTP status code."""
        return _STATUS.get(self.code, 400)
