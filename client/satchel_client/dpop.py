"""RFC 9449 sections 4.3 and 7: proofs of possession, each good for one request, seen once."""

import hashlib
import re
from collections.abc import Sequence
from threading import Lock
from typing import NamedTuple
from urllib.parse import unquote_to_bytes, urlsplit

from satchel_client.jose import parse, verify
from satchel_jose.algorithms import PROOFS
from satchel_jose.base64url import encode
from satchel_jose.errors import Rejected
from satchel_jose.strict_json import load_object

MAX_PROOF_CHARS = 8192
MAX_AGE = 60
"""Seconds for which a proof is good, beside the leeway of clocks."""
_TYPES: frozenset[str | None] = frozenset({"dpop+jwt"})
_MAX_JTI_CHARS = 256
_VISIBLE = re.compile(r"[!-~]+")
_PORTS = {"https": 443, "http": 80}


class Proof(NamedTuple):
    """A good proof: the thumbprint of its key, what must be seen only once, and until when (seconds)."""

    jkt: str
    id: bytes
    until: float


def check_proof(headers: Sequence[str], method: str, url: str, token: str, now: float, leeway: float) -> Proof:
    """Check the DPoP headers of a request of `method` to `url` with the access token `token`, at `now`.

    Raises:
        Rejected: not exactly one, or not a good proof for this request.
    """
    if len(headers) != 1 or len(headers[0]) > MAX_PROOF_CHARS or not headers[0].isascii():
        raise Rejected("not exactly one DPoP proof of sane size")
    unverified = parse(headers[0].encode(), _TYPES)
    key = unverified.header.key
    if key is None:
        raise Rejected("no public key in the proof")
    if unverified.header.alg not in PROOFS:
        raise Rejected("alg is not for proofs")
    claims = load_object(verify(unverified, key))
    htu, jti, iat = claims.get("htu"), claims.get("jti"), claims.get("iat", "")
    if claims.get("htm") != method:
        raise Rejected("htm")
    if not isinstance(htu, str) or _target(htu) != _target(url):
        raise Rejected("htu")
    if claims.get("ath") != encode(hashlib.sha256(token.encode()).digest()).decode():
        raise Rejected("ath")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI_CHARS:
        raise Rejected("jti")
    if isinstance(iat, bool) or not isinstance(iat, int | float) or not now - MAX_AGE - leeway <= iat <= now + leeway:
        raise Rejected("iat")
    seen = hashlib.sha256(f"{key.thumbprint} {jti}".encode()).digest()
    return Proof(key.thumbprint, seen, iat + MAX_AGE + leeway)


class ReplayWindow:
    """What this process has seen, `capacity` ids at most. Several processes that must not take one proof each need a
    shared window: any object with this `spend`.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self.capacity = capacity
        self._seen: dict[bytes, float] = {}
        self._sweep_at = 0.0
        self._lock = Lock()

    def spend(self, id: bytes, until: float, now: float) -> bool | None:
        """Whether `id` is seen for the first time; None if there is no room to remember it until `until`."""
        with self._lock:
            if now >= self._sweep_at:
                self._seen = {known: end for known, end in self._seen.items() if now < end}
                self._sweep_at = now + MAX_AGE
            if id in self._seen:
                return False
            if len(self._seen) >= self.capacity:
                return None
            self._seen[id] = until
            return True


def _target(url: str) -> tuple[str, str, int | None, bytes]:
    """What of a URL is compared: no query, no fragment.

    Paths are compared decoded, because that is all that a WSGI server tells of the request's.
    """
    try:
        parts = urlsplit(url)
        port = _PORTS.get(parts.scheme) if parts.port is None else parts.port
    except ValueError:
        raise Rejected("htu is not a URL") from None
    # urlsplit drops white space without a word
    if not parts.hostname or parts.username is not None or _VISIBLE.fullmatch(url) is None:
        raise Rejected("htu is not a URL")
    return parts.scheme, parts.hostname, port, unquote_to_bytes(parts.path or "/")
