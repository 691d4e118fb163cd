"""Proof Key for Code Exchange (RFC 7636) with S256. `plain` is refused, because it reveals the verifier."""

import re
from hashlib import sha256
from hmac import compare_digest

from satchel_jose.base64url import decode
from service.bags.errors import BadBag
from service.protocol.errors import OAuthError

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def challenge_octets(challenge: str, method: str | None) -> bytes:
    """Return the 32 octets of a `code_challenge` (section 4.3).

    Raises:
        OAuthError: invalid_request: the method is not S256, or the challenge is not 32 base64url-encoded octets.
    """
    if method != "S256":
        raise OAuthError("invalid_request", "code_challenge_method must be S256")
    try:
        octets = decode(challenge.encode("ascii"))
    except (BadBag, UnicodeEncodeError):
        octets = b""
    if len(octets) != 32:
        raise OAuthError(
            "invalid_request", "code_challenge must be the base64url-encoded SHA-256 hash of code_verifier"
        )
    return octets


def check_verifier(challenge: bytes, verifier: str | None) -> None:
    """Check a `code_verifier` against the challenge of its code. Without a challenge, a verifier is refused.

    Raises:
        OAuthError: invalid_grant (section 4.6; RFC 9700 section 4.8.2 for the downgrade).
    """
    if not challenge:
        if verifier is not None:
            description = "code_verifier was sent, but the authorization request had no code_challenge"
            raise OAuthError("invalid_grant", description, reason="PKCE downgrade")
        return
    if verifier is None:
        raise OAuthError("invalid_grant", "code_verifier is missing")
    if _VERIFIER.fullmatch(verifier) is None:
        raise OAuthError(
            "invalid_grant", "code_verifier must have 43 to 128 characters out of A-Z, a-z, 0-9, -, ., _ and ~"
        )
    if not compare_digest(sha256(verifier.encode("ascii")).digest(), challenge):
        raise OAuthError("invalid_grant", "code_verifier does not match the code_challenge")
