"""DPoP proofs (RFC 9449): checks of the DPoP header, and the key that a proof demonstrates."""

import re
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urlsplit

from satchel_jose.algorithms import PROOFS
from satchel_jose.base64url import encode
from service.bags.errors import BadBag
from service.bags.foreign import Claims, check_times, parse, verify_with_embedded_key
from service.protocol.errors import OAuthError
from service.protocol.one_time_id import OneTimeId, replay_id

ALGS = frozenset(PROOFS)
MAX_AGE = 60
"""Seconds for which a proof is accepted, in addition to the clock skew."""
SKEW = 60
_TYPES: frozenset[str | None] = frozenset({"dpop+jwt"})
_MAX_JTI = 256
_INVALID = "the DPoP proof is invalid, expired, or was used before"
_VISIBLE = re.compile(r"[!-~]*")
_DEFAULT_PORTS = {"https": 443, "http": 80}


class Proof(NamedTuple):
    """A valid proof: the thumbprint of its key (RFC 7638), its nonce or None, and its `jti` as a one-time id."""

    jkt: str
    nonce: str | None
    one_time_id: OneTimeId


def check_proof(header: str, method: str, url: str, now: float, *, access_token: str | None = None) -> Proof:
    """Check the DPoP header of a request with `method` to `url` (section 4.3); `now` is in seconds since the epoch.

    If `access_token` is given, the proof must be bound to that token by `ath`. The caller checks the nonce and spends
    the one-time id.

    Raises:
        OAuthError: invalid_dpop_proof.
    """
    try:
        claims, jkt = verify_with_embedded_key(parse(header, types=_TYPES, embedded_key=True), ALGS)
        check_times(claims, now, skew=SKEW, require_exp=False, max_age=MAX_AGE)
        if access_token is not None and claims.get("ath") != _hash(access_token):
            raise BadBag("ath is not the hash of the access token")
        return _proof(claims, jkt, method, url)
    except BadBag as fault:
        raise OAuthError("invalid_dpop_proof", _INVALID, reason=fault.reason) from None


def _proof(claims: Claims, jkt: str, method: str, url: str) -> Proof:
    if claims.get("htm") != method:
        raise BadBag("htm is not the method of the request")
    htu, jti, nonce = claims.get("htu"), claims.get("jti"), claims.get("nonce")
    if not isinstance(htu, str) or _target(htu) != _target(url):
        raise BadBag("htu is not the URL of the endpoint")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
        raise BadBag("jti is missing or too long")
    if nonce is not None and not isinstance(nonce, str):
        raise BadBag("nonce is not a string")
    refusal = OAuthError("invalid_dpop_proof", _INVALID, reason="replayed")
    until = int(claims["iat"]) + MAX_AGE + 2 * SKEW
    return Proof(jkt, nonce, OneTimeId(replay_id("dpop", jkt, jti), until, "dpop", refusal))


def _hash(access_token: str) -> str:
    return encode(sha256(access_token.encode("ascii")).digest()).decode("ascii")


def _target(url: str) -> tuple[str, str, int | None, str]:
    """Return the compared parts of a URL: scheme, host, port and path, normalised as in RFC 3986 section 6.2."""
    try:
        parts = urlsplit(url)
        port = _DEFAULT_PORTS.get(parts.scheme) if parts.port is None else parts.port
    except ValueError:
        raise BadBag("htu is not a URL") from None
    if parts.username is not None or _VISIBLE.fullmatch(url) is None:  # urlsplit silently drops some white space
        raise BadBag("htu is not a URL")
    return parts.scheme, parts.hostname or "", port, parts.path or "/"
