"""PKCE (RFC 7636): what a challenge and a verifier are, and when they fit."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from satchel_jose.base64url import encode
from service.protocol.errors import OAuthError
from service.protocol.pkce import challenge_octets, check_verifier

VERIFIER = "a" * 43
OCTETS = sha256(VERIFIER.encode()).digest()
CHALLENGE = encode(OCTETS).decode()


def refused(challenge: bytes, verifier: str | None) -> str:
    with pytest.raises(OAuthError) as caught:
        check_verifier(challenge, verifier)
    assert caught.value.code == "invalid_grant"
    return caught.value.reason


def test_a_challenge_is_32_octets() -> None:
    assert challenge_octets(CHALLENGE, "S256") == OCTETS
    check_verifier(OCTETS, VERIFIER)


@pytest.mark.parametrize("method", ["plain", None, "", "s256", "S512", "S256 "])
def test_s256_is_the_only_method(method: str | None) -> None:
    with pytest.raises(OAuthError) as caught:
        challenge_octets(CHALLENGE, method)
    assert caught.value.code == "invalid_request"


@pytest.mark.parametrize(
    "challenge",
    [
        "",
        VERIFIER + "=",
        CHALLENGE + "=",
        CHALLENGE[:-1],
        CHALLENGE + "A",
        "é" * 43,
        " " * 43,
        CHALLENGE[:-1] + "+",
        "A" * 10**6,
    ],
)
def test_a_malformed_challenge(challenge: str) -> None:
    with pytest.raises(OAuthError) as caught:
        challenge_octets(challenge, "S256")
    assert caught.value.code == "invalid_request"


def test_a_challenge_has_one_spelling() -> None:
    spare = chr(ord(CHALLENGE[-1]) + 1)
    assert spare.isalnum()
    with pytest.raises(OAuthError):
        challenge_octets(CHALLENGE[:-1] + spare, "S256")


@pytest.mark.parametrize("length", [43, 128])
def test_lengths_of_a_verifier(length: int) -> None:
    verifier = "-._~" + "Z" * (length - 4)
    check_verifier(sha256(verifier.encode()).digest(), verifier)


@pytest.mark.parametrize(
    "verifier", ["a" * 42, "a" * 129, "a" * 42 + "+", "a" * 42 + "é", "a" * 43 + "\n", "", " " * 43]
)
def test_a_malformed_verifier_never_fits_even_its_own_challenge(verifier: str) -> None:
    assert (
        refused(sha256(verifier.encode()).digest(), verifier)
        == "code_verifier must have 43 to 128 characters out of A-Z, a-z, 0-9, -, ., _ and ~"
    )


def test_a_verifier_is_required_where_there_was_a_challenge() -> None:
    assert refused(OCTETS, None) == "code_verifier is missing"


def test_a_verifier_without_a_challenge_is_a_downgrade() -> None:
    """RFC 9700 section 4.8.2: somebody took the challenge out of the authorization request."""
    assert refused(b"", VERIFIER) == "PKCE downgrade"
    check_verifier(b"", None)


def test_the_challenge_itself_is_no_verifier() -> None:
    """What `plain` would accept."""
    refused(OCTETS, CHALLENGE)


@given(st.text(st.sampled_from("abcXYZ019-._~"), min_size=43, max_size=128))
def test_no_other_verifier_fits(verifier: str) -> None:
    check_verifier(sha256(verifier.encode()).digest(), verifier)
    if verifier != VERIFIER:
        refused(OCTETS, verifier)
