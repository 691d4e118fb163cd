"""OAuth errors (RFC 6749 section 5.2)."""

from typing import get_args

import pytest

from service.protocol.errors import ErrorCode, OAuthError

STATUS = {
    "invalid_client": 401,
    "invalid_token": 401,
    "insufficient_scope": 403,
    "insufficient_user_authentication": 401,
    "server_error": 500,
    "temporarily_unavailable": 503,
}


@pytest.mark.parametrize("code", get_args(ErrorCode))
def test_each_code_has_its_status(code: ErrorCode) -> None:
    assert OAuthError(code).status == STATUS.get(code, 400)


@pytest.mark.parametrize("description", ['a "quote"', "back\\slash", "new\nline", "NUL\x00", "DEL\x7f", "é", "tab\t"])
def test_a_description_that_section_5_2_forbids(description: str) -> None:
    with pytest.raises(ValueError, match="illegal character") as caught:
        OAuthError("invalid_request", description)
    assert description not in str(caught.value)


def test_the_reason_is_not_in_the_exceptions_text() -> None:
    error = OAuthError("invalid_client", "client authentication failed", reason="wrong secret")
    assert (str(error), error.description, error.reason) == (
        "invalid_client",
        "client authentication failed",
        "wrong secret",
    )
    assert OAuthError("invalid_request", "why").reason == "why"
