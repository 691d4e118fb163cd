"""ClientKeys of possession (RFC 9449): what a DPoP header must say, and the key that it proves."""

import re
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urlsplit

from service.bags.base64url import encode
from service.bags.errors import BadBag
from service.bags.foreign import Claims, check_times, parse, verify_with_embedded_key
from service.protocol.errors import OAuthError
from service.protocol.one_time_id import OneTimeId, replay_id

ALGS = frozenset({"ES256", "ES384", "EdDSA", "RS256", "PS256"})
MAX_AGE = 60
"""Seconds for which a proof is good, beside the skew of clocks."""
SKEW = 60
_TYPES: frozenset[str | None] = frozenset({"dpop+jwt"})
_MAX_JTI = 256
_VISIBLE = re.compile(r"[!-~]*")
_DEFAULT_PORTS = {"https": 443, "http": 80}


class Proof(NamedTuple):
    """A good proof: the thumbprint of its key (RFC 7638), its nonce if it has one, and the `jti` to be spent."""

    jkt: str
    nonce: str | None
    one_time_id: OneTimeId


def check_proof(header: str, method: str, url: str, now: float, *, access_token: str | None = None) -> Proof:
    """Check the value of a DPoP header on a request of `method` to `url`, at `now` (seconds; section 4.3).

    With an `access_token` the proof must be for that one (`ath`). The nonce is for the caller to check.

    Raises:
        OAuthError: invalid_dpop_proof.
    """
    try:
        claims, jkt = verify_with_embedded_key(parse(header, types=_TYPES, embedded_key=True), ALGS)
        check_times(claims, now, skew=SKEW, require_exp=False, max_age=MAX_AGE)
        if access_token is not None and claims.get("ath") != _hash(access_token):
            raise BadBag("ath")
        return _proof(claims, jkt, method, url)
    except BadBag as fault:
        raise OAuthError("invalid_dpop_proof", "the DPoP proof is not valid", reason=fault.reason) from None


def _proof(claims: Claims, jkt: str, method: str, url: str) -> Proof:
    if claims.get("htm") != method:
        raise BadBag("htm")
    htu, jti, nonce = claims.get("htu"), claims.get("jti"), claims.get("nonce")
    if not isinstance(htu, str) or _target(htu) != _target(url):
        raise BadBag("htu")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
        raise BadBag("jti")
    if nonce is not None and not isinstance(nonce, str):
        raise BadBag("nonce")
    refusal = OAuthError("invalid_dpop_proof", "the DPoP proof is not valid", reason="replayed")
    until = int(claims["iat"]) + MAX_AGE + 2 * SKEW
    return Proof(jkt, nonce, OneTimeId(replay_id("dpop", jkt, jti), until, "dpop", refusal))


def _hash(access_token: str) -> str:
    return encode(sha256(access_token.encode("ascii")).digest()).decode("ascii")


def _target(url: str) -> tuple[str, str, int | None, str]:
    """Return what of a URL is compared: no query, no fragment; host and port as RFC 3986 section 6.2 levels them."""
    try:
        parts = urlsplit(url)
        port = _DEFAULT_PORTS.get(parts.scheme) if parts.port is None else parts.port
    except ValueError:
        raise BadBag("htu is not a URL") from None
    if parts.username is not None or _VISIBLE.fullmatch(url) is None:  # urlsplit drops white space without a word
        raise BadBag("htu is not a URL")
    return parts.scheme, parts.hostname or "", port, parts.path or "/"
